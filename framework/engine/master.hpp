// The master: rank 0's part in a run, over bytes.
//
// A facade. It owns the parts of the master (engine/master/), each with one job, brings every message to the part that takes it,
// and has the one loop in which rank 0 waits.
//
//   peers        the workers, and how to reach them       calls     the running call
//   placer       states between the calls                 tasks     tasks of an evaluator
//   fetcher      states to rank 0                         writer, reader, places, trial    checkpoints
//   recovery, backups, driver   lost workers              safe points, stalls   time
//
// Lives on rank 0, used from the thread that runs the program's main, which is the one that communicates. It works only
// inside its calls; between them the workers wait (or finish copies that they were told to make).
//
// It has more than 25 members, as it owns the parts; none of them is a flag.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <rondo/detail/engine.hpp>
#include <rondo/error.hpp>

#include "engine/host.hpp"
#include "engine/master/backups.hpp"
#include "engine/master/call_runner.hpp"
#include "engine/master/checkpoint_places.hpp"
#include "engine/master/checkpoint_reader.hpp"
#include "engine/master/checkpoint_writer.hpp"
#include "engine/master/ensemble.hpp"
#include "engine/master/fetcher.hpp"
#include "engine/master/handshake.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/own_worker.hpp"
#include "engine/master/peers.hpp"
#include "engine/master/place_trial.hpp"
#include "engine/master/recovery_driver.hpp"
#include "engine/master/safe_points.hpp"
#include "engine/master/stall_watch.hpp"
#include "engine/master/state_placer.hpp"
#include "engine/master/task_server.hpp"
#include "engine/options.hpp"
#include "recovery/recovery.hpp"
#include "scheduler/scheduler.hpp"
#include "transport/relay.hpp"

namespace rondo::engine {

class Master final : public detail::Engine, private Loop, private StallWatch::Subject {
 public:
  /// Waits for the workers and agrees with them on build and types; throws MismatchError, and then they leave too. The arguments
  /// outlive the master.
  Master(transport::Relay& transport, const Host& host, const detail::Program& program,
         const Options& options);

  /// Whether a safe point has thrown Leave: the run is over, whatever the program makes of that.
  [[nodiscard]] bool has_left() const { return safe_points_.has_left(); }
  [[nodiscard]] int leave_status() const { return safe_points_.leave_status(); }
  /// Says that the program has caught it.
  void tell_caught_leave() const { safe_points_.tell_caught(); }
  /// Whether all ranks can write where checkpoints will go. Throws CheckpointError if no place will do; tells of one of two.
  void check_places() { trial_.run(); }
  /// With --rondo-check: tells what it has found, and returns the status of the run: not 0 if there was a difference.
  [[nodiscard]] int end_check(int status) const;
  /// Tells every worker to stop, and waits until nothing is on the way any more.
  void close(std::int32_t status);

  const std::vector<StateId>& ids() const override { return ensemble_.ids; }
  std::size_t workers() const override { return peers_.alive(); }
  void reset(std::size_t count, const Pack& pack) override;
  void hint(std::span<const double> seconds) override;
  void update(Bytes shared, const Pack& own, const Take& output) override;
  void evolve(const Rounds& rounds) override;
  void resample(std::span<const std::uint32_t> offspring) override;
  void share(Bytes context) override;
  void fetch(std::span<const std::size_t> positions, const Take& state) override;
  Profile profile() override;
  void checkpoint(const std::string& path, Bytes program) override;
  bool restore(const std::string& path, const TakeBytes& program) override;
  bool resume(const TakeBytes& program) override;
  void safe_point(Bytes program) override;
  void post(detail::Task task) override { tasks_.post(std::move(task)); }
  [[nodiscard]] std::uint64_t new_poster() override { return tasks_.new_poster(); }
  void serve(const std::function<bool()>& ended) override;
  void wake() override { transport_.wake(); }
  std::size_t rounds_ahead() const override { return options_.rounds_ahead; }
  std::uint64_t seed() const override { return ensemble_.seed; }
  Random& random() override { return ensemble_.random; }

 private:
  enum class Phase : std::uint8_t { kGreeting, kRunning, kClosing };

  // ---- Loop
  void run_until(const std::function<bool()>& done) override;
  [[noreturn]] void leave_at_once(int status) override;
  // ---- StallWatch::Subject
  [[nodiscard]] bool is_idle() const override;
  [[nodiscard]] std::string activity() const override;
  [[nodiscard]] std::vector<Awaited> awaited() const override;

  [[nodiscard]] transport::Seconds patience();
  void or_end(const std::function<void()>& work);
  void dispatch(transport::Envelope envelope);
  void take(Rank from, const messages::Hello& hello) { handshake_.take(from, hello); }
  void take(Rank from, const messages::Closed&) { (void)peers_.count_answer(from, Kind::kClosed); }
  void take(Rank from, const messages::Fetched& fetched) { fetcher_.take(from, fetched); }
  void take(Rank from, const messages::Report& report);
  void take(Rank from, const messages::Gave& gave) { calls_.take(from, gave); }
  void take(Rank from, const messages::Failed& failed) { calls_.take(from, failed); }
  void take(Rank from, const messages::Differs& differs) { calls_.take(from, differs); }
  void take(Rank from, const messages::Stopped& stopped) { calls_.take(from, stopped); }
  void take(Rank from, const messages::TasksDone& done) { tasks_.take(from, done); }
  void take(Rank from, const messages::Tried& tried) { trial_.take(from, tried); }
  void take(Rank, const messages::Saved& saved) { writer_.take(saved); }
  void take(Rank, const messages::Loaded& loaded) { reader_.take(loaded); }
  void take(Rank, const messages::Signal& signal) { safe_points_.heed(signal.wish); }
  void take(Rank from, const messages::Status& status) { stalls_.take(from, status); }
  void take(Rank from, const messages::Counted& counted);
  void take(Rank, const messages::BackedUp& backed_up) { backups_.take(backed_up); }
  void take(Rank from, const messages::Census& census) { driver_.take(from, census); }
  void require_idle() const;
  void speak();

  transport::Relay& transport_;
  const Host host_;
  const Options options_;
  WorkerSettings worker_settings_;
  Phase phase_ = Phase::kGreeting;
  double speak_at_;  // when all workers hear of rank 0 again
  Profile profile_;
  Ensemble ensemble_;
  recovery::Workers workers_;
  scheduler::Scheduler scheduler_;
  recovery::Recovery recovery_;

  Peers peers_;
  Handshake handshake_;
  Backups backups_;
  StatePlacer placer_;
  Fetcher fetcher_;
  CallRunner calls_;
  TaskServer tasks_;
  CheckpointPlaces places_;
  PlaceTrial trial_;
  CheckpointWriter writer_;
  CheckpointReader reader_;
  SafePoints safe_points_;
  StallWatch stalls_;
  RecoveryDriver driver_;
  OwnWorker own_worker_;
};

}  // namespace rondo::engine
