// The workers as rank 0 reaches them: which rank each is, on which node, and what all of them have answered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "engine/messages.hpp"
#include "engine/options.hpp"
#include "recovery/backup.hpp"
#include "scheduler/scheduler.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

/// What the master has sent and received.
struct Traffic {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  void count(std::size_t message) {
    ++messages;
    bytes += message;
  }
};

class Peers {
 public:
  using Worker = scheduler::Worker;

  /// `workers` says which of them are lost, and `node` is the name of this node: ranks count as being here until they say where
  /// they are. The arguments outlive the peers.
  Peers(transport::Transport& transport, const Options& options, const recovery::Workers& workers,
        const std::string& node);

  // ---- who is there

  /// Workers of the run, lost ones too.
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(workers_.lost.size()); }
  [[nodiscard]] std::size_t alive() const { return workers_.alive(); }
  [[nodiscard]] bool is_lost(Worker worker) const { return workers_.lost[index(worker)]; }
  [[nodiscard]] bool is_lost(std::uint32_t worker) const { return workers_.lost[worker]; }
  [[nodiscard]] std::vector<Rank> lost_ranks() const;
  [[nodiscard]] Rank rank_of(Worker worker) const;
  [[nodiscard]] Worker worker_of(Rank rank) const;
  /// The names of their nodes, by rank.
  [[nodiscard]] const std::vector<std::string>& nodes() const { return nodes_; }
  [[nodiscard]] const std::string& node_of(Rank rank) const {
    return nodes_[static_cast<std::size_t>(value(rank))];
  }
  void set_node(Rank rank, std::string name) {
    nodes_[static_cast<std::size_t>(value(rank))] = std::move(name);
  }
  [[nodiscard]] std::size_t count_nodes() const { return std::set(nodes_.begin(), nodes_.end()).size(); }

  // ---- messages

  void send(Rank to, Buffer message);
  void send(Worker to, Buffer message) { send(rank_of(to), std::move(message)); }
  void send_all(const Buffer& message);
  /// The same down a tree of ranks, where workers send on what they get.
  void send_tree(const Buffer& message);
  void flush() { transport_.flush(); }
  /// Waits until everything has left; takes nothing in.
  void wait_until_sent();
  /// Bytes that have not left yet.
  [[nodiscard]] std::size_t unsent() { return transport_.unsent(); }
  [[nodiscard]] transport::Seconds now() const { return transport_.now(); }

  // ---- a question to all workers

  /// All of them are asked for a message of this kind.
  void await(Kind kind);
  /// An answer has come. Returns whether it is the first of this rank since await(). The answer to a question that was given up, as of a
  /// call that lost its workers, may come at any time later.
  [[nodiscard]] bool count_answer(Rank from, Kind kind);
  [[nodiscard]] bool has_answered(Rank rank) const { return answered_.contains(rank); }
  [[nodiscard]] bool all_answered() const;

  [[nodiscard]] const Traffic& traffic() const { return traffic_; }
  void received(std::size_t bytes) { traffic_.count(bytes); }

 private:
  transport::Transport& transport_;
  const Options& options_;
  const recovery::Workers& workers_;
  std::vector<std::string> nodes_;
  Kind awaited_ = Kind::kHello;
  std::set<Rank> answered_;
  Traffic traffic_;
};

}  // namespace rondo::engine
