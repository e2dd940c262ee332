#include "scheduler/scheduler.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>

#include <rondo/error.hpp>

namespace rondo::scheduler {

namespace {
// What stays from call to call of what a move took longer than it should: crowded cores make each one take long.
constexpr double kMemory = 0.75;
// A move is taken to be no dearer than this. What took longer says nothing of the next one: the job was suspended, say.
constexpr Seconds kDearest{0.2};
}  // namespace

Scheduler::Scheduler(const Settings& settings)
    : settings_(settings),
      workers_(settings.workers),
      alive_(settings.workers),
      latency_(settings.move.latency) {
  std::iota(alive_.begin(), alive_.end(), 0U);
  if (settings.workers == 0) throw OptionError("workers: need at least 1, got 0");
  if (!(settings.bytes_max > 0)) throw OptionError("memory: need more than 0 bytes per worker");
}

std::vector<Command> Scheduler::on(Time now, const Event& event) {
  commands_.clear();
  std::visit([&](const auto& e) { handle(now, e); }, event);
  return std::exchange(commands_, {});
}

double Scheduler::expected(Slot slot) const {
  const Cost& cost = states_[slot].cost;
  return cost.known() ? cost.predicted().count() : mean_;
}

void Scheduler::own(Slot slot, Worker worker, std::uint32_t hop) {
  State& state = states_[slot];
  if (hop < state.hop) return;  // an older report than what is known
  state.hop = hop;
  if (state.owner == worker) return;
  progress_of(state.owner).bytes -= state.bytes;
  progress_of(worker).bytes += state.bytes;
  state.owner = worker;
}

void Scheduler::handle(Time now, const event::Begin& begin) {
  if (running_) throw std::logic_error("scheduler: a call begins while another one runs");
  running_ = true;
  stopping_ = false;
  rounds_ = begin.rounds;
  open_ = complete_ = 0;
  missing_.clear();
  stopped_ = 0;
  latency_ = settings_.move.latency + (latency_ - settings_.move.latency) * kMemory;
  hungry_.clear();
  busiest_.clear();

  double sum = 0;
  std::size_t known = 0;
  for (State& state : states_) {
    state.rounds_done = 0;
    if (state.cost.known()) sum += state.cost.predicted().count(), ++known;
  }
  if (known > 0) mean_ = sum / static_cast<double>(known);
  std::vector<command::Move> moves;  // by the worker that they leave
  ++calls_;
  if (settings_.rotate) {
    moves = rotate();
  } else if (settings_.rebalance && known > 0) {
    moves = refine();
  }

  batch_ = begin.batch_most;
  outstanding_most_ = static_cast<double>(begin.batch_most) * 2;
  if (settings_.batch > 0 && settings_.rebalance && rounds_ == 1) batch_ = std::min(settings_.batch, batch_);
  distribute(now);
  // After the assignments: everybody computes while states are packed.
  for (command::Move& move : moves) commands_.emplace_back(std::move(move));
  if (rounds_ == 0) end_if_done();
}

// Every worker gets the states that it holds and that have rounds to do, and nothing else is known of it. O(n).
void Scheduler::distribute(Time now) {
  for (WorkerProgress& p : workers_) {
    const double bytes = p.bytes;
    std::vector<Slot> memory = std::move(p.waiting);  // of one call serves the next
    memory.clear();
    p = WorkerProgress();
    p.waiting = std::move(memory);
    p.bytes = bytes;
    p.finish = now;
  }
  for (auto slot = static_cast<Slot>(states_.size()); slot-- > 0;) {  // the first one last
    if (states_[slot].rounds_done >= rounds_) continue;
    WorkerProgress& p = progress_of(states_[slot].owner);
    p.waiting.push_back(slot);
    p.waiting_work += expected(slot);
    count_offer(slot, p.waiting_offer);
  }
  for (const std::uint32_t w : alive_) {
    WorkerProgress& p = workers_[w];
    if (p.waiting.size() > batch_) order_waiting(p.waiting);  // a whole part is ordered by the worker itself
    if (p.waiting.empty() && settings_.rebalance) {
      p.hungry = true;
      await_victim(Worker{w});
    }
    assign(now, Worker{w});
  }
}

// Longest last, as the next one is taken from there; one of unknown cost may be the longest. What an order gains is no more
// than the longest takes: where that is less than a message, they stay as they are.
void Scheduler::order_waiting(std::vector<Slot>& slots) const {
  std::vector<std::pair<double, Slot>> order;
  order.reserve(slots.size());
  double longest = 0;
  for (const Slot slot : slots) {
    const Cost& cost = states_[slot].cost;
    const double seconds = cost.known() ? cost.predicted().count() : std::numeric_limits<double>::infinity();
    longest = std::max(longest, seconds);
    order.emplace_back(seconds, slot);
  }
  if (longest < settings_.move.latency.count()) return;
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  std::transform(order.begin(), order.end(), slots.begin(), [](const auto& entry) { return entry.second; });
}

// Keeps two batches at the worker: the one it runs and the next; more, as long as all of them end before the master could
// have sent another.
void Scheduler::assign(Time now, Worker worker) {
  WorkerProgress& p = progress_of(worker);
  const Time reach = now + 2 * settings_.move.latency;
  const auto may_be_ahead = [&] {
    return p.finish < reach &&
           static_cast<double>(p.outstanding) + static_cast<double>(batch_) <= outstanding_most_;
  };
  while (!p.waiting.empty() && !stopping_ &&
         (p.outstanding <= static_cast<std::ptrdiff_t>(batch_) || may_be_ahead())) {
    const std::size_t count = std::min(batch_, p.waiting.size());
    command::Assign assign{worker, {}};
    assign.slots.assign(p.waiting.rbegin(), p.waiting.rbegin() + static_cast<std::ptrdiff_t>(count));
    p.waiting.resize(p.waiting.size() - count);
    double work = p.waiting_work;
    Offer offer = p.waiting_offer;
    if (!p.waiting.empty()) {
      work = 0;
      offer = {};
      for (const Slot slot : assign.slots) {
        work += expected(slot);
        count_offer(slot, offer);
      }
    }
    p.waiting_work = p.waiting.empty() ? 0 : p.waiting_work - work;
    p.waiting_offer.count -= offer.count;
    p.finish = std::max(now, p.finish) + Seconds(work);
    p.outstanding += static_cast<std::ptrdiff_t>(count);
    p.ready += offer.count;
    p.smallest = std::min(p.smallest, offer.smallest);
    commands_.emplace_back(std::move(assign));
  }
  list(worker);
}

// A state that is dearer to move than to run is none that a thief could get.
void Scheduler::count_offer(Slot slot, Offer& offer) const {
  const double work = expected(slot), bytes = states_[slot].bytes;
  if (!settings_.move.pays(work, bytes)) return;
  ++offer.count;
  offer.smallest = std::min(offer.smallest, Seconds(work) + settings_.move.of_state(bytes));
}

// Keeps the worker's place among those who could give.
void Scheduler::list(Worker worker) {
  WorkerProgress& p = progress_of(worker);
  Ranking::node_type entry;
  if (p.listed) entry = busiest_.extract(*std::exchange(p.listed, std::nullopt));
  if (!settings_.rebalance || stopping_ || (p.ready == 0 && p.waiting.empty())) return;
  double key = -(p.finish.count() + p.waiting_work);
  if (p.waiting.empty()) key += std::max(p.smallest, 2 * latency_).count();
  if (!entry) {
    p.listed = busiest_.emplace(key, index(worker)).first;
  } else {
    entry.value() = {key, index(worker)};
    p.listed = busiest_.insert(std::move(entry)).position;
  }
}

void Scheduler::handle(Time, const event::Opened& opened) {
  for (; open_ < opened.open; ++open_) missing_.push_back(states_.size());
  complete_rounds();
}

void Scheduler::handle(Time, const event::Closed& closed) {
  rounds_ = closed.rounds;
  end_if_done();
}

void Scheduler::handle(Time now, const event::Report& report) {
  if (!running_) return;  // a last word after the end of the call
  WorkerProgress& p = progress_of(report.worker);
  for (const Done& done : report.done) {
    State& state = states_.at(done.slot);
    // not always in order: a thief's report of a later round can overtake the victim's of an earlier one
    if (done.round < complete_ || done.round >= open_ || missing_[done.round - complete_] == 0)
      throw std::logic_error("scheduler: state " + std::to_string(value(state.id)) + " reports round " +
                             std::to_string(done.round) + " while rounds " + std::to_string(complete_) +
                             " to " + std::to_string(open_) + " are open");
    ++state.rounds_done;
    state.cost.measured(Seconds(done.seconds));
    own(done.slot, report.worker, done.hop);
    --missing_[done.round - complete_];
  }
  p.outstanding -= std::ssize(report.done);
  p.finish = now + report.left;
  p.ready = report.ready;
  p.smallest = report.smallest;
  if (!stopping_) {
    assign(now, report.worker);
    const bool asks = report.hungry && !p.hungry && p.waiting.empty() && settings_.rebalance;
    p.hungry = p.hungry || asks;
    if (asks || p.awaits) await_victim(report.worker);
    serve(now);
  }
  complete_rounds();
}

// Keeps the worker's place among those who wait for a victim.
void Scheduler::await_victim(Worker worker) {
  WorkerProgress& p = progress_of(worker);
  if (p.awaits) hungry_.erase({*p.awaits, index(worker)});
  p.awaits = p.finish.count();
  hungry_.emplace(*p.awaits, index(worker));
}

// Finds a victim for each hungry worker, most work left first. A worker that has refused is asked again only after it
// has reported again. At the end of a round many are hungry and nobody has enough: so they are looked through from the one
// with least left, as far as anybody has enough for them.
void Scheduler::serve(Time now) {
  for (auto next = hungry_.begin(); next != hungry_.end();) {
    const auto hungry = next++;
    const Worker thief{hungry->second};
    const Seconds left = std::max(progress_of(thief).finish - now, Seconds(0));
    if (busiest_.empty() || Seconds(-busiest_.begin()->first) - now <= left) return;
    // thieves with more work left would gain even less
    const Worker busiest{busiest_.begin()->second};
    if (busiest != thief && gain(now, busiest, left) <= 2 * latency_) return;
    if (!find_victim(now, thief)) continue;
    progress_of(thief).awaits.reset();
    hungry_.erase(hungry);
  }
}

// By how much the victim ends later than a thief with so much left.
Seconds Scheduler::gain(Time now, Worker victim, Seconds thief_left) const {
  const WorkerProgress& v = workers_[index(victim)];
  return v.finish + Seconds(v.waiting_work) - now - thief_left;
}

// Whether states are on their way to the thief, or asked for: then it is hungry no more, or is when the answer is empty.
bool Scheduler::find_victim(Time now, Worker thief) {
  WorkerProgress& t = progress_of(thief);
  const Seconds thief_left = std::max(t.finish - now, Seconds(0));
  for (const auto& [key, number] : busiest_) {
    const Worker victim{number};
    if (Seconds(-key) - now <= thief_left) return false;
    if (victim == thief) continue;
    WorkerProgress& v = progress_of(victim);
    const Seconds difference = gain(now, victim, thief_left);
    if (difference <= 2 * latency_) return false;
    // what is little work pays only while the victim is busy with what it has
    const bool busy = v.finish - now > thief_left + 2 * latency_;
    if (v.waiting_offer.count > 0 || (busy && !v.waiting.empty())) {
      if (!reassign(now, victim, thief)) return false;
      t.hungry = false;
      return true;
    }
    if (v.ready == 0) continue;
    const StealRequest request{std::max(thief_left, latency_), settings_.bytes_max - t.bytes};
    commands_.emplace_back(command::Give{victim, thief, request});
    t.asked = now;
    v.finish -= difference / 2;  // what it will have given, so that the next thief finds another victim
    list(victim);
    return true;
  }
  return false;
}

// States whose jobs are still here go without the victim's being asked. O(n log n) for those that wait.
bool Scheduler::reassign(Time now, Worker victim, Worker thief) {
  WorkerProgress& v = progress_of(victim);
  WorkerProgress& t = progress_of(thief);
  std::vector<Candidate> candidates;
  for (std::uint32_t i = 0; i < v.waiting.size(); ++i)
    candidates.push_back({i, v.waiting[i], expected(v.waiting[i]), states_[v.waiting[i]].bytes});
  const Seconds victim_left = std::max(v.finish - now, Seconds(0)) + Seconds(v.waiting_work);
  const StealRequest request{std::max(t.finish - now, Seconds(0)), settings_.bytes_max - t.bytes};
  const std::vector<std::uint32_t> chosen =
      share(std::move(candidates), victim_left, request, settings_.move, v.finish - now);
  if (chosen.empty()) return false;

  command::Move move{victim, thief, {}};
  std::vector<bool> taken(v.waiting.size(), false);
  Offer moved;
  for (const std::uint32_t position : chosen) {
    const Slot slot = v.waiting[position];
    taken[position] = true;
    move.slots.push_back(slot);
    v.waiting_work -= expected(slot);
    t.waiting_work += expected(slot);
    count_offer(slot, moved);
    own(slot, thief, states_[slot].hop + 1);
  }
  v.waiting_offer.count -= moved.count;
  t.waiting_offer = moved;
  std::size_t position = 0;
  std::erase_if(v.waiting, [&](Slot) { return taken[position++]; });
  t.waiting.assign(move.slots.rbegin(), move.slots.rend());
  commands_.emplace_back(std::move(move));
  list(victim);
  assign(now, thief);
  return true;
}

void Scheduler::handle(Time now, const event::Gave& gave) {
  if (!running_) return;
  double work = 0;
  std::size_t to_do = 0;
  Offer offer;
  for (const Given& given : gave.given) {
    // the thief's report of it may have overtaken this message; then it is no work that the thief will speak of again
    if (states_[given.slot].hop >= given.hop) continue;
    own(given.slot, gave.thief, given.hop);
    work += expected(given.slot);
    count_offer(given.slot, offer);
    ++to_do;
  }
  WorkerProgress& v = progress_of(gave.victim);
  WorkerProgress& t = progress_of(gave.thief);
  v.outstanding -= std::ssize(gave.given);
  t.outstanding += std::ssize(gave.given);
  v.finish = now + gave.left;
  v.ready = gave.given.empty() ? 0 : gave.ready;
  v.smallest = gave.smallest;
  list(gave.victim);
  if (v.awaits) await_victim(gave.victim);
  // a master that is behind with its messages shows here, or a crowded node: then only what gains more is asked for
  latency_ += (std::min(now - t.asked, kDearest) - latency_) / 8;
  latency_ = std::max(latency_, settings_.move.latency);
  if (stopping_) return;
  if (to_do > 0) {
    t.finish = std::max(now, t.finish) + latency_ + Seconds(work);
    t.ready += offer.count;  // a thief that has got much can be a victim before it has reported
    t.smallest = std::min(t.smallest, offer.smallest);
    list(gave.thief);
    t.hungry = false;
  } else {
    await_victim(gave.thief);
  }
  serve(now);
}

void Scheduler::handle(Time, const event::Cancel&) {
  if (!running_ || stopping_) return;
  stopping_ = true;
  for (std::uint32_t w = 0; w < workers_.size(); ++w) {
    workers_[w].waiting.clear();
    workers_[w].awaits.reset();
    list(Worker{w});
  }
  hungry_.clear();
  commands_.emplace_back(command::Stop{});
}

void Scheduler::handle(Time, const event::Stopped& stopped) {
  WorkerProgress& p = progress_of(stopped.worker);
  if (p.stopped || !stopping_) return;
  p.stopped = true;
  if (++stopped_ == alive_.size()) {
    running_ = false;
    commands_.emplace_back(command::End{});
  }
}

void Scheduler::complete_rounds() {
  while (!missing_.empty() && missing_.front() == 0) {
    missing_.pop_front();
    commands_.emplace_back(command::Complete{complete_++});
  }
  end_if_done();
}

void Scheduler::end_if_done() {
  if (!running_ || stopping_ || complete_ < rounds_) return;
  running_ = false;
  commands_.emplace_back(command::End{});
}

}  // namespace rondo::scheduler
