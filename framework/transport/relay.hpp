// Gathers what rank 0 and the workers say to each other, so that the master of very many workers handles few messages.
//
// A Transport around another one; every rank of a run has one. Until begin() it only passes on. From then on ranks
// are in groups with a leader each, an ordinary worker:
//
//   master to worker   what goes to one group is gathered in a bundle for its leader, which takes it apart and sends it on
//   worker to master   goes to the leader, which sends a bundle now and then
//   worker to worker   direct, as before
//
// So all messages between rank 0 and a worker go through the same leader, always, and stay in order. A message that is
// big enough for its copies to cost more than its being a message is none of a bundle: the bundle before it ends with
// its address, and it follows, untouched, as the next message of that sender to that receiver.
//
// The switch keeps the order too. begin() follows a direct message of rank 0 that says so (the welcome): what a worker gets
// through its leader before that has overtaken it, and is held back.
//
// A leader keeps what a slow member has not taken yet, and nothing limits that but what there is to say: the member's part of a
// round, or in a reset its states, which it is about to hold itself. To stop taking in from rank 0 meanwhile is no way
// out: MPI cannot leave out one sender, and two leaders that wait for each other's states would wait for ever.
//
// Rank 0 pays for a bundle as for one message, and per part about what a copy of its bytes takes. A leader pays for
// its group's messages; one that computes for long still relays, as another thread communicates.
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
  std::uint32_t group = 0;  // workers; 0: no relay
  Seconds pace{0};  // a leader sends rank 0 no more than one bundle in this time; the first one at once
};

// The plan for a group of this size, when a message costs rank 0 so much: all leaders together take half of its time.
[[nodiscard]] RelayPlan relay_of(std::uint32_t group, std::uint32_t workers, Seconds message);

// The same with the best group, or none below the knee. In a round rank 0 has about four messages with each worker
// (the part, a report, a request to give and its answer), most of them at its start and its end. While they take it
// less than kBurst, the time between two reports of one worker, nobody waits for long. At the knee
//
//   workers = kBurst / (4 * message)       1,250 for 2 us, the same on 250 nodes of slow networks at 10 us
//
// A bundle costs rank 0 what a message does, and takes its leader as many messages: workers / group + group is least
// for the square root of the workers.
[[nodiscard]] RelayPlan plan_relay(std::uint32_t workers, Seconds message);
inline constexpr Seconds kBurst{10e-3};
inline constexpr std::uint32_t kRelayLeast =
    128;  // workers: at the start a first message may take much longer than others

// The leader of each rank; rank 0 leads itself. Groups are the ranks of a node, in parts of at most twice plan.group; where
// nodes have less than half of that, or none is named, consecutive ranks. The leader is the group's first.
[[nodiscard]] std::vector<Rank> relay_leaders(const RelayPlan& plan, std::size_t ranks,
                                              std::span<const std::string> nodes);

class Relay final : public Transport {
 public:
  explicit Relay(Transport& below) : below_(below) {}

  // Rank 0: the leader of each rank, as relay_leaders() gives them. All others have been told.
  void begin(std::vector<Rank> leaders);
  // Another rank: what rank 0 has told it. Rank 0 as the leader: there is no relay.
  void begin(Rank leader, Seconds pace);
  // When nothing more is to be said: rank 0 tells the leaders so, a leader waits for that word and until all has been sent on.
  void end();
  /// How much of this time may pass until flush() or receive() have something to do by themselves.
  [[nodiscard]] Seconds patience(Seconds at_most) const;
  /// Whether this rank is a leader that has not heard that word yet, or has something to send.
  [[nodiscard]] bool is_busy() { return (leads() && !ended_) || unsent() > 0; }

  [[nodiscard]] Rank rank() const override { return below_.rank(); }
  [[nodiscard]] std::int32_t size() const override { return below_.size(); }
  // No message but a relay's begins with the word kBundle.
  void send(Rank to, Buffer message) override;
  void flush() override;
  [[nodiscard]] std::optional<Envelope> receive() override;
  [[nodiscard]] std::size_t unsent() override;
  void wait(Seconds at_most) override;
  void forget(Rank rank) override { below_.forget(rank); }  // with recovery there is no relay
  void wake() override { below_.wake(); }
  [[nodiscard]] Seconds now() const override { return below_.now(); }

  static constexpr std::uint32_t kBundle = 0x626e646c;
  /// A bundle is the word kBundle and parts: each has this head, and then so many bytes.
  struct Part {
    Rank peer;              // for whom, or from rank 0's point of view, from whom; kEnd: nothing more comes
    std::uint32_t follows;  // 1: as the next message
    std::uint64_t size;
  };
  // A copy of so much takes about as long as a message: 4 us at 8 GB/s.
  static constexpr std::size_t kPartBytes = 32 << 10;
  static constexpr std::size_t kBundleBytes = 256 << 10;
  static constexpr Seconds kBundleAge{
      200e-6};  // at which it goes, so that all do not wait for the last of a long list

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
  Rank leader_ = kMaster;      // of this rank
  std::vector<Rank> leaders_;  // of all, on rank 0
  Seconds pace_{0};
  Seconds sent_up_{-1e9};                     // when a leader's last bundle went to rank 0
  std::unordered_map<Rank, Buffer> bundles_;  // by receiver
  std::vector<Rank> filled_;                  // those that are not empty, in order
  Seconds filled_since_{0};                   // the first of them
  std::unordered_map<Rank, Rank> following_;  // by sender: the peer of its next message
  std::deque<Envelope> ready_;
  std::vector<Envelope> held_;  // came before begin()
};

}  // namespace rondo::transport
