// The beginning of a run: every worker says what it is and where, and all of them hear the verdict.
#pragma once

#include <string>
#include <vector>

#include <rondo/detail/program.hpp>

#include "engine/host.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/messages.hpp"
#include "engine/options.hpp"
#include "engine/worker_settings.hpp"
#include "transport/relay.hpp"

namespace rondo::engine {

class Handshake {
 public:
  /// The arguments outlive the handshake.
  Handshake(Peers& peers, Loop& loop, const Host& host, const Options& options)
      : peers_(peers), loop_(loop), host_(host), options_(options), builds_(peers.nodes().size()) {}

  void take(Rank from, const messages::Hello& hello);
  /// Waits for all workers, numbers their nodes in `workers`, and welcomes each with these settings, which then are those of a worker on
  /// rank 0. Returns what the relay begins with. Throws MismatchError if a worker is of another program or build; it has left then,
  /// as have all others.
  [[nodiscard]] std::vector<Rank> run(const detail::Program& program, recovery::Workers& workers,
                                      WorkerSettings& settings);

 private:
  [[nodiscard]] bool all_greeted() const;
  [[nodiscard]] std::uint32_t workers_on(const std::string& node) const;
  [[nodiscard]] transport::RelayPlan plan_relay(transport::Seconds handshake) const;
  [[nodiscard]] std::string mismatch(const detail::Program& program) const;
  void number_nodes(recovery::Workers& workers) const;

  Peers& peers_;
  Loop& loop_;
  const Host& host_;
  const Options& options_;
  std::vector<std::string> builds_;  // by rank; empty: it has not said anything
};

}  // namespace rondo::engine
