// The calls: one round, or many without a barrier. Performs what the scheduler commands, and turns messages into its events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <rondo/detail/engine.hpp>
#include <rondo/error.hpp>

#include "engine/host.hpp"
#include "engine/master/backups.hpp"
#include "engine/master/ensemble.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/messages.hpp"
#include "engine/options.hpp"
#include "engine/worker_settings.hpp"
#include "recovery/recovery.hpp"
#include "scheduler/scheduler.hpp"

namespace rondo::engine {

class CallRunner {
 public:
  using Engine = detail::Engine;

  /// What it works with; all of it outlives the runner.
  struct Parts {
    Peers& peers;
    Loop& loop;
    Ensemble& ensemble;
    scheduler::Scheduler& scheduler;
    recovery::Recovery& recovery;
    Backups& backups;
    const Host& host;
    const Options& options;
    const WorkerSettings& settings;
    Profile& profile;
  };
  explicit CallRunner(const Parts& parts) : p_(parts) {}

  /// One round. Throws UpdateError, CheckError, and what `output` throws.
  void update(Bytes shared, const Engine::Pack& own, const Engine::Take& output);
  void evolve(const Engine::Rounds& rounds);

  /// Returns whether updates have been done.
  bool take(Rank from, const messages::Report& report);
  void take(Rank from, const messages::Gave& gave);
  void take(Rank from, const messages::Failed& failed);
  void take(Rank from, const messages::Differs& differs);
  void take(Rank from, const messages::Stopped& stopped);

  [[nodiscard]] bool is_running() const { return call_ != nullptr; }
  /// The round that rank 0 waits for, inside a call.
  [[nodiscard]] std::uint64_t current_round() const;
  /// Seconds that the longest call since the last take_longest() has taken.
  [[nodiscard]] double take_longest() { return std::exchange(longest_call_, 0); }
  /// Whether --rondo-check has found a difference.
  [[nodiscard]] bool differs() const { return differs_; }

  // ---- after a loss

  /// What recovery wants to know of the running call; nothing if none runs.
  [[nodiscard]] std::optional<recovery::Recovery::CallState> state() const;
  /// Whether the running call is to end early.
  [[nodiscard]] bool stops() const;
  /// The same call under a new epoch: all that workers knew of it is void. The commands are those of Scheduler::recover.
  void resume(const std::vector<scheduler::Command>& commands);

 private:
  using Output = std::function<void(std::uint32_t round, std::size_t position, Bytes bytes)>;
  // What a call brings, for as long as it runs.
  struct Call {
    messages::CallHeader header{};
    Bytes shared;  // input of round 0, if the assignments carry it
    const Engine::Pack* own = nullptr;
    Engine::Pack recorded;  // own inputs, from the log
    Output output;
    std::function<void(std::uint32_t round)> complete;
    std::uint64_t rounds_before = 0;  // of an evolve() that is cut into calls
    std::vector<bool> begun;          // per worker
    // outputs that could not be unpacked, inputs that could not be packed
    std::vector<UpdateFailure> failures_here;
    std::vector<UpdateFailure> failures;
    std::optional<CheckError> difference;  // the first one: by round, then by state
    std::exception_ptr exception;          // of the program's own functions
    bool cancelled = false;
    bool ended = false;
    [[nodiscard]] bool failed_here() const { return exception != nullptr || !failures_here.empty(); }
  };

  void update_once(Bytes shared, const Engine::Pack& own, const Engine::Take& output);
  void evolve_part(const Engine::Rounds& rounds, std::uint64_t before, bool& exhausted);
  [[nodiscard]] std::uint64_t rounds_per_call() const;
  void run(Call& call, std::uint32_t rounds, std::size_t batch_most, const std::function<void()>& feed);
  void record(Call& call, std::uint32_t rounds);
  void record_end(const Call& call);
  void begin_on_all();
  void throw_what_failed(Call& call) const;
  void send_input(std::uint64_t epoch, std::uint32_t round, std::uint32_t complete, Bytes input);
  void guard(const std::function<void()>& users_code);

  void on(const scheduler::Event& event);
  void perform(const scheduler::command::Move& move);
  void perform(const scheduler::command::Assign& assign);
  void perform(const scheduler::command::Give& give);
  void perform(const scheduler::command::Complete& complete);
  void perform(const scheduler::command::Stop& stop);
  void perform(const scheduler::command::End& end);
  [[nodiscard]] std::size_t pack_inputs(std::span<const scheduler::Slot> slots, Buffer& inputs);
  [[nodiscard]] std::vector<scheduler::Job> jobs_of(std::span<const scheduler::Slot> slots) const;
  void take_output(const scheduler::Done& done, Bytes bytes);

  const Parts p_;
  Call* call_ = nullptr;  // the one that runs
  std::uint64_t epoch_ = 0;
  double longest_update_ = 0;  // of the call
  double longest_call_ = 0;
  std::size_t input_most_ = 0;  // bytes of the biggest own input so far
  bool differs_ = false;
};

}  // namespace rondo::engine
