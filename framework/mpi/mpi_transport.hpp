// The transport between MPI ranks.
//
// Only the thread that initialised MPI calls it (MPI_THREAD_FUNNELED), but for wake(). Nothing blocks in MPI: sends are
// MPI_Isend, receives are matched by a probe. Raw MPI rather than Boost.MPI: its packed messages cost a copy and a second
// message for the size, its requests a heap allocation each. A call of MPI that fails throws MpiError, whatever error handler the
// given communicator has.
//
// A rank that waits sleeps on a word of memory that all ranks of its node share (a doorbell): a rank that sends to it wakes it,
// in microseconds and without its burning a core. Messages from other nodes ring no bell; for them it looks, less and
// less often, once a millisecond at the least.
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
  // Collective over the communicator, which it duplicates.
  explicit MpiTransport(MPI_Comm communicator);
  // Collective, unless a rank was forgotten: then nothing is given back to MPI.
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
  // On a cache line of its own.
  struct alignas(64) Bell {
    std::atomic<std::uint32_t> asleep;  // 1 while its rank sleeps
    std::atomic<std::uint32_t> rung;    // how often, after messages were sent to it
  };
  struct Outgoing {
    int to;
    Buffer message;
    std::unique_ptr<std::uint64_t> total;  // of a long message; goes before its pieces
    std::size_t parts = 0;                 // that have not left
  };
  struct Incoming {
    int from;
    Buffer message;
    std::vector<MPI_Request> requests;
    std::size_t missing;  // bytes of a long message that no receive is posted for
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
  std::uint32_t heard_ = 0;  // rings, after which everything that had arrived was taken in
  bool doubt_ = true;        // whether a message may be there without a ring

  std::list<Outgoing> outgoing_;
  std::vector<MPI_Request> leaving_;  // the parts of all of them
  std::vector<std::list<Outgoing>::iterator> leaving_of_;
  std::vector<int> left_;  // which of them have
  std::size_t unsent_ = 0;
  std::deque<Incoming> incoming_;
  transport::Seconds full_since_{0};  // as many as may be; 0: it is not so
  std::set<int> forgotten_;
  // From and to forgotten ranks. MPI may still read and write them, and has no way to be told otherwise.
  std::list<Outgoing> abandoned_outgoing_;
  std::deque<Incoming> abandoned_incoming_;
  std::deque<transport::Envelope> to_self_;
  std::vector<Bell*> to_ring_;  // of ranks that were sent something since the last flush
};

}  // namespace rondo::mpi
