#include "scheduler/running_call.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

#include "scheduler/placement.hpp"

namespace rondo::scheduler {

namespace {
// What stays from call to call of what a move took longer than it should: crowded cores make each one take long.
constexpr double kMemory = 0.75;
// A move is taken to be no dearer than this. What took longer says nothing of the next one: the job was suspended, say.
constexpr Seconds kDearest{0.2};
}  // namespace

RunningCall::RunningCall(const Settings& settings, StateTable& states)
    : settings_(settings),
      states_(states),
      loads_(settings.workers),
      progress_(settings.workers),
      latency_(settings.move.latency) {}

std::vector<Command> RunningCall::on(Time now, const Event& event) {
  commands_.clear();
  std::visit([&](const auto& e) { handle(now, e); }, event);
  return std::exchange(commands_, {});
}

void RunningCall::handle(Time now, const event::Begin& begin) {
  if (!is_idle()) throw std::logic_error("scheduler: a call begins while another one runs");
  phase_ = Phase::kRunning;
  rounds_ = begin.rounds;
  open_ = complete_ = 0;
  missing_.clear();
  stopped_ = 0;
  latency_ = settings_.move.latency + (latency_ - settings_.move.latency) * kMemory;
  hungry_.clear();
  givers_.clear();

  const bool known = states_.begin_call();
  std::vector<command::Move> moves;  // by the worker that they leave
  ++calls_;
  if (settings_.rotate) {
    moves = rotate(states_, settings_, calls_);
  } else if (settings_.rebalance && known) {
    moves = refine(states_, settings_, latency_);
  }

  batch_ = begin.batch_most;
  outstanding_most_ = static_cast<double>(begin.batch_most) * 2;
  if (settings_.batch > 0 && settings_.rebalance && rounds_ == 1) batch_ = std::min(settings_.batch, batch_);
  distribute(now);
  // After the assignments: everybody computes while states are packed.
  for (command::Move& move : moves) commands_.emplace_back(std::move(move));
  if (rounds_ == 0) end_if_done();
}

std::vector<Command> RunningCall::recover(Time now, std::span<const std::uint32_t> rounds_done, bool stop) {
  commands_.clear();
  hungry_.clear();
  givers_.clear();
  for (std::size_t& missing : missing_) missing = 0;
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    if (rounds_done[slot] < complete_ || rounds_done[slot] > open_)
      throw std::logic_error("scheduler: a state is recovered in a round that is not open");
    states_.set_rounds_done(slot, rounds_done[slot]);
    for (std::uint32_t round = rounds_done[slot]; round < open_; ++round) ++missing_[round - complete_];
  }
  stopped_ = 0;
  phase_ = stop ? Phase::kStopping : Phase::kRunning;  // which assigns nothing if it stops
  distribute(now);
  if (stop) {
    phase_ = Phase::kRunning;
    handle(now, event::Cancel{});
  }
  complete_rounds();
  return std::exchange(commands_, {});
}

// Every worker gets the states that it holds and that have rounds to do, and nothing else is known of it. O(n).
void RunningCall::distribute(Time now) {
  for (std::uint32_t w = 0; w < loads_.size(); ++w) {
    std::vector<Slot> memory = std::move(loads_[w].waiting);  // of one call serves the next
    memory.clear();
    loads_[w] = WorkerLoad();
    loads_[w].waiting = std::move(memory);
    loads_[w].finish = now;
    progress_[w] = WorkerProgress();
  }
  for (auto slot = static_cast<Slot>(states_.size()); slot-- > 0;) {  // the first one last
    if (states_[slot].rounds_done >= rounds_) continue;
    WorkerLoad& load = loads_[index(states_[slot].owner)];
    load.waiting.push_back(slot);
    load.waiting_work += states_.expected(slot);
    count_offer(slot, load.waiting_offer);
  }
  for (const std::uint32_t w : states_.alive()) {
    WorkerLoad& load = loads_[w];
    if (load.waiting.size() > batch_)
      order_waiting(load.waiting);  // a whole part is ordered by the worker itself
    if (load.waiting.empty() && settings_.rebalance) await_victim(Worker{w});
    assign(now, Worker{w});
  }
}

// Longest last, as the next one is taken from there; one of unknown cost may be the longest. What an order gains is no more
// than the longest takes: where that is less than a message, they stay as they are.
void RunningCall::order_waiting(std::vector<Slot>& slots) const {
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
void RunningCall::assign(Time now, Worker worker) {
  WorkerLoad& load = loads_[index(worker)];
  std::ptrdiff_t& outstanding = progress_[index(worker)].outstanding;
  const Seconds round_trip = 2 * settings_.move.latency;
  const Time reach = now + round_trip;
  const auto may_be_ahead = [&] {
    return load.finish < reach &&
           static_cast<double>(outstanding) + static_cast<double>(batch_) <= outstanding_most_;
  };
  while (!load.waiting.empty() && phase_ == Phase::kRunning &&
         (outstanding <= static_cast<std::ptrdiff_t>(batch_) || may_be_ahead())) {
    const std::size_t count = std::min(batch_, load.waiting.size());
    command::Assign assign{worker, {}};
    assign.slots.assign(load.waiting.rbegin(), load.waiting.rbegin() + static_cast<std::ptrdiff_t>(count));
    load.waiting.resize(load.waiting.size() - count);
    double work = load.waiting_work;
    Offer offer = load.waiting_offer;
    if (!load.waiting.empty()) {
      work = 0;
      offer = {};
      for (const Slot slot : assign.slots) {
        work += states_.expected(slot);
        count_offer(slot, offer);
      }
    }
    load.waiting_work = load.waiting.empty() ? 0 : load.waiting_work - work;
    load.waiting_offer.count -= offer.count;
    load.finish = std::max(now, load.finish) + Seconds(work);
    outstanding += static_cast<std::ptrdiff_t>(count);
    load.ready += offer.count;
    load.smallest = std::min(load.smallest, offer.smallest);
    commands_.emplace_back(std::move(assign));
  }
  list(worker);
}

// A state that is dearer to move than to run is none that a thief could get.
void RunningCall::count_offer(Slot slot, Offer& offer) const {
  const double work = states_.expected(slot), bytes = states_[slot].bytes;
  if (!settings_.move.pays(work, bytes)) return;
  ++offer.count;
  offer.smallest = std::min(offer.smallest, Seconds(work) + settings_.move.of_state(bytes));
}

// Keeps the worker's place among those who could give.
void RunningCall::list(Worker worker) {
  const WorkerLoad& load = loads_[index(worker)];
  std::optional<Ranking::iterator>& listed = progress_[index(worker)].listed;
  Ranking::node_type entry;
  if (listed) entry = givers_.extract(*std::exchange(listed, std::nullopt));
  if (!settings_.rebalance || phase_ != Phase::kRunning || (load.ready == 0 && load.waiting.empty())) return;
  double key = -(load.finish.count() + load.waiting_work);
  if (load.waiting.empty()) key += std::max(load.smallest, least_difference(latency_)).count();
  if (!entry) {
    listed = givers_.emplace(key, index(worker)).first;
  } else {
    entry.value() = {key, index(worker)};
    listed = givers_.insert(std::move(entry)).position;
  }
}

void RunningCall::handle(Time, const event::Opened& opened) {
  for (; open_ < opened.open; ++open_) missing_.push_back(states_.size());
  complete_rounds();
}

void RunningCall::handle(Time, const event::Closed& closed) {
  rounds_ = closed.rounds;
  end_if_done();
}

void RunningCall::handle(Time now, const event::Report& report) {
  if (is_idle()) return;  // a last word after the end of the call
  for (const Done& done : report.done) {
    const State& state = states_.at(done.slot);
    // not always in order: a thief's report of a later round can overtake the victim's of an earlier one
    if (done.round < complete_ || done.round >= open_ || missing_[done.round - complete_] == 0)
      throw std::logic_error("scheduler: state " + std::to_string(value(state.id)) + " reports round " +
                             std::to_string(done.round) + " while rounds " + std::to_string(complete_) +
                             " to " + std::to_string(open_) + " are open");
    states_.did_round(done.slot, Seconds(done.seconds));
    states_.own(done.slot, report.worker, done.hop);
    --missing_[done.round - complete_];
  }
  WorkerLoad& load = loads_[index(report.worker)];
  WorkerProgress& p = progress_[index(report.worker)];
  p.outstanding -= std::ssize(report.done);
  load.finish = now + report.left;
  load.ready = report.ready;
  load.smallest = report.smallest;
  if (phase_ == Phase::kRunning) {
    assign(now, report.worker);
    const bool asks =
        report.hungry && p.appetite == Appetite::kFed && load.waiting.empty() && settings_.rebalance;
    if (asks || p.appetite == Appetite::kHungry) await_victim(report.worker);
    serve(now);
  }
  complete_rounds();
}

// Keeps the worker's place among those who wait for a victim.
void RunningCall::await_victim(Worker worker) {
  WorkerProgress& p = progress_[index(worker)];
  if (p.appetite == Appetite::kHungry) hungry_.erase({p.hungry_key, index(worker)});
  p.appetite = Appetite::kHungry;
  p.hungry_key = loads_[index(worker)].finish.count();
  hungry_.emplace(p.hungry_key, index(worker));
}

// Asks the policy for each hungry worker. A worker that has refused is asked again only after it has reported again. At the
// end of a round many are hungry and nobody has enough: so they are looked through from the one with least left, as far as
// anybody has enough for them.
void RunningCall::serve(Time now) {
  for (auto next = hungry_.begin(); next != hungry_.end();) {
    const auto hungry = next++;
    const Worker thief{hungry->second};
    const StealChoice choice = settings_.steal({now, latency_, loads_, givers_}, as_thief(now, thief));
    if (const auto* steal = std::get_if<Steal>(&choice)) {
      if (carry_out(now, *steal, thief)) hungry_.erase(hungry);
    } else if (std::get<NoSteal>(choice) == NoSteal::kForAnyThief) {
      return;
    }
  }
}

Thief RunningCall::as_thief(Time now, Worker worker) const {
  const std::uint32_t w = index(worker);
  return {worker, std::max(loads_[w].finish - now, Seconds(0)),
          settings_.bytes_max - states_.bytes_held()[w]};
}

// A policy may have been written by a user of this class. A victim that has nothing to give would be asked again and again.
void RunningCall::require_giver(const Steal& steal, Worker thief) const {
  if (steal.victim == thief) throw std::logic_error("steal policy: a worker cannot steal from itself");
  const std::uint32_t victim = index(steal.victim);
  if (victim >= progress_.size() || !progress_[victim].listed)
    throw std::logic_error("steal policy: the victim has no states to give");
  const WorkerLoad& load = loads_[victim];
  if (steal.from == StealFrom::kWaiting ? load.waiting.empty() : load.ready == 0)
    throw std::logic_error("steal policy: the victim has no states of this kind to give");
}

// Whether states are on their way to the thief, or asked for: then it waits for a victim no more, or again when the answer is
// empty.
bool RunningCall::carry_out(Time now, const Steal& steal, Worker thief) {
  require_giver(steal, thief);
  if (steal.from == StealFrom::kWaiting) return reassign(now, steal, thief);
  commands_.emplace_back(command::Give{steal.victim, thief, steal.request});
  progress_[index(thief)].asked = now;
  progress_[index(thief)].appetite = Appetite::kAsked;
  loads_[index(steal.victim)].finish -= steal.relief;
  list(steal.victim);
  return true;
}

// States whose jobs are still here go without the victim's being asked. O(n log n) for those that wait.
bool RunningCall::reassign(Time now, const Steal& steal, Worker thief) {
  WorkerLoad& v = loads_[index(steal.victim)];
  WorkerLoad& t = loads_[index(thief)];
  std::vector<Candidate> candidates;
  for (std::uint32_t i = 0; i < v.waiting.size(); ++i)
    candidates.push_back({i, v.waiting[i], states_.expected(v.waiting[i]), states_[v.waiting[i]].bytes});
  const Seconds victim_left = std::max(v.finish - now, Seconds(0)) + Seconds(v.waiting_work);
  const std::vector<std::uint32_t> chosen =
      share(std::move(candidates), victim_left, steal.request, settings_.move, v.finish - now);
  if (chosen.empty()) return false;

  command::Move move{steal.victim, thief, {}};
  std::vector<bool> taken(v.waiting.size(), false);
  Offer moved;
  for (const std::uint32_t position : chosen) {
    const Slot slot = v.waiting[position];
    taken[position] = true;
    move.slots.push_back(slot);
    v.waiting_work -= states_.expected(slot);
    t.waiting_work += states_.expected(slot);
    count_offer(slot, moved);
    states_.own(slot, thief, states_[slot].hop + 1);
  }
  v.waiting_offer.count -= moved.count;
  t.waiting_offer = moved;
  std::size_t position = 0;
  std::erase_if(v.waiting, [&](Slot) { return taken[position++]; });
  t.waiting.assign(move.slots.rbegin(), move.slots.rend());
  commands_.emplace_back(std::move(move));
  progress_[index(thief)].appetite = Appetite::kFed;
  list(steal.victim);
  assign(now, thief);
  return true;
}

void RunningCall::handle(Time now, const event::Gave& gave) {
  if (is_idle()) return;
  double work = 0;
  std::size_t to_do = 0;
  Offer offer;
  for (const Given& given : gave.given) {
    // the thief's report of it may have overtaken this message; then it is no work that the thief will speak of again
    if (states_[given.slot].hop >= given.hop) continue;
    states_.own(given.slot, gave.thief, given.hop);
    work += states_.expected(given.slot);
    count_offer(given.slot, offer);
    ++to_do;
  }
  WorkerProgress& victim = progress_[index(gave.victim)];
  WorkerProgress& thief = progress_[index(gave.thief)];
  victim.outstanding -= std::ssize(gave.given);
  thief.outstanding += std::ssize(gave.given);
  WorkerLoad& v = loads_[index(gave.victim)];
  v.finish = now + gave.left;
  v.ready = gave.given.empty() ? 0 : gave.ready;
  v.smallest = gave.smallest;
  list(gave.victim);
  if (victim.appetite == Appetite::kHungry) await_victim(gave.victim);
  // a master that is behind with its messages shows here, or a crowded node: then only what gains more is asked for
  latency_ += (std::min(now - thief.asked, kDearest) - latency_) / 8;
  latency_ = std::max(latency_, settings_.move.latency);
  if (phase_ == Phase::kStopping) return;
  if (to_do > 0) {
    WorkerLoad& t = loads_[index(gave.thief)];
    t.finish = std::max(now, t.finish) + latency_ + Seconds(work);
    t.ready += offer.count;  // a thief that has got much can be a victim before it has reported
    t.smallest = std::min(t.smallest, offer.smallest);
    list(gave.thief);
    thief.appetite = Appetite::kFed;
  } else {
    await_victim(gave.thief);
  }
  serve(now);
}

void RunningCall::handle(Time, const event::Cancel&) {
  if (phase_ != Phase::kRunning) return;
  phase_ = Phase::kStopping;
  for (std::uint32_t w = 0; w < loads_.size(); ++w) {
    loads_[w].waiting.clear();
    progress_[w].appetite = Appetite::kFed;
    list(Worker{w});
  }
  hungry_.clear();
  commands_.emplace_back(command::Stop{});
}

void RunningCall::handle(Time, const event::Stopped& stopped) {
  WorkerProgress& p = progress_[index(stopped.worker)];
  if (p.stopped || phase_ != Phase::kStopping) return;
  p.stopped = true;
  if (++stopped_ == states_.alive().size()) {
    phase_ = Phase::kIdle;
    commands_.emplace_back(command::End{});
  }
}

void RunningCall::complete_rounds() {
  while (!missing_.empty() && missing_.front() == 0) {
    missing_.pop_front();
    commands_.emplace_back(command::Complete{complete_++});
  }
  end_if_done();
}

void RunningCall::end_if_done() {
  if (phase_ != Phase::kRunning || complete_ < rounds_) return;
  phase_ = Phase::kIdle;
  commands_.emplace_back(command::End{});
}

}  // namespace rondo::scheduler
