// A virtual machine that runs the scheduler, unchanged: a master that takes time for each message, workers, a network.
//
// A discrete-event driver of Scheduler and WorkQueue that mirrors the engine's master and workers message by message.
// Pure and seeded: the same settings, workload and calls give the same course of events, everywhere. One thread.
//
//   Simulation simulation(Settings::of(35), workload);
//   simulation.reset(400);
//   CallResult round = simulation.update();   // round.bound / round.makespan
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "scheduler/scheduler.hpp"
#include "simulation/virtual_worker.hpp"

namespace rondo::simulation {

// What a call was like. Seconds of virtual time.
struct CallResult {
  double makespan = 0;
  double work = 0;             // sum of the updates' durations
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

class Simulation {
 public:
  explicit Simulation(const Settings& settings, Workload workload, Observer* observer = nullptr);

  // New states, which are where they belong at once; `seconds` are hints (empty: none).
  void reset(std::size_t count, std::span<const double> seconds = {});
  CallResult update();
  CallResult evolve(std::uint32_t rounds);
  // The copies travel while the next call begins.
  std::vector<scheduler::Copy> resample(std::span<const std::uint32_t> offspring);
  // The next call is cancelled after so much time, if it still runs then.
  void cancel_after(Seconds time) { cancel_after_ = time; }
  // Nothing happens between two calls for so long, or until nothing is on its way any more.
  void settle();

  // Settings::recover: after so much time the worker dies, or stands still for a while. A call throws WorkerLost if states are
  // gone for good; nothing can be done with the simulation after that. What was lost is in losses().
  void dies(scheduler::Worker worker, Seconds after);
  void stands_still(scheduler::Worker worker, Seconds after, Seconds time);
  [[nodiscard]] const MasterMemory& losses() const { return *memory_; }

  [[nodiscard]] const scheduler::Scheduler& scheduler() const { return scheduler_; }
  [[nodiscard]] Time now() const { return agenda_.now(); }
  [[nodiscard]] const Cores& cores() const { return cores_; }
  [[nodiscard]] std::uint64_t happenings() const { return happenings_; }
  [[nodiscard]] std::uint64_t round() const { return round_; }
  [[nodiscard]] StateId next_id() const {
    return StateId{next_id_};
  }  // of the first child of the next resample()
  // The worker that has the state; nobody while it is on its way.
  [[nodiscard]] std::optional<scheduler::Worker> whereabouts(StateId id) const;

 private:
  // What the running call counts.
  struct Running {
    Call call;
    std::vector<bool> begun;    // per worker
    std::vector<double> chain;  // per state: seconds of its updates
    bool ended = false;
    CallResult result;
  };

  template <class Feed>
  CallResult run_call(std::uint32_t rounds, bool input_included, const Feed& feed);
  void step();
  void arrives(Message* message);
  void receive();
  void handle(const Message& message);
  void on(const scheduler::Event& event);
  void perform(const scheduler::command::Move& move);
  void perform(const scheduler::command::Assign& assign);
  void perform(const scheduler::command::Give& give);
  void perform(const scheduler::command::Complete&) {}
  void perform(const scheduler::command::Stop&);
  void perform(const scheduler::command::End&) { running_.ended = true; }
  void open_round(std::uint64_t epoch, std::uint32_t round);
  void spend(Seconds time);
  Message* message(Message::Kind kind, Place to);
  void send(Message* message);
  void send_bundle(Place leader);
  void flush();

  // Lost workers: simulation_recovery.cpp.
  [[nodiscard]] bool is_lost(Place worker) const { return memory_ && memory_->workers.lost[worker]; }
  [[nodiscard]] bool recovering() const { return memory_ && memory_->census; }
  void prepare_recovery();
  [[nodiscard]] bool strikes(const Happening& happening);
  void watch();
  void plan_watch();
  void lose(const std::vector<scheduler::Worker>& silent);
  [[nodiscard]] bool recover(const Message& message);
  void take_outputs(const Message& report);
  void record_call(bool one_round);
  void record_input();
  void end_record();
  void begin_backup(recovery::History::Bases bases);
  void complete_backup();
  void finish_recovery();
  void resume_call(const std::vector<scheduler::Command>& commands);
  template <class Fill>
  void tell_all(Message::Kind kind, const Fill& fill);
  [[noreturn]] void throw_lost(const std::vector<scheduler::Worker>& lost, std::size_t states);

  const Settings settings_;
  const Workload workload_;
  Observer* const observer_;
  Agenda agenda_;
  Network network_;
  Cores cores_;
  Outgoing outgoing_;
  Common common_;
  scheduler::Scheduler scheduler_;
  std::vector<VirtualWorker> workers_;
  Running running_;
  std::deque<Message*> inbox_;
  struct Filling {
    Place leader;
    Message* bundle;
    Time since;
  };
  std::deque<Filling> filling_;  // bundles for leaders, the oldest first
  bool receiving_ = false;
  std::optional<Seconds> cancel_after_;
  std::uint64_t next_id_ = 0;
  std::uint64_t round_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t happenings_ = 0;
  std::optional<MasterMemory> memory_;             // where workers may be lost
  std::vector<Fate> fates_;                        // of the workers
  std::vector<std::vector<Happening>> held_back_;  // of those that stand still
};

}  // namespace rondo::simulation
