// Bundles the messages between rank 0 and the workers, so that rank 0 handles few messages when there are very many workers.
//
// A Relay is a Transport around another one; every rank of a run has one. Until begin() it passes all messages on unchanged.
// From then on the workers are in groups. One worker of each group is its leader; a leader also computes, like any worker:
//
//   master to worker   rank 0 sends the messages for one group as a bundle to the leader, which sends each part on
//   worker to master   a worker sends its message to the leader, which sends a bundle from time to time
//   worker to worker   direct
//
// All messages between rank 0 and a worker go through the same leader, so they stay in order. A message that costs more to
// copy than to send is not copied into a bundle: the bundle before it ends with its address, and the message follows
// unchanged as the next message from that sender to that receiver.
//
// Messages also stay in order while bundles begin. Rank 0 announces them to each worker in a direct message (the welcome),
// upon which the worker calls begin(). A message that arrives through the leader before the welcome is held until begin().
//
// A leader keeps the messages that a slow member has not received yet. Their size is limited only by what is sent: the
// member's part of a round or, in a reset, its states, which the member will hold anyway. The leader cannot stop receiving
// from rank 0 meanwhile: MPI cannot exclude one sender, and two leaders that wait for each other's states would deadlock.
//
// A bundle costs rank 0 as much as one message, and each part about as much as a copy of its bytes. A leader handles the
// messages of its group. It relays during a long update, too, because another thread communicates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "transport/transport.hpp"

namespace rondo::transport {

// How the workers are grouped.
struct RelayPlan {
  std::uint32_t group = 0;  // workers per group; 0: no relay
  Seconds pace{0};  // shortest time between two bundles of one leader to rank 0; the first is sent at once
};

// The plan for groups of this size, if rank 0 needs the time `message` for one message: the bundles of all leaders together
// take at most half of its time.
[[nodiscard]] RelayPlan relay_of(std::uint32_t group, std::uint32_t workers, Seconds message);

// The plan with the best size of groups, or no relay if there are too few workers for it to pay. In a round rank 0 exchanges
// about four messages with each worker (the assignment, a report, a request to give states and its answer), most of them at
// the start and at the end. While rank 0 handles all of them in less than kBurst, the time between two reports of one
// worker, no worker waits for long. The limit is
//
//   workers = kBurst / (4 * message)       1,250 at 2 us per message, 250 at 10 us (slow networks)
//
// A bundle costs rank 0 one message, and its leader one message per member. The sum, workers / group + group, is smallest
// for group = sqrt(workers).
[[nodiscard]] RelayPlan plan_relay(std::uint32_t workers, Seconds message);
inline constexpr Seconds kBurst{10e-3};
inline constexpr std::uint32_t kRelayLeast =
    128;  // workers; a smaller run has no relay: a measured first message may take much longer than later ones

// The leader of each rank; rank 0 is its own leader. A group is a node's ranks, split into groups of at most twice
// plan.group. If nodes have on average fewer than plan.group / 2 workers, or if no nodes are named, a group is plan.group
// consecutive ranks. The leader is the first rank of its group.
[[nodiscard]] std::vector<Rank> relay_leaders(const RelayPlan& plan, std::size_t ranks,
                                              std::span<const std::string> nodes);

class Relay final : public Transport {
 public:
  explicit Relay(Transport& below) : below_(below) {}

  // On rank 0, after it has sent each worker its leader: begins to bundle. `leaders` is the result of relay_leaders().
  void begin(std::vector<Rank> leaders);
  // On a worker: begins to bundle, with the leader and the pace that rank 0 has sent. If rank 0 is the leader, there is no relay.
  void begin(Rank leader, Seconds pace);
  // Ends the relay after the last message. Rank 0 announces the end to the leaders; a leader waits for this announcement and
  // until it has sent on all messages.
  void end();
  /// The time after which flush() or receive() must be called to send what waits; `at_most` if nothing waits.
  [[nodiscard]] Seconds patience(Seconds at_most) const;
  /// Whether this rank has something to send, or is a leader to which rank 0 has not announced the end yet.
  [[nodiscard]] bool is_busy() { return (leads() && !ended_) || unsent() > 0; }

  [[nodiscard]] Rank rank() const override { return below_.rank(); }
  [[nodiscard]] std::int32_t size() const override { return below_.size(); }
  // The caller guarantees that no message begins with the word kBundle, which marks a bundle.
  void send(Rank to, Buffer message) override;
  void flush() override;
  [[nodiscard]] std::optional<Envelope> receive() override;
  [[nodiscard]] std::size_t unsent() override;
  void wait(Seconds at_most) override;
  void forget(Rank rank) override { below_.forget(rank); }  // there is no relay in a run with recovery
  void wake() override { below_.wake(); }
  [[nodiscard]] Seconds now() const override { return below_.now(); }

  static constexpr std::uint32_t kBundle = 0x626e646c;
  /// A bundle is the word kBundle and then parts. A part is this head and then `size` bytes.
  struct Part {
    Rank
        peer;  // the worker that the part is for or, in a bundle to rank 0, from; kEnd: rank 0 announces the end
    std::uint32_t follows;  // 1: the message is not in the bundle but follows as the next one
    std::uint64_t size;
  };
  // A copy of this size takes about as long as a message: 4 us at 8 GB/s.
  static constexpr std::size_t kPartBytes = 32 << 10;
  static constexpr std::size_t kBundleBytes = 256 << 10;
  static constexpr Seconds kBundleAge{
      200e-6};  // age at which a bundle is sent, so that the first workers do not wait for the last of a long list

 private:
  static constexpr Rank kEnd{-1};

  [[nodiscard]] bool leads() const { return on_ && rank() != kMaster && leader_ == rank(); }
  [[nodiscard]] bool too_early(Rank receiver) const;
  void put(Rank receiver, const Part& part, Bytes bytes);
  void put(Rank receiver, Rank peer, Buffer message);
  void send_bundle(Rank receiver);
  void take(Envelope envelope);
  void take_bundle(Rank from, Bytes bundle);
  [[nodiscard]] std::optional<Rank> next_hop(Rank from, Rank peer) const;
  void deliver(Rank peer, Buffer message);

  Transport& below_;
  bool on_ = false;
  bool ended_ = false;
  Rank leader_ = kMaster;      // the leader of this rank
  std::vector<Rank> leaders_;  // the leader of each rank; on rank 0 only
  Seconds pace_{0};
  Seconds sent_up_{-1e9};                     // when this leader last sent a bundle to rank 0
  std::unordered_map<Rank, Buffer> bundles_;  // by receiver
  std::vector<Rank> filled_;                  // receivers of bundles that are not empty, oldest first
  Seconds filled_since_{0};                   // when the first of these was begun
  std::unordered_map<Rank, Rank> following_;  // by sender: the peer of its next message
  std::deque<Envelope> ready_;
  std::vector<Envelope> held_;  // messages that arrived before begin()
};

}  // namespace rondo::transport
