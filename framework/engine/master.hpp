// The master over bytes: performs what the scheduler commands, and turns messages into its events.
//
// Lives on rank 0, used from the thread that runs the program's main, which is the one that communicates. It works only
// inside its calls; between them the workers wait (or finish copies they were told to make).
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <rondo/detail/engine.hpp>
#include <rondo/error.hpp>

#include "engine/options.hpp"
#include "engine/protocol.hpp"
#include "engine/worker.hpp"
#include "scheduler/scheduler.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

class Master final : public detail::Engine {
 public:
  // Waits for the workers and agrees with them on build and types; throws MismatchError, and then they leave too.
  Master(transport::Transport& transport, const detail::Program& program, const Options& options);

  // Tells every worker to stop, and waits until nothing is on the way any more.
  void close(std::int32_t status);

  const std::vector<StateId>& ids() const override { return ids_; }
  std::size_t workers() const override { return workers_; }
  void reset(std::size_t count, const Pack& pack) override;
  void hint(std::span<const double> seconds) override;
  void update(Bytes shared, const Pack& own, const Take& output) override;
  void evolve(const Rounds& rounds) override;
  void resample(std::span<const std::uint32_t> offspring) override;
  void share(Bytes context) override;
  void fetch(std::span<const std::size_t> positions, const Take& state) override;
  Profile profile() override;
  std::size_t rounds_ahead() const override { return options_.rounds_ahead; }

 private:
  using Output = std::function<void(std::uint32_t round, std::size_t position, Bytes bytes)>;
  // What a call brings, for as long as it runs.
  struct Running {
    Call call{};
    Bytes shared;  // input of round 0, if the assignments carry it
    const Pack* own = nullptr;
    Output output;
    std::function<void(std::uint32_t round)> complete;
    std::vector<bool> begun;  // per worker
    std::vector<UpdateFailure> failures;
    std::exception_ptr exception;  // of the program's own functions
    bool ended = false;
  };
  struct Seen {  // of a worker, for who asks why nothing goes on
    double reported = 0;
    double running_for = -1;
    StateId running{};
  };

  [[nodiscard]] Rank rank_of(scheduler::Worker worker) const;
  [[nodiscard]] scheduler::Worker worker_of(Rank rank) const;
  void send(Rank to, Buffer message);
  void send_all(const Buffer& message);
  void send_tree(const Buffer& message);
  template <class Done>
  void run_until(const Done& done);
  void dispatch(transport::Envelope envelope);
  void handshake(const detail::Program& program);

  void run_call(Running& running, std::uint32_t rounds, std::size_t batch_most,
                const std::function<void()>& feed);
  void on(const scheduler::Event& event);
  void perform(const scheduler::command::Move& move);
  void perform(const scheduler::command::Assign& assign);
  void perform(const scheduler::command::Give& give);
  void perform(const scheduler::command::Complete& complete);
  void perform(const scheduler::command::Stop& stop);
  void perform(const scheduler::command::End& end);
  void take_report(Rank from, Reader& in);
  void take_gave(Rank from, Reader& in);
  void take_failed(Rank from, Reader& in);
  void take_fetched(Rank from, Reader& in);
  void guard(const std::function<void()>& users_code);
  [[noreturn]] void throw_failures(Running& running);
  void require_idle() const;
  void update_ids();
  void tell_stall();

  transport::Transport& transport_;
  const Options options_;
  const std::uint32_t workers_;
  scheduler::Scheduler scheduler_;
  WorkerSettings worker_settings_;
  std::optional<Worker> own_worker_;  // with --rondo-master-works

  std::vector<StateId> ids_;
  std::uint64_t next_id_ = 0;
  std::uint64_t round_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t generation_ = 0;
  std::uint64_t context_ = 0;
  Running* running_ = nullptr;

  struct Fetching {
    std::uint64_t request = 0;
    std::size_t missing = 0;
    const Take* take = nullptr;
    std::vector<UpdateFailure> failures;
    std::exception_ptr exception;
  };
  Fetching fetching_;
  std::uint64_t requests_ = 0;
  std::uint32_t answers_ = 0;  // of the kind that is waited for
  std::vector<std::string> greetings_;
  std::vector<Seen> seen_;
  double heard_ = 0;  // when the last message came
  double told_ = 0;   // when the last stall was told
  Profile profile_;
  double longest_ = 0;  // update of the call
};

}  // namespace rondo::engine
