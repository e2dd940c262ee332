// A rank other than rank 0, from its hello to the end of the run, in steps that do not wait.
//
//   while (server.step()) server.wait();
//
// in reality. A simulation calls step() when a message has come, the worker was woken up, or patience() is over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rondo/detail/program.hpp>

#include "engine/host.hpp"
#include "engine/worker.hpp"
#include "transport/relay.hpp"

namespace rondo::engine {

/// Notices that there is no rank 0 any more, where the launcher does not: at once if its process was on this node and has
/// gone, after a long silence if it stands still, or if nothing comes from its node.
class MasterWatch {
 public:
  /// `node` is that of rank 0. `now` is in seconds, on the clock of the other calls.
  MasterWatch(const WorkerSettings& settings, const Platform& platform, const std::string& node, double now);

  /// Rank 0 has said something.
  void heard(double now);
  /// Returns why rank 0 counts as gone; empty if it does not.
  [[nodiscard]] std::string gone(double now);

 private:
  std::int32_t process_;  // 0: cannot be seen, or need not
  double silence_most_;   // seconds; 0: any, as on threads: there rank 0 cannot stand still alone
  double silence_ = 0;
  double last_;
  double looked_ = 0;
};

class Server {
 public:
  /// Says hello to rank 0. `below`, `program` and what the host names outlive the server.
  Server(transport::Transport& below, const Host& host, const detail::Program& program);

  /// Takes in what has come and sends what is due. Returns false when the run is over for this rank; status() is then set. Throws
  /// MismatchError, and what the user's types throw when they cannot be packed or unpacked: then the run cannot go on.
  [[nodiscard]] bool step();
  /// How long step() has nothing to do, if nothing happens.
  [[nodiscard]] transport::Seconds patience() const;
  void wait() { transport_.wait(patience()); }
  /// Of the run, once rank 0 has said it.
  [[nodiscard]] std::int32_t status() const { return status_; }

 private:
  enum class Phase : std::uint8_t { kGreeting, kWorking, kEnding, kEnded };

  void greet(transport::Envelope envelope);
  void take(const messages::Welcome& welcome);
  void take(const messages::Mismatch& mismatch);
  void take(const messages::Leave& leave);
  void take(const messages::Ping& ping);
  void work();

  transport::Relay transport_;
  const Host host_;
  const detail::Program& program_;
  Phase phase_ = Phase::kGreeting;
  // Others may be welcome earlier and send states already; they wait until there is a worker.
  std::vector<transport::Envelope> early_;
  WorkerSettings settings_;
  std::optional<MasterWatch> watch_;
  std::optional<Worker> worker_;
  std::int32_t status_ = 0;
};

}  // namespace rondo::engine
