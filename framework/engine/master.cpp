#include "engine/master.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "engine/check.hpp"
#include "engine/freed_memory.hpp"
#include "engine/observer.hpp"
#include "engine/session.hpp"
#include "engine/watchdog.hpp"
#include "scheduler/reporting.hpp"

namespace rondo::engine {

using scheduler::Slot;
using transport::Envelope;

namespace {

// As a share of --rondo-orphan: how often rank 0 speaks to all workers.
constexpr double kSpokenShare = 0.25;
// How long a signal may go unseen, where nothing interrupts the wait.
constexpr transport::Seconds kSignalLatency{0.1};

std::uint32_t count_workers(const transport::Transport& transport, const Options& options) {
  return static_cast<std::uint32_t>(transport.size()) - (options.master_works ? 0 : 1);
}

scheduler::Settings scheduler_settings(const Options& options, std::uint32_t workers) {
  scheduler::Settings settings;
  settings.workers = workers;
  settings.rebalance = !options.batch.is_off();
  settings.batch = options.batch.value_or(0);
  settings.rotate = options.check;
  if (options.memory) settings.bytes_max = static_cast<double>(*options.memory);
  settings.tolerance = options.tuning.tolerance.value_or(settings.tolerance);
  return settings;
}

WorkerSettings settings_of_workers(const Options& options, std::uint32_t workers, const Platform& platform) {
  WorkerSettings settings;
  settings.save_bytes = options.checkpoint_memory;
  if (options.batch.value_or(0) > 0) settings.report_updates = options.batch.value_or(0);
  settings.rollback = options.rollback;
  settings.check = options.check;
  settings.tree_fanout = options.fanout;
  settings.recover = options.recover;
  settings.orphan = seconds_or(options.orphan, 0);
  settings.orphan_status = options.checkpoint.empty() ? EXIT_FAILURE : kRequeueStatus;
  settings.master_process = platform.process();
  const Options::Tuning& tuning = options.tuning;
  settings.low = tuning.low.value_or(settings.low);
  if (options.batch.is_off() || workers == 1) settings.low = 0;
  settings.report_interval = tuning.report_interval.value_or(scheduler::report_interval(workers).count());
  settings.message_bytes = tuning.message_bytes.value_or(settings.message_bytes);
  settings.unsent_bytes = tuning.unsent_bytes.value_or(settings.unsent_bytes);
  settings.report_bytes = scheduler::report_bytes(workers);
  return settings;
}

recovery::Workers all_on_one_node(std::uint32_t workers) {
  return {std::vector<bool>(workers, false), std::vector<std::uint32_t>(workers, 0)};
}

}  // namespace

Master::Master(transport::Relay& transport, const Host& host, const detail::Program& program,
               const Options& options)
    : transport_(transport),
      host_(host),
      options_(options),
      worker_settings_(settings_of_workers(options, count_workers(transport, options), host.platform)),
      speak_at_(transport.now().count() +
                kSpokenShare * seconds_or(options.orphan, scheduler::kNever.count())),
      ensemble_(options.seed),
      workers_(all_on_one_node(count_workers(transport, options))),
      scheduler_(scheduler_settings(options, count_workers(transport, options))),
      recovery_({options.recover_every, options.recover_deadline.count(), options.rollback}, workers_,
                transport.now().count()),
      peers_(transport, options_, workers_, host.platform.node_name()),
      handshake_(peers_, *this, host_, options_),
      backups_(peers_, ensemble_, scheduler_, recovery_),
      placer_({peers_, *this, ensemble_, scheduler_, recovery_, backups_, options_, worker_settings_}),
      fetcher_(peers_, *this, ensemble_, scheduler_, worker_settings_.unsent_bytes),
      calls_({peers_, *this, ensemble_, scheduler_, recovery_, backups_, host_, options_, worker_settings_,
              profile_}),
      tasks_(peers_, *this, ensemble_, transport, options.recover),
      places_(host.storage, options_, program, host.platform.draw_run()),
      trial_(peers_, *this, places_, host_, options_),
      writer_({peers_, *this, places_, ensemble_, scheduler_, host_, options_},
              [this] { safe_points_.publish(); }),
      reader_({peers_, *this, places_, placer_, ensemble_, scheduler_, recovery_, program, host_, options_}),
      safe_points_({peers_, *this, writer_, ensemble_, host_, options_}),
      stalls_(peers_, *this, *this, host_.log, options_),
      driver_({transport, peers_, ensemble_, scheduler_, recovery_, backups_, placer_, calls_, tasks_,
               fetcher_, writer_, reader_, host_.log, options_}) {
  transport_.begin(handshake_.run(program, workers_, worker_settings_));
  phase_ = Phase::kRunning;
  recovery_.welcomed();
  if (host_.observer != nullptr) host_.observer->begins(scheduler_);
  if (options.master_works)
    own_worker_.begin(transport_, host_, make_kernel(program, options.check), worker_settings_);
}

void Master::close(std::int32_t status) {
  safe_points_.end();
  phase_ = Phase::kClosing;
  recovery_.end();
  if (host_.watchdog != nullptr) host_.watchdog->main_has_ended(status);
  writer_.finish();
  writer_.tell_error();
  peers_.await(Kind::kClosed);
  peers_.send_all(to_bytes(messages::Close()));
  run_until([&] { return peers_.all_answered(); });
  peers_.send_all(to_bytes(messages::Exit{status}));
  run_until([&] { return transport_.unsent() == 0; });
  transport_.end();
  own_worker_.end();
}

// ---- the program's calls

void Master::require_idle() const {
  if (calls_.is_running() || tasks_.is_serving())
    throw InputError("the master is inside a call: the sink and the inputs of evolve() cannot use it", {});
}

void Master::reset(std::size_t count, const Pack& pack) {
  require_idle();
  writer_.finish();  // it still wants the states
  placer_.reset(count, pack);
}

void Master::hint(std::span<const double> seconds) {
  require_idle();
  for (Slot slot = 0; slot < seconds.size(); ++slot) scheduler_.hint(slot, scheduler::Seconds(seconds[slot]));
}

void Master::update(Bytes shared, const Pack& own, const Take& output) {
  require_idle();
  safe_points_.require_going();
  calls_.update(shared, own, output);
}

void Master::evolve(const Rounds& rounds) {
  require_idle();
  safe_points_.require_going();
  calls_.evolve(rounds);
}

void Master::resample(std::span<const std::uint32_t> offspring) {
  require_idle();
  placer_.resample(offspring);
}

void Master::share(Bytes context) {
  require_idle();
  placer_.share(context);
}

void Master::fetch(std::span<const std::size_t> positions, const Take& state) {
  require_idle();
  fetcher_.fetch(positions, state);
}

Profile Master::profile() {
  require_idle();
  profile_.transfers = profile_.transfer_bytes = 0;
  peers_.await(Kind::kCounted);
  peers_.send_all(to_bytes(messages::Count()));
  run_until([&] { return peers_.all_answered(); });
  profile_.master_messages = peers_.traffic().messages;
  profile_.master_bytes = peers_.traffic().bytes;
  return profile_;
}

void Master::take(Rank from, const messages::Counted& counted) {
  if (!peers_.count_answer(from, Kind::kCounted)) return;
  profile_.transfers += counted.counters.transfers;
  profile_.transfer_bytes += counted.counters.transfer_bytes;
}

void Master::checkpoint(const std::string& path, Bytes program) {
  const std::string folder = places_.folder(path);
  require_idle();
  writer_.write(folder, program);
}

bool Master::restore(const std::string& path, const TakeBytes& program) {
  require_idle();
  const std::string folder = places_.folder(path);
  writer_.finish();
  if (!reader_.restore(folder, program)) return false;
  safe_points_.restored();
  return true;
}

bool Master::resume(const TakeBytes& program) {
  return !options_.checkpoint.empty() && restore(options_.checkpoint, program);
}

void Master::safe_point(Bytes program) {
  require_idle();
  safe_points_.require_going();
  safe_points_.at_safe_point(program, calls_.take_longest());
}

void Master::serve(const std::function<bool()>& ended) {
  require_idle();
  safe_points_.require_going();
  placer_.require_workers();
  tasks_.serve(ended);
}

int Master::end_check(int status) const {
  if (!options_.check) return status;
  if (!calls_.differs() && !tasks_.differs()) {
    host_.log.tell("--rondo-check: " + std::to_string(profile_.updates + tasks_.count()) +
                   " updates were done twice and gave the same bytes");
    return status;
  }
  if (status != EXIT_SUCCESS) return status;
  host_.log.tell("--rondo-check has found a difference, which the program has caught: the status is not 0");
  return EXIT_FAILURE;
}

// ---- the loop

void Master::run_until(const std::function<bool()>& done) {
  const double begin = transport_.now().count();
  stalls_.begin_wait(begin);
  recovery_.begin_wait(begin);
  constexpr const char* kPlace = "a call of the master";
  const Doing doing(host_.watchdog, kPlace);
  while (true) {
    if (host_.watchdog != nullptr) (void)host_.watchdog->here({kPlace, true});
    while (auto envelope = transport_.receive()) or_end([&] { dispatch(std::move(*envelope)); });
    if (Worker* own = own_worker_.get()) or_end([&] { own->poll(); });
    driver_.settle();
    if (!recovery_.is_counting() && done()) return;
    limit_freed_memory(transport_.now().count());
    safe_points_.watch();
    speak();
    transport_.wait(patience());
  }
}

// How long the next wait may be, when all that is due has been done.
transport::Seconds Master::patience() {
  using transport::Seconds;
  Seconds most(1);
  if (const Worker* own = own_worker_.get()) most = own->patience();
  if (transport_.unsent() > 0) most = std::min(most, Seconds(200e-6));
  most = std::min(most, Seconds(std::max(stalls_.watch(transport_.now().count()), 1e-3)));
  if (options_.recover) {
    std::optional<scheduler::Worker> own;
    if (own_worker_.get() != nullptr) own = peers_.worker_of(kMaster);
    most = std::min(most, Seconds(driver_.watch(own)));
  }
  if (!options_.checkpoint.empty()) most = std::min(most, kSignalLatency);
  return most;
}

// What the program's functions throw is caught where they are called. Anything else that a message brings about leaves
// nobody that could go on: the job ends, at once and by name.
void Master::or_end(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    host_.log.tell(describe(kMaster, error));
    leave_at_once(EXIT_FAILURE);
  }
}

void Master::dispatch(Envelope envelope) {
  const Kind kind = kind_of(envelope.message);
  if (!messages::ForMaster::has(kind) && options_.master_works)
    return own_worker_.handle(std::move(envelope));
  const double now = transport_.now().count();
  const scheduler::Worker worker = peers_.worker_of(envelope.from);
  if (peers_.is_lost(worker))  // it was only slow; its states are elsewhere now
    return transport_.send(envelope.from, to_bytes(messages::Leave{EXIT_SUCCESS}));
  stalls_.heard(worker, now);
  recovery_.heard(worker);
  // a report may tell that nothing has been done, and an answer brings nothing forward
  if (kind != Kind::kReport && kind != Kind::kStatus) stalls_.progressed(now);
  peers_.received(envelope.message.size());
  const bool known = engine::dispatch(messages::ForMaster(), envelope.message,
                                      [&](const auto& message) { take(envelope.from, message); });
  if (!known) throw Error("the master got a message of kind " + std::to_string(static_cast<unsigned>(kind)));
}

void Master::take(Rank from, const messages::Report& report) {
  if (calls_.take(from, report)) stalls_.progressed(transport_.now().count());
}

// A worker considers rank 0 gone after --rondo-orphan seconds of silence, and a call may take longer without any message to it.
void Master::speak() {
  const double now = transport_.now().count();
  if (!options_.orphan || phase_ != Phase::kRunning || now < speak_at_) return;
  speak_at_ = now + kSpokenShare * seconds_or(options_.orphan, scheduler::kNever.count());
  peers_.send_all(to_bytes(messages::Ping()));
}

void Master::leave_at_once(int status) {
  if (host_.watchdog != nullptr) host_.watchdog->leaves();  // what follows may hang too
  flush_output();
  if (options_.recover) {  // the launcher does not end the others
    peers_.send_all(to_bytes(messages::Leave{status}));
    transport_.flush();
    constexpr double kSeconds = 1;
    const double begin = transport_.now().count();
    while (transport_.unsent() > 0 && transport_.now().count() - begin < kSeconds)
      transport_.wait(transport::Seconds(1e-3));
  }
  host_.abort(status);
  std::_Exit(status);
}

// ---- for the report of a stall

bool Master::is_idle() const { return tasks_.is_serving() && tasks_.is_idle(); }

std::string Master::activity() const {
  if (tasks_.is_serving()) return "tasks";
  if (calls_.is_running()) return "round " + std::to_string(calls_.current_round());
  if (phase_ == Phase::kClosing) return "the end of the run";
  if (fetcher_.missing() > 0) return "a fetch of " + std::to_string(fetcher_.missing()) + " states";
  if (writer_.is_writing()) return "a checkpoint, of " + std::to_string(writer_.missing_parts()) + " parts";
  if (reader_.is_reading()) return "a restore";
  return "messages to leave, or workers to begin";
}

std::vector<StallWatch::Subject::Awaited> Master::awaited() const {
  std::vector<Awaited> all(peers_.count());
  for (Slot slot = 0; calls_.is_running() && slot < ensemble_.ids.size(); ++slot) {
    if (scheduler_.rounds_done(slot) > scheduler_.rounds_complete()) continue;
    Awaited& of = all[index(scheduler_.owner(slot))];
    if (of.states++ == 0) of.first = ensemble_.ids[slot];
  }
  return all;
}

}  // namespace rondo::engine
