// Rounds of a workload on a virtual machine (world.hpp): how long they take, and what they cost rank 0 and the network.
//
//   Simulation simulation(Settings::of(35), workload);
//   simulation.reset(400);
//   CallResult round = simulation.update();   // round.bound / round.makespan
//
// Pure and seeded: the same settings, workload and calls give the same course of events, everywhere. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "checkpoint/posix_storage.hpp"
#include "engine/master.hpp"
#include "engine/observer.hpp"
#include "simulation/world.hpp"
#include "transport/relay.hpp"

namespace rondo::simulation {

// What a call was like. Seconds of virtual time.
struct CallResult {
  double makespan = 0;
  double work = 0;             // sum of the updates' durations, as the workers measure them
  double longest = 0;          // state, over the rounds of the call
  double bound = 0;            // max(work / workers, longest): no schedule is faster
  double master_busy = 0;      // of the makespan
  std::uint64_t refined = 0;   // states moved before their first job began anywhere
  std::uint64_t stolen = 0;    // states given by a worker inside the call
  std::uint64_t gifts = 0;     // requests for them
  std::uint64_t messages = 0;  // of all, from anywhere to anywhere
  std::uint64_t master_messages = 0;
  bool cancelled = false;

  [[nodiscard]] double efficiency() const { return makespan > 0 ? bound / makespan : 1; }
};

// Sees what happens, and takes no part.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void decided(Time, const scheduler::Event&, const std::vector<scheduler::Command>&,
                       const scheduler::Scheduler&) {}
  // An update begins. `round` counts from the begin of the call.
  virtual void updates(scheduler::Worker, scheduler::Slot, std::uint32_t /*round*/, Time /*start*/, Seconds) {
  }
};

class Simulation final : private engine::Observer {
 public:
  explicit Simulation(const Settings& settings, Workload workload, simulation::Observer* observer = nullptr);

  // New states; `seconds` are hints (empty: none).
  void reset(std::size_t count, std::span<const double> seconds = {});
  CallResult update();
  CallResult evolve(std::uint32_t rounds);
  // The copies travel while the next call begins.
  std::vector<scheduler::Copy> resample(std::span<const std::uint32_t> offspring);
  // In the next call, an update that begins after so much time throws.
  void cancel_after(Seconds time) { cancel_after_ = time; }
  // Nothing happens between two calls until nothing is on its way any more.
  void settle() { world_.settle(); }
  // Fetches all states of where the scheduler knows them to be. Returns how many have come, and are what their updates have made of
  // them; throws Hangs if one is not there.
  [[nodiscard]] std::size_t fetch();

  [[nodiscard]] const scheduler::Scheduler& scheduler() const { return *scheduler_; }
  [[nodiscard]] Time now() const { return world_.now(); }
  [[nodiscard]] const World& world() const { return world_; }
  [[nodiscard]] std::uint64_t round() const { return round_; }
  // Of an update, which makes `contents` of the contents of a state.
  [[nodiscard]] static std::uint64_t updated(std::uint64_t contents, StateId id, std::uint64_t round);

 private:
  class Kernel;
  // What the running call counts.
  struct Running {
    std::uint64_t first_round = 0;
    std::vector<double> chain;  // per state: seconds of its updates
    CallResult result;
  };

  void begins(const scheduler::Scheduler& scheduler) override { scheduler_ = &scheduler; }
  void decided(Time now, const scheduler::Event& event,
               const std::vector<scheduler::Command>& commands) override;
  [[nodiscard]] detail::Program program();
  void run_update(StateId id, std::uint64_t round);
  void end_call();
  template <class Call>
  CallResult run_call(const Call& call);

  const Settings settings_;
  const Workload workload_;
  simulation::Observer* const observer_;
  const std::size_t state_bytes_;
  checkpoint::PosixStorage storage_;  // nothing is written
  const scheduler::Scheduler* scheduler_ = nullptr;
  Running running_;
  std::optional<Seconds> cancel_after_;
  Time cancel_at_;
  std::optional<std::pair<StateId, std::uint64_t>> last_update_;  // --rondo-check does each twice
  std::vector<std::uint64_t> contents_;                           // of the states, as they should be
  std::uint64_t round_ = 0;
  const detail::Program program_;
  World world_;
  transport::Relay relay_;
  engine::Master master_;
};

}  // namespace rondo::simulation
