// The transport between MPI ranks.
//
// Only the thread that initialised MPI uses it (MPI_THREAD_FUNNELED), except that any thread may call wake(). No call blocks
// in MPI: messages are sent by MPI_Isend, and a receive is posted after a probe has found its message. It uses MPI directly:
// Boost.MPI would cost a copy and a second message (the size) per message, and a heap allocation per request. If a call of
// MPI fails, it throws MpiError, whatever error handler the given communicator has.
//
// A waiting rank sleeps on a word of memory that the ranks of its node share (a doorbell). A rank of the node that sends it a
// message wakes it within microseconds. Ranks of other nodes cannot ring; for their messages the rank polls at growing
// intervals, up to a millisecond.
#pragma once

#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <set>
#include <vector>

#include "transport/transport.hpp"

namespace rondo::mpi {

class MpiTransport final : public transport::Transport {
 public:
  // Duplicates the communicator. Collective.
  explicit MpiTransport(MPI_Comm communicator);
  // Collective, unless a rank was forgotten: then it frees nothing of MPI's.
  ~MpiTransport() override;

  Rank rank() const override { return Rank{rank_}; }
  std::int32_t size() const override { return size_; }
  void send(Rank to, Buffer message) override;
  void flush() override;
  std::optional<transport::Envelope> receive() override;
  std::size_t unsent() override;
  void forget(Rank rank) override;
  // Whether any rank was forgotten.
  [[nodiscard]] bool bereft() const { return !forgotten_.empty(); }
  void wait(transport::Seconds at_most) override;
  void wake() override;
  transport::Seconds now() const override { return transport::steady_now(); }

 private:
  // A rank's doorbell, on a cache line of its own.
  struct alignas(64) Bell {
    std::atomic<std::uint32_t> asleep;  // 1 while its rank sleeps
    std::atomic<std::uint32_t> rung;    // number of times that senders have rung
  };
  struct Outgoing {
    int to;
    Buffer message;
    std::unique_ptr<std::uint64_t> total;  // size of a long message, which is sent before its pieces
    std::size_t parts = 0;                 // number of parts that have not left
  };
  struct Incoming {
    int from;
    Buffer message;
    std::vector<MPI_Request> requests;
    std::size_t missing;  // bytes of a long message for which no receive has been posted
  };

  static Bell* bell_in(void* part);
  void make_bells();
  static void ring(Bell& bell);
  static void rouse(Bell& bell);
  [[nodiscard]] bool silent() const;
  void post(const void* data, std::size_t size, int to, int tag, std::list<Outgoing>::iterator of);
  void abandon(int rank);
  [[nodiscard]] bool at_limit() const;
  [[nodiscard]] bool full();
  bool match();
  std::optional<transport::Envelope> completed();
  void reap();
  [[nodiscard]] bool something_there();

  MPI_Comm communicator_ = MPI_COMM_NULL;
  MPI_Comm node_ = MPI_COMM_NULL;
  MPI_Win window_ = MPI_WIN_NULL;
  std::int32_t rank_ = 0;
  std::int32_t size_ = 0;
  bool one_node_ = false;
  transport::Seconds spin_{0};
  Bell* bell_ = nullptr;
  std::vector<Bell*> bells_;  // by rank; null on other nodes
  std::atomic<bool> woken_{false};
  transport::Seconds nap_{0};
  std::uint32_t heard_ = 0;  // value of Bell::rung when all arrived messages were last received
  bool doubt_ = true;        // whether a message may be there without a ring

  std::list<Outgoing> outgoing_;
  std::vector<MPI_Request> leaving_;  // the requests of all their parts
  std::vector<std::list<Outgoing>::iterator> leaving_of_;
  std::vector<int> left_;  // indices of the requests that have completed
  std::size_t unsent_ = 0;
  std::deque<Incoming> incoming_;
  transport::Seconds full_since_{0};  // since when the limit of receives has been reached; 0: it has not
  std::set<int> forgotten_;
  // Messages to and from forgotten ranks. They stay in memory, because MPI may still read and write them.
  std::list<Outgoing> abandoned_outgoing_;
  std::deque<Incoming> abandoned_incoming_;
  std::deque<transport::Envelope> to_self_;
  std::vector<Bell*> to_ring_;  // bells of the ranks to which messages were sent since the last flush
};

}  // namespace rondo::mpi
