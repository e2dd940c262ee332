#include "engine/master/call_runner.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include <rondo/detail/inputs.hpp>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/observer.hpp"
#include "engine/watchdog.hpp"

namespace rondo::engine {

using scheduler::Slot;

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

void CallRunner::update(Bytes shared, const Engine::Pack& own, const Engine::Take& output) {
  if (!own) return update_once(shared, own, output);
  const std::uint64_t round = p_.ensemble.round;
  const Engine::Pack pack = [&](std::size_t i, Buffer& out) {
    const CrashMark::Handling handling("while packing the input of", p_.ensemble.ids[i]);
    try {
      own(i, out);
    } catch (...) {
      throw InputFailure{
          {p_.ensemble.ids[i], kMaster, round, "the input cannot be packed: " + exception_text()}};
    }
  };
  try {
    update_once(shared, pack, output);
  } catch (const InputFailure& failure) {  // before anything was sent
    std::vector<StateProgress> progress;
    for (const StateId id : p_.ensemble.ids) progress.push_back({id, 0});
    throw_failures({failure.told}, std::move(progress));
  }
}

void CallRunner::update_once(Bytes shared, const Engine::Pack& own, const Engine::Take& output) {
  if (p_.ensemble.ids.empty()) {
    ++p_.ensemble.round;
    return;
  }
  Call call;
  call.header.own_inputs = static_cast<bool>(own);
  call.own = own ? &own : nullptr;
  call.output = [&](std::uint32_t, std::size_t position, Bytes bytes) { output(position, bytes); };
  std::size_t batch_most = p_.ensemble.ids.size();
  if (own) {
    Buffer first;
    own(0, first);  // stands for those that have not been packed in any round
    input_most_ = std::max({input_most_, first.size(), std::size_t{1}});
    batch_most =
        std::max<std::size_t>(1, p_.options.input_memory / 2 / input_most_);  // two batches are at a worker
  } else {
    call.shared = shared;
    // a small input goes with the assignments; a big one, or one for many workers, goes down the tree
    constexpr std::size_t kSpare = 1 << 20;
    call.header.input_included = p_.options.recover || shared.size() * p_.peers.count() <= kSpare;
  }
  const std::uint64_t round = p_.ensemble.round++;
  call.header.first_round = round;
  // it is on its way down while the assignments are made
  if (!own && !call.header.input_included) send_input(epoch_ + 1, 0, 0, shared);
  run(call, 1, batch_most, [&] { on(scheduler::event::Opened{1}); });
}

void CallRunner::send_input(std::uint64_t epoch, std::uint32_t round, std::uint32_t complete, Bytes input) {
  p_.peers.send_tree(to_bytes(messages::Input{epoch, round, complete, input}));
}

// Of one evolve(). Where workers may be lost, as many as are between two backups. With --rondo-check one, as states move to
// other workers between calls.
std::uint64_t CallRunner::rounds_per_call() const {
  if (p_.options.check) return 1;
  return p_.options.recover ? p_.options.recover_every : std::numeric_limits<std::uint32_t>::max();
}

void CallRunner::evolve(const Engine::Rounds& rounds) {
  bool exhausted = false;
  for (std::uint64_t before = 0; !exhausted; before += rounds_per_call())
    evolve_part(rounds, before, exhausted);
}

void CallRunner::evolve_part(const Engine::Rounds& rounds, std::uint64_t before, bool& exhausted) {
  Call call;
  call.header.first_round = p_.ensemble.round;
  call.rounds_before = before;
  call.output = rounds.output ? [&](std::uint32_t round, std::size_t position,
                                    Bytes bytes) { rounds.output(before + round, position, bytes); }
                              : Output();
  call.complete = [&](std::uint32_t round) { rounds.complete(before + round); };
  std::uint32_t open = 0;
  const std::uint64_t most = rounds_per_call();
  Buffer input;
  const auto feed = [&] {
    while (!exhausted && open < most && !call.ended && !call.failed_here() &&
           open - p_.scheduler.rounds_complete() < std::max<std::size_t>(rounds.ahead, 1)) {
      input.clear();
      bool more = false;
      guard([&] { more = rounds.next(input); });
      if (call.exception) return;
      if (!more) {
        exhausted = true;
        on(scheduler::event::Closed{open});
        return;
      }
      if (p_.options.recover) p_.recovery.input(input);
      send_input(epoch_, open, p_.scheduler.rounds_complete(), input);
      ++p_.ensemble.round;
      on(scheduler::event::Opened{++open});
      if (open == most) on(scheduler::event::Closed{open});
    }
  };
  run(call, scheduler::WorkQueue::kUnknownRounds, p_.ensemble.ids.size() + 1, feed);
}

// `feed` gives rounds their inputs; it is called at the start and whenever something has happened.
void CallRunner::run(Call& call, std::uint32_t rounds, std::size_t batch_most,
                     const std::function<void()>& feed) {
  if (p_.options.recover) record(call, rounds);
  const double begin = p_.peers.now().count();
  const double work_before = p_.profile.update_time;
  ++p_.profile.calls;
  longest_update_ = 0;
  call.header.epoch = ++epoch_;
  call.header.context = p_.ensemble.context_version;
  call.header.seed = p_.ensemble.seed;
  call.header.rounds = rounds;
  call.begun.assign(p_.peers.count(), false);
  call_ = &call;
  const auto leave = [](CallRunner* runner) {
    runner->call_ = nullptr;
    runner->p_.recovery.call_ended();
  };
  const std::unique_ptr<CallRunner, decltype(leave)> running(this, leave);

  on(scheduler::event::Begin{rounds, batch_most});
  begin_on_all();
  feed();
  p_.loop.run_until([&] {
    if (call.failed_here()) on(scheduler::event::Cancel{});
    if (!call.ended && rounds != 1) feed();
    return call.ended;
  });

  const double wall_time = p_.peers.now().count() - begin;
  longest_call_ = std::max(longest_call_, wall_time);
  p_.profile.wall_time += wall_time;
  p_.profile.bound += std::max((p_.profile.update_time - work_before) / p_.peers.count(), longest_update_);
  if (p_.options.recover) record_end(call);
  throw_what_failed(call);
}

// Every worker hears of a call, even if it gets no work of it: it has to answer a Stop.
void CallRunner::begin_on_all() {
  for (std::uint32_t w = 0; w < p_.peers.count(); ++w)
    if (!call_->begun[w] && !p_.peers.is_lost(w))
      perform(scheduler::command::Assign{scheduler::Worker{w}, {}});
}

void CallRunner::throw_what_failed(Call& call) const {
  if (call.exception) std::rethrow_exception(call.exception);
  std::move(call.failures_here.begin(), call.failures_here.end(), std::back_inserter(call.failures));
  if (call.difference) throw CheckError(*call.difference);
  if (call.failures.empty()) return;
  std::vector<StateProgress> progress;
  progress.reserve(p_.ensemble.ids.size());
  for (Slot slot = 0; slot < p_.ensemble.ids.size(); ++slot)
    progress.push_back({p_.ensemble.ids[slot], call.rounds_before + p_.scheduler.rounds_done(slot)});
  throw_failures(std::move(call.failures), std::move(progress));
}

// ---- the record, for --rondo-recover

// Before anything of a call is sent.
void CallRunner::record(Call& call, std::uint32_t rounds) {
  std::vector<Buffer> own(call.own != nullptr ? p_.ensemble.ids.size() : 0);
  for (std::size_t i = 0; i < own.size(); ++i) (*call.own)(i, own[i]);
  p_.backups.call_began({call.header.first_round, p_.ensemble.seed, std::move(own)});
  if (call.own != nullptr) {
    call.recorded = [this](std::size_t i, Buffer& out) { out.append(p_.recovery.log().own_input(i)); };
    call.own = &call.recorded;
  } else if (rounds == 1) {
    p_.recovery.input(call.shared);
  }
}

void CallRunner::record_end(const Call& call) {
  if (!call.cancelled) return;
  std::vector<recovery::ReplayLog::Progress> progress(p_.ensemble.ids.size());
  for (Slot slot = 0; slot < progress.size(); ++slot) progress[slot].rounds = p_.scheduler.rounds_done(slot);
  if (!p_.options.rollback)
    for (const UpdateFailure& failure : call.failures)
      progress[detail::position_of(p_.ensemble.ids, failure.state)].threw = true;
  p_.recovery.call_cancelled(std::move(progress));
}

// ---- after a loss

std::optional<recovery::Recovery::CallState> CallRunner::state() const {
  if (call_ == nullptr) return std::nullopt;
  recovery::Recovery::CallState state{epoch_, {}};
  for (const UpdateFailure& failure : call_->failures) state.threw.push_back(failure.state);
  return state;
}

bool CallRunner::stops() const {
  return call_ != nullptr && (call_->cancelled || call_->exception || !call_->failures.empty());
}

void CallRunner::resume(const std::vector<scheduler::Command>& commands) {
  p_.recovery.call_resumed();
  messages::CallHeader& header = call_->header;
  header.epoch = ++epoch_;
  const bool inputs_follow = call_->own == nullptr && !header.input_included;
  header.from = 0;
  if (inputs_follow && !p_.ensemble.ids.empty()) {
    const recovery::Outputs& outputs = p_.recovery.outputs();
    header.from = outputs.begun_at(0);
    for (Slot slot = 1; slot < p_.ensemble.ids.size(); ++slot)
      header.from = std::min(header.from, outputs.begun_at(slot));
  }
  call_->begun.assign(p_.peers.count(), false);
  for (const scheduler::Command& command : commands)
    if (const auto* assign = std::get_if<scheduler::command::Assign>(&command)) perform(*assign);
  begin_on_all();
  const recovery::ReplayLog& log = p_.recovery.log();
  for (std::uint32_t round = header.from; inputs_follow && round < log.shared_inputs(); ++round)
    send_input(epoch_, round, header.from, log.shared_input(round));
  for (const scheduler::Command& command : commands)
    if (!std::holds_alternative<scheduler::command::Assign>(command))
      std::visit([&](const auto& c) { perform(c); }, command);
}

// ---- events and commands

// Runs code of the program that may throw; the call then ends in order, and the exception goes on from there.
void CallRunner::guard(const std::function<void()>& users_code) {
  if (call_->failed_here()) return;
  const Doing doing(p_.host.watchdog, "the sink or the inputs of evolve()");
  try {
    users_code();
  } catch (...) {
    call_->exception = std::current_exception();
    on(scheduler::event::Cancel{});
  }
}

void CallRunner::on(const scheduler::Event& event) {
  if (std::holds_alternative<scheduler::event::Cancel>(event)) call_->cancelled = true;
  if (p_.recovery.is_counting()) return;  // what was planned with the lost worker is void
  const scheduler::Time now = p_.peers.now();
  const std::vector<scheduler::Command> commands = p_.scheduler.on(now, event);
  if (p_.host.observer != nullptr) p_.host.observer->decided(now, event, commands);
  for (const scheduler::Command& command : commands) std::visit([&](const auto& c) { perform(c); }, command);
}

void CallRunner::perform(const scheduler::command::Move& move) {
  messages::Transfer transfer{p_.peers.rank_of(move.to), std::vector<StateId>(move.slots.size())};
  std::transform(move.slots.begin(), move.slots.end(), transfer.states.begin(),
                 [&](Slot slot) { return p_.ensemble.ids[slot]; });
  p_.peers.send(move.from, to_bytes(transfer));
}

// Many jobs go in several messages, so that the worker begins before the last one is written.
void CallRunner::perform(const scheduler::command::Assign& assign) {
  std::span<const Slot> rest = assign.slots;
  Buffer inputs;
  do {
    inputs.clear();
    std::size_t count = 0;
    try {
      if (!call_->failed_here()) count = pack_inputs(rest, inputs);
    } catch (const InputFailure& failure) {
      call_->failures_here.push_back(failure.told);
      inputs.clear();
    }
    std::vector<bool>::reference begun = call_->begun[index(assign.worker)];
    messages::CallHeader call = call_->header;
    if (begun) call.input_included = false;  // it has it already
    begun = true;
    call.more_follow = !call_->failed_here() && count < rest.size();
    const Bytes shared = call.input_included ? call_->shared : Bytes();
    const std::size_t room =
        sizeof(Kind) + sizeof call + 16 + shared.size() + count * sizeof(scheduler::Job) + inputs.size();
    p_.peers.send(
        assign.worker,
        to_bytes(messages::Assign{call, shared, jobs_of(rest.first(count)), Items<Block>(inputs)}, room));
    if (!call.more_follow) return;
    p_.peers.flush();
    rest = rest.subspan(count);
  } while (true);
}

// How many of these jobs go into a message, at least one if there are any; with their own inputs, which are packed here.
std::size_t CallRunner::pack_inputs(std::span<const Slot> slots, Buffer& inputs) {
  const std::uint64_t most = p_.settings.message_bytes;
  if (call_->own == nullptr) return std::min<std::size_t>(slots.size(), most / sizeof(scheduler::Job));
  std::size_t count = 0;
  while (count < slots.size() && inputs.size() + count * sizeof(scheduler::Job) < most) {
    const std::size_t before = inputs.size() + sizeof(std::uint64_t);
    const auto pack = [&](Buffer& buffer) { (*call_->own)(slots[count++], buffer); };
    append(inputs, Block(pack));
    input_most_ = std::max(input_most_, inputs.size() - before);
  }
  return count;
}

std::vector<scheduler::Job> CallRunner::jobs_of(std::span<const Slot> slots) const {
  std::vector<scheduler::Job> jobs;
  jobs.reserve(slots.size());
  for (const Slot slot : slots) {
    const scheduler::Cost& cost = p_.scheduler.cost(slot);
    jobs.push_back({p_.ensemble.ids[slot], slot, p_.scheduler.rounds_done(slot),
                    cost.known() ? static_cast<float>(cost.predicted().count()) : 0, p_.scheduler.bytes(slot),
                    p_.scheduler.hop(slot)});
  }
  return jobs;
}

void CallRunner::perform(const scheduler::command::Give& give) {
  p_.peers.send(p_.peers.rank_of(give.victim),
                to_bytes(messages::Give{epoch_, p_.peers.rank_of(give.thief), give.request}));
}

void CallRunner::perform(const scheduler::command::Complete& complete) {
  if (call_->complete) guard([&] { call_->complete(complete.round); });
}

void CallRunner::perform(const scheduler::command::Stop&) {
  p_.peers.send_all(to_bytes(messages::Stop{epoch_}));
}

void CallRunner::perform(const scheduler::command::End&) { call_->ended = true; }

bool CallRunner::take(Rank from, const messages::Report& report) {
  const messages::Report::Progress& progress = report.progress;
  if (call_ == nullptr || progress.epoch != epoch_) return false;
  p_.profile.update_cpu_time += progress.processor_time;
  auto output = report.outputs.begin();
  for (const scheduler::Done& each : report.done) {
    take_output(each, output->bytes());
    ++output;
  }
  p_.profile.updates += report.done.size();
  on(scheduler::event::Report{p_.peers.worker_of(from), report.done, scheduler::Seconds(progress.left),
                              progress.ready, scheduler::Seconds(progress.smallest), progress.hungry});
  if (call_->failed_here()) on(scheduler::event::Cancel{});
  return !report.done.empty();
}

void CallRunner::take_output(const scheduler::Done& done, Bytes bytes) {
  p_.profile.update_time += done.seconds;
  longest_update_ = std::max<double>(longest_update_, done.seconds);
  const bool first = !p_.options.recover || p_.recovery.is_first(done.slot, done.round);
  if (!first || call_->failed_here() || !call_->output) return;
  const StateId id = p_.ensemble.ids[done.slot];
  const CrashMark::Handling handling("while unpacking the output of", id);
  try {
    call_->output(done.round, done.slot, bytes);
  } catch (...) {
    call_->failures_here.push_back({id, kMaster, call_->header.first_round + done.round,
                                    "the output cannot be unpacked: " + exception_text()});
  }
}

void CallRunner::take(Rank from, const messages::Gave& gave) {
  if (call_ == nullptr || gave.epoch != epoch_) return;
  p_.profile.steals += gave.given.size();
  on(scheduler::event::Gave{p_.peers.worker_of(from), p_.peers.worker_of(gave.thief), gave.given,
                            scheduler::Seconds(gave.left), gave.ready, scheduler::Seconds(gave.smallest)});
}

void CallRunner::take(Rank from, const messages::Failed& failed) {
  if (call_ == nullptr || failed.epoch != epoch_) return;
  call_->failures.push_back({failed.state, from, call_->header.first_round + failed.round, failed.text});
  on(scheduler::event::Cancel{});
}

void CallRunner::take(Rank from, const messages::Differs& differs) {
  differs_ = true;
  if (call_ == nullptr || differs.epoch != epoch_) return;
  const std::uint64_t round = call_->header.first_round + differs.round;
  const std::string text = "state " + std::to_string(value(differs.state)) + " on rank " +
                           std::to_string(value(from)) + " in round " + std::to_string(round) + ": " +
                           differs.text;
  const std::optional<CheckError>& known = call_->difference;
  if (!known || std::pair(round, differs.state) < std::pair(known->round(), known->state()))
    call_->difference.emplace(text, differs.state, round, differs.position);
  on(scheduler::event::Cancel{});
}

std::uint64_t CallRunner::current_round() const {
  return call_->header.first_round + p_.scheduler.rounds_complete();
}

void CallRunner::take(Rank from, const messages::Stopped& stopped) {
  if (call_ != nullptr && stopped.epoch == epoch_) on(scheduler::event::Stopped{p_.peers.worker_of(from)});
}

}  // namespace rondo::engine
