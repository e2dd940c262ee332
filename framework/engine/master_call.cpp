// The calls: one round, or many without a barrier.
#include <algorithm>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/master.hpp"
#include "engine/master_wait.hpp"

namespace rondo::engine {

namespace {

// An input that the program cannot pack.
struct InputFailure {
  UpdateFailure told;
};

[[noreturn]] void throw_failures(std::vector<UpdateFailure> failures, std::vector<StateProgress> progress) {
  std::sort(failures.begin(), failures.end(),
            [](const UpdateFailure& a, const UpdateFailure& b) { return a.state < b.state; });
  const UpdateFailure& first = failures.front();
  std::string text = "update of state " + std::to_string(value(first.state)) + " on rank " +
                     std::to_string(value(first.rank)) + " in round " + std::to_string(first.round) + ": " +
                     first.text;
  if (failures.size() > 1) text += " (and " + std::to_string(failures.size() - 1) + " more)";
  throw UpdateError(text, std::move(failures), std::move(progress));
}

}  // namespace

void Master::update(Bytes shared, const Pack& own, const Take& output) {
  if (!own) return update_once(shared, own, output);
  const std::uint64_t round = round_;
  const Pack pack = [&](std::size_t i, Buffer& out) {
    const CrashMark::Handling handling("while packing the input of", ids_[i]);
    try {
      own(i, out);
    } catch (...) {
      throw InputFailure{{ids_[i], kMaster, round, "the input cannot be packed: " + exception_text()}};
    }
  };
  try {
    update_once(shared, pack, output);
  } catch (const InputFailure& failure) {  // before anything was sent
    std::vector<StateProgress> progress;
    for (const StateId id : ids_) progress.push_back({id, 0});
    throw_failures({failure.told}, std::move(progress));
  }
}

void Master::update_once(Bytes shared, const Pack& own, const Take& output) {
  require_idle();
  require_going();
  if (ids_.empty()) {
    ++round_;
    return;
  }
  Running running;
  running.call.own_inputs = static_cast<bool>(own);
  running.own = own ? &own : nullptr;
  running.output = [&](std::uint32_t, std::size_t position, Bytes bytes) { output(position, bytes); };
  std::size_t batch_most = ids_.size();
  if (own) {
    Buffer first;
    own(0, first);  // stands for all of them: inputs are of one type
    batch_most = std::max<std::size_t>(1, options_.input_bytes / std::max<std::size_t>(first.size(), 1));
  } else {
    running.shared = shared;
    // a small input goes with the assignments; a big one, or one for many workers, goes down the tree
    constexpr std::size_t kSpare = 1 << 20;
    running.call.input_included = options_.recover || shared.size() * workers_ <= kSpare;
  }
  const std::uint64_t round = round_++;
  running.call.first_round = round;
  // it is on its way down while the assignments are made
  if (!own && !running.call.input_included) send_input(epoch_ + 1, 0, 0, shared);
  run_call(running, 1, batch_most, [&] { on(scheduler::event::Opened{1}); });
}

void Master::send_input(std::uint64_t epoch, std::uint32_t round, std::uint32_t complete, Bytes input) {
  Buffer out = message(Kind::kInput);
  Writer writer(out);
  writer.put(epoch);
  writer.put(round);
  writer.put(complete);
  writer.put_block(input);
  send_tree(out);
}

// One call; where workers may be lost a call for as many rounds as are between two backups.
void Master::evolve(const Rounds& rounds) {
  require_idle();
  require_going();
  bool exhausted = false;
  for (std::uint64_t before = 0; !exhausted; before += options_.recover_every)
    evolve_part(rounds, before, exhausted);
}

void Master::evolve_part(const Rounds& rounds, std::uint64_t before, bool& exhausted) {
  Running running;
  running.call.first_round = round_;
  running.rounds_before = before;
  running.output = rounds.output ? [&](std::uint32_t round, std::size_t position,
                                       Bytes bytes) { rounds.output(before + round, position, bytes); }
                                 : Output();
  running.complete = [&](std::uint32_t round) { rounds.complete(before + round); };
  std::uint32_t open = 0;
  const std::uint64_t most = options_.recover ? options_.recover_every : UINT64_MAX;
  Buffer input;
  const auto feed = [&] {
    while (!exhausted && open < most && !running.ended && !running.failed_here() &&
           open - scheduler_.rounds_complete() < std::max<std::size_t>(rounds.ahead, 1)) {
      input.clear();
      bool more = false;
      guard([&] { more = rounds.next(input); });
      if (running.exception) return;
      if (!more) {
        exhausted = true;
        on(scheduler::event::Closed{open});
        return;
      }
      if (options_.recover) history_.add_input(input);
      send_input(epoch_, open, scheduler_.rounds_complete(), input);
      ++round_;
      on(scheduler::event::Opened{++open});
      if (open == most) on(scheduler::event::Closed{open});
    }
  };
  run_call(running, scheduler::WorkQueue::kUnknownRounds, ids_.size() + 1, feed);
}

// `feed` gives rounds their inputs; it is called at the start and whenever something has happened.
void Master::run_call(Running& running, std::uint32_t rounds, std::size_t batch_most,
                      const std::function<void()>& feed) {
  if (options_.recover) record_call(running, rounds);
  const double begin = transport_.now().count();
  const double work_before = profile_.update_time;
  ++profile_.calls;
  longest_ = 0;
  running.call.epoch = ++epoch_;
  running.call.context = context_;
  running.call.seed = seed_;
  running.call.rounds = rounds;
  running.begun.assign(workers_, false);
  running_ = &running;
  const std::unique_ptr<Running*, void (*)(Running**)> leave(&running_,
                                                             [](Running** left) { *left = nullptr; });

  on(scheduler::event::Begin{rounds, batch_most});
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!running.begun[w] && !peers_.lost[w]) perform(scheduler::command::Assign{scheduler::Worker{w}, {}});
  feed();
  run_until([&] {
    if (running.failed_here()) on(scheduler::event::Cancel{});
    if (!running.ended && rounds != 1) feed();
    return running.ended;
  });

  const double wall_time = transport_.now().count() - begin;
  step_time_ = std::max(step_time_, wall_time);
  profile_.wall_time += wall_time;
  profile_.bound += std::max((profile_.update_time - work_before) / workers_, longest_);
  if (options_.recover) end_record(running);
  if (running.exception) std::rethrow_exception(running.exception);
  std::move(running.failures_here.begin(), running.failures_here.end(), std::back_inserter(running.failures));
  if (running.failures.empty()) return;
  std::vector<StateProgress> progress;
  progress.reserve(ids_.size());
  for (Slot slot = 0; slot < ids_.size(); ++slot)
    progress.push_back({ids_[slot], running.rounds_before + scheduler_.rounds_done(slot)});
  throw_failures(std::move(running.failures), std::move(progress));
}

// Runs code of the program that may throw; the call then ends in order, and the exception goes on from there.
void Master::guard(const std::function<void()>& users_code) {
  if (running_->failed_here()) return;
  try {
    users_code();
  } catch (...) {
    running_->exception = std::current_exception();
    on(scheduler::event::Cancel{});
  }
}

void Master::on(const scheduler::Event& event) {
  if (std::holds_alternative<scheduler::event::Cancel>(event)) running_->cancelled = true;
  if (census_) return;  // what was planned with the lost worker is void
  for (const scheduler::Command& command : scheduler_.on(transport_.now(), event))
    std::visit([&](const auto& c) { perform(c); }, command);
}

void Master::perform(const scheduler::command::Move& move) {
  Buffer out = message(Kind::kTransfer);
  Writer writer(out);
  writer.put(rank_of(move.to));
  std::vector<StateId> ids(move.slots.size());
  std::transform(move.slots.begin(), move.slots.end(), ids.begin(), [&](Slot slot) { return ids_[slot]; });
  writer.put_all(std::span<const StateId>(ids));
  send(rank_of(move.from), std::move(out));
}

// Every worker hears of a call, even if it gets no work of it: it has to answer a Stop.
void Master::perform(const scheduler::command::Assign& assign) {
  std::vector<bool>::reference begun = running_->begun[index(assign.worker)];
  Call call = running_->call;
  if (begun) call.input_included = false;  // it has it already
  begun = true;
  Buffer out;
  out.reserve(sizeof(Kind) + sizeof call + 16 + assign.slots.size() * sizeof(scheduler::Job));
  Writer writer(out);
  writer.put(Kind::kAssign);
  writer.put(call);
  writer.put_block(call.input_included ? running_->shared : Bytes());
  const std::size_t head = out.size();
  try {
    write_jobs(out, running_->failed_here() ? std::vector<Slot>() : assign.slots);
  } catch (const InputFailure& failure) {
    running_->failures_here.push_back(failure.told);
    out.truncate(head);
    write_jobs(out, {});
  }
  send(rank_of(assign.worker), std::move(out));
}

void Master::write_jobs(Buffer& out, const std::vector<Slot>& slots) {
  Writer writer(out);
  writer.put(static_cast<std::uint64_t>(slots.size()));
  for (const Slot slot : slots) {
    const scheduler::Cost& cost = scheduler_.cost(slot);
    writer.put(scheduler::Job{ids_[slot], slot, scheduler_.rounds_done(slot),
                              cost.known() ? static_cast<float>(cost.predicted().count()) : 0,
                              scheduler_.bytes(slot), scheduler_.hop(slot)});
  }
  if (running_->own != nullptr)
    for (const Slot slot : slots) writer.put_block([&](Buffer& buffer) { (*running_->own)(slot, buffer); });
}

void Master::perform(const scheduler::command::Give& give) {
  Buffer out = message(Kind::kGive);
  Writer(out).put(GiveHead{epoch_, rank_of(give.thief), give.appetite});
  send(rank_of(give.victim), std::move(out));
}

void Master::perform(const scheduler::command::Complete& complete) {
  if (running_->complete) guard([&] { running_->complete(complete.round); });
}

void Master::perform(const scheduler::command::Stop&) {
  Buffer out = message(Kind::kStop);
  Writer(out).put(epoch_);
  send_all(out);
}

void Master::perform(const scheduler::command::End&) { running_->ended = true; }

void Master::take_report(Rank from, Reader& in) {
  const auto head = in.get<ReportHead>();
  if (running_ == nullptr || head.epoch != epoch_) return;
  const std::vector<scheduler::Done> done = in.get_all<scheduler::Done>();
  for (const scheduler::Done& each : done) {
    const Bytes bytes = in.get_block();
    profile_.update_time += each.seconds;
    longest_ = std::max<double>(longest_, each.seconds);
    const bool first = !options_.recover || outputs_.is_first(each.slot, each.round);
    if (first && !running_->failed_here() && running_->output) {
      const CrashMark::Handling handling("while unpacking the output of", ids_[each.slot]);
      try {
        running_->output(each.round, each.slot, bytes);
      } catch (...) {
        running_->failures_here.push_back({ids_[each.slot], kMaster, running_->call.first_round + each.round,
                                           "the output cannot be unpacked: " + exception_text()});
      }
    }
  }
  profile_.updates += done.size();
  if (!done.empty()) heard_ = transport_.now().count();
  const scheduler::Worker worker = worker_of(from);
  on(scheduler::event::Report{worker, done, scheduler::Seconds(head.left), head.ready,
                              scheduler::Seconds(head.smallest), head.hungry});
  if (running_->failed_here()) on(scheduler::event::Cancel{});
}

void Master::take_gave(Rank from, Reader& in) {
  const auto head = in.get<GaveHead>();
  if (running_ == nullptr || head.epoch != epoch_) return;
  const std::vector<scheduler::Given> given = in.get_all<scheduler::Given>();
  profile_.steals += given.size();
  on(scheduler::event::Gave{worker_of(from), worker_of(head.thief), given, scheduler::Seconds(head.left),
                            head.ready, scheduler::Seconds(head.smallest)});
}

void Master::take_failed(Rank from, Reader& in) {
  const auto epoch = in.get<std::uint64_t>();
  if (running_ == nullptr || epoch != epoch_) return;
  const auto id = in.get<StateId>();
  const auto round = in.get<std::uint32_t>();
  running_->failures.push_back({id, from, running_->call.first_round + round, in.get_text()});
  on(scheduler::event::Cancel{});
}

}  // namespace rondo::engine
