// The calls: one round, or many without a barrier.
#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/master.hpp"
#include "engine/master_wait.hpp"
#include "engine/observer.hpp"

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
    own(0, first);  // stands for those that have not been packed in any round
    input_most_ = std::max({input_most_, first.size(), std::size_t{1}});
    batch_most =
        std::max<std::size_t>(1, options_.input_memory / 2 / input_most_);  // two batches are at a worker
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
  send_tree(to_bytes(messages::Input{epoch, round, complete, input}));
}

// Of one evolve(). Where workers may be lost, as many as are between two backups. With --rondo-check one, as states move to
// other workers between calls.
std::uint64_t Master::rounds_per_call() const {
  if (options_.check) return 1;
  return options_.recover ? options_.recover_every : std::numeric_limits<std::uint32_t>::max();
}

void Master::evolve(const Rounds& rounds) {
  require_idle();
  require_going();
  bool exhausted = false;
  for (std::uint64_t before = 0; !exhausted; before += rounds_per_call())
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
  const std::uint64_t most = rounds_per_call();
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
      if (options_.recover) replay_log_.add_input(input);
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
  if (running.difference) throw CheckError(*running.difference);
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
  const Doing doing(host_.watchdog, "the sink or the inputs of evolve()");
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
  const scheduler::Time now = transport_.now();
  const std::vector<scheduler::Command> commands = scheduler_.on(now, event);
  if (host_.observer != nullptr) host_.observer->decided(now, event, commands);
  for (const scheduler::Command& command : commands) std::visit([&](const auto& c) { perform(c); }, command);
}

void Master::perform(const scheduler::command::Move& move) {
  messages::Transfer transfer{rank_of(move.to), std::vector<StateId>(move.slots.size())};
  std::transform(move.slots.begin(), move.slots.end(), transfer.states.begin(),
                 [&](Slot slot) { return ids_[slot]; });
  send(rank_of(move.from), to_bytes(transfer));
}

// Every worker hears of a call, even if it gets no work of it: it has to answer a Stop. Many jobs go in several messages, so that
// the worker begins before the last one is written.
void Master::perform(const scheduler::command::Assign& assign) {
  const Rank to = rank_of(assign.worker);
  std::span<const Slot> rest = assign.slots;
  Buffer inputs;
  do {
    inputs.clear();
    std::size_t count = 0;
    try {
      if (!running_->failed_here()) count = pack_inputs(rest, inputs);
    } catch (const InputFailure& failure) {
      running_->failures_here.push_back(failure.told);
      inputs.clear();
    }
    std::vector<bool>::reference begun = running_->begun[index(assign.worker)];
    messages::CallHeader call = running_->call;
    if (begun) call.input_included = false;  // it has it already
    begun = true;
    call.more_follow = !running_->failed_here() && count < rest.size();
    const Bytes shared = call.input_included ? running_->shared : Bytes();
    const std::size_t room =
        sizeof(Kind) + sizeof call + 16 + shared.size() + count * sizeof(scheduler::Job) + inputs.size();
    send(to,
         to_bytes(messages::Assign{call, shared, jobs_of(rest.first(count)), Items<Block>(inputs)}, room));
    if (!call.more_follow) return;
    transport_.flush();
    rest = rest.subspan(count);
  } while (true);
}

// How many of these jobs go into a message, at least one if there are any; with their own inputs, which are packed here.
std::size_t Master::pack_inputs(std::span<const Slot> slots, Buffer& inputs) {
  const std::uint64_t most = worker_settings_.message_bytes;
  if (running_->own == nullptr) return std::min<std::size_t>(slots.size(), most / sizeof(scheduler::Job));
  std::size_t count = 0;
  while (count < slots.size() && inputs.size() + count * sizeof(scheduler::Job) < most) {
    const std::size_t before = inputs.size() + sizeof(std::uint64_t);
    const auto pack = [&](Buffer& buffer) { (*running_->own)(slots[count++], buffer); };
    append(inputs, Block(pack));
    input_most_ = std::max(input_most_, inputs.size() - before);
  }
  return count;
}

std::vector<scheduler::Job> Master::jobs_of(std::span<const Slot> slots) const {
  std::vector<scheduler::Job> jobs;
  jobs.reserve(slots.size());
  for (const Slot slot : slots) {
    const scheduler::Cost& cost = scheduler_.cost(slot);
    jobs.push_back({ids_[slot], slot, scheduler_.rounds_done(slot),
                    cost.known() ? static_cast<float>(cost.predicted().count()) : 0, scheduler_.bytes(slot),
                    scheduler_.hop(slot)});
  }
  return jobs;
}

void Master::perform(const scheduler::command::Give& give) {
  send(rank_of(give.victim), to_bytes(messages::Give{epoch_, rank_of(give.thief), give.request}));
}

void Master::perform(const scheduler::command::Complete& complete) {
  if (running_->complete) guard([&] { running_->complete(complete.round); });
}

void Master::perform(const scheduler::command::Stop&) { send_all(to_bytes(messages::Stop{epoch_})); }

void Master::perform(const scheduler::command::End&) { running_->ended = true; }

void Master::take(Rank from, const messages::Report& report) {
  const messages::Report::Progress& progress = report.progress;
  if (running_ == nullptr || progress.epoch != epoch_) return;
  profile_.update_cpu_time += progress.processor_time;
  auto output = report.outputs.begin();
  for (const scheduler::Done& each : report.done) {
    const Bytes bytes = output->bytes();
    ++output;
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
  profile_.updates += report.done.size();
  if (!report.done.empty()) last_progress_ = transport_.now().count();
  on(scheduler::event::Report{worker_of(from), report.done, scheduler::Seconds(progress.left), progress.ready,
                              scheduler::Seconds(progress.smallest), progress.hungry});
  if (running_->failed_here()) on(scheduler::event::Cancel{});
}

void Master::take(Rank from, const messages::Gave& gave) {
  if (running_ == nullptr || gave.epoch != epoch_) return;
  profile_.steals += gave.given.size();
  on(scheduler::event::Gave{worker_of(from), worker_of(gave.thief), gave.given, scheduler::Seconds(gave.left),
                            gave.ready, scheduler::Seconds(gave.smallest)});
}

void Master::take(Rank from, const messages::Failed& failed) {
  if (running_ == nullptr || failed.epoch != epoch_) return;
  running_->failures.push_back({failed.state, from, running_->call.first_round + failed.round, failed.text});
  on(scheduler::event::Cancel{});
}

void Master::take(Rank from, const messages::Differs& differs) {
  differs_ = true;
  if (running_ == nullptr || differs.epoch != epoch_) return;
  const std::uint64_t round = running_->call.first_round + differs.round;
  const std::string text = "state " + std::to_string(value(differs.state)) + " on rank " +
                           std::to_string(value(from)) + " in round " + std::to_string(round) + ": " +
                           differs.text;
  const std::optional<CheckError>& known = running_->difference;
  if (!known || std::pair(round, differs.state) < std::pair(known->round(), known->state()))
    running_->difference.emplace(text, differs.state, round, differs.position);
  on(scheduler::event::Cancel{});
}

void Master::take(Rank from, const messages::Stopped& stopped) {
  if (running_ != nullptr && stopped.epoch == epoch_) on(scheduler::event::Stopped{worker_of(from)});
}

int Master::end_check(int status) const {
  if (!options_.check) return status;
  if (!differs_) {
    std::cerr << "rondo: --rondo-check: " + std::to_string(profile_.updates + next_task_) +
                     " updates were done twice and gave the same bytes\n";
    return status;
  }
  if (status != EXIT_SUCCESS) return status;
  std::cerr
      << "rondo: --rondo-check has found a difference, which the program has caught: the status is not 0\n";
  return EXIT_FAILURE;
}

}  // namespace rondo::engine
