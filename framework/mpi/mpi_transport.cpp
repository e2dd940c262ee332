#include "mpi/mpi_transport.hpp"

#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <iterator>
#include <new>
#include <utility>

#include <rondo/cores.hpp>

#include "mpi/check.hpp"

namespace rondo::mpi {

using transport::Envelope;
using transport::Seconds;

namespace {

// kWhole: a whole message. kLong: the size of a longer message, as uint64. kPiece: a piece of such a message.
enum Tag { kWhole = 1, kLong = 2, kPiece = 3 };

// Counts in Open MPI 4 are ints, which 1 GiB does not exceed.
constexpr std::size_t kPieceBytes = std::size_t{1} << 30;
// When a probe finds a message up to this size, it has arrived completely or is about to, so its receive may block.
constexpr std::size_t kSmallBytes = 4096;
// While fewer sends than this have not completed, each new send is tested at once.
constexpr std::size_t kLeavingMost = 64;
// Limits of the receives that are posted at a time; other messages wait in MPI. The bytes limit the memory that a rank needs
// beside its states when messages arrive faster than it unpacks them. A single message may be longer.
constexpr std::size_t kIncomingMost = 64;
constexpr std::size_t kIncomingBytes = std::size_t{8} << 20;

constexpr Seconds kNapShortest{20e-6};
constexpr Seconds kNapLongest{1e-3};
constexpr Seconds kNapOnOneNode{10e-3};  // senders ring; this is only for a message that MPI has delayed
constexpr Seconds kNapUnfinished{
    100e-6};  // shortest nap while messages are under way in parts, which needs calls of MPI on both sides

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, Seconds at_most) {
  timespec time{};
  time.tv_sec = static_cast<time_t>(at_most.count());
  time.tv_nsec = static_cast<long>((at_most.count() - static_cast<double>(time.tv_sec)) * 1e9);
  syscall(SYS_futex, &word, FUTEX_WAIT, expected, &time, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

}  // namespace

MpiTransport::MpiTransport(MPI_Comm communicator) {
  check(MPI_Comm_dup(communicator, &communicator_), "MPI_Comm_dup");
  // only for the duplicate: the user's communicator keeps its error handler
  check(MPI_Comm_set_errhandler(communicator_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(communicator_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(communicator_, &size_), "MPI_Comm_size");
  make_bells();
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // short sleeps are short
}

MpiTransport::~MpiTransport() {
  if (!forgotten_.empty()) {
    // the process will exit without MPI_Finalize; until then MPI may use the buffers
    (void)new std::list<Outgoing>(std::move(abandoned_outgoing_));
    (void)new std::deque<Incoming>(std::move(abandoned_incoming_));
    (void)new std::list<Outgoing>(std::move(outgoing_));
    (void)new std::deque<Incoming>(std::move(incoming_));
    return;
  }
  for (MPI_Request& request : leaving_) check_quietly(MPI_Request_free(&request), "MPI_Request_free");
  check_quietly(MPI_Win_free(&window_), "MPI_Win_free");
  check_quietly(MPI_Comm_free(&node_), "MPI_Comm_free");
  check_quietly(MPI_Comm_free(&communicator_), "MPI_Comm_free");
}

// The bell in its rank's part of the window. MPI does not align the part. The offset is the same on every rank, because each
// maps the window at an aligned address.
MpiTransport::Bell* MpiTransport::bell_in(void* part) {
  std::size_t room = 2 * sizeof(Bell);
  return static_cast<Bell*>(std::align(alignof(Bell), sizeof(Bell), part, room));
}

void MpiTransport::make_bells() {
  check(MPI_Comm_split_type(communicator_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &node_),
        "MPI_Comm_split_type");
  int node_size = 0;
  check(MPI_Comm_size(node_, &node_size), "MPI_Comm_size");
  one_node_ = node_size == size_;
  void* mine = nullptr;
  check(MPI_Win_allocate_shared(2 * sizeof(Bell), 1, MPI_INFO_NULL, node_, &mine, &window_),
        "MPI_Win_allocate_shared");
  check(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  bell_ = new (bell_in(mine)) Bell{{0}, {0}};
  check(MPI_Barrier(node_), "MPI_Barrier");

  MPI_Group all = MPI_GROUP_NULL, near = MPI_GROUP_NULL;
  check(MPI_Comm_group(communicator_, &all), "MPI_Comm_group");
  check(MPI_Comm_group(node_, &near), "MPI_Comm_group");
  bells_.assign(static_cast<std::size_t>(size_), nullptr);
  for (int neighbour = 0; neighbour < node_size; ++neighbour) {
    int rank = 0;
    check(MPI_Group_translate_ranks(near, 1, &neighbour, all, &rank), "MPI_Group_translate_ranks");
    MPI_Aint bytes = 0;
    int unit = 0;
    void* base = nullptr;
    check(MPI_Win_shared_query(window_, neighbour, &bytes, &unit, &base), "MPI_Win_shared_query");
    bells_[static_cast<std::size_t>(rank)] = bell_in(base);
  }
  check(MPI_Group_free(&near), "MPI_Group_free");
  check(MPI_Group_free(&all), "MPI_Group_free");

  // if each rank's two threads have a core each, a short spin saves the time of a wake-up
  if (cores() >= 2 * static_cast<unsigned>(node_size)) spin_ = Seconds(20e-6);
}

// Tells the rank that a message was sent to it. Called after the message was sent.
void MpiTransport::ring(Bell& bell) {
  bell.rung.fetch_add(1);
  rouse(bell);
}

void MpiTransport::rouse(Bell& bell) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (bell.asleep.load() == 1 && bell.asleep.exchange(0) == 1) futex_wake(bell.asleep);
}

void MpiTransport::post(const void* data, std::size_t size, int to, int tag,
                        std::list<Outgoing>::iterator of) {
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Isend(data, static_cast<int>(size), MPI_BYTE, to, tag, communicator_, &request), "MPI_Isend");
  int done = 0;
  // most small messages leave at once; if many have not, each test could yield the core and find nothing
  if (size <= kSmallBytes && leaving_.size() < kLeavingMost)
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
  if (done != 0) return;
  ++of->parts;
  leaving_.push_back(request);
  leaving_of_.push_back(of);
}

void MpiTransport::send(Rank to, Buffer message) {
  const int rank = value(to);
  if (rank == rank_) {
    to_self_.push_back({to, std::move(message)});
    return;
  }
  const std::size_t size = message.size();
  const auto out = outgoing_.insert(outgoing_.end(), {rank, std::move(message), nullptr});
  if (size <= kPieceBytes) {
    post(out->message.data(), size, rank, kWhole, out);
  } else {
    out->total = std::make_unique<std::uint64_t>(size);
    post(out->total.get(), sizeof *out->total, rank, kLong, out);
    for (std::size_t at = 0; at < size; at += kPieceBytes)
      post(out->message.data() + at, std::min(kPieceBytes, size - at), rank, kPiece, out);
  }
  if (out->parts == 0)
    outgoing_.erase(out);
  else
    unsent_ += std::max<std::size_t>(size, 1);
  if (forgotten_.contains(rank)) abandon(rank);
  if (Bell* bell = bells_[static_cast<std::size_t>(rank)]) to_ring_.push_back(bell);
}

void MpiTransport::flush() {
  for (Bell* bell : to_ring_) ring(*bell);
  to_ring_.clear();
}

// Frees the messages that have left. Tests all requests in one call, because MPI may yield the core in each call.
void MpiTransport::reap() {
  if (leaving_.empty()) return;
  left_.resize(leaving_.size());
  int count = 0;
  check(MPI_Testsome(static_cast<int>(leaving_.size()), leaving_.data(), &count, left_.data(),
                     MPI_STATUSES_IGNORE),
        "MPI_Testsome");
  if (count <= 0) return;
  for (int i = 0; i < count; ++i) {
    const auto out = leaving_of_[static_cast<std::size_t>(left_[static_cast<std::size_t>(i)])];
    if (--out->parts > 0) continue;
    unsent_ -= std::max<std::size_t>(out->message.size(), 1);
    outgoing_.erase(out);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < leaving_.size(); ++i) {
    if (leaving_[i] == MPI_REQUEST_NULL) continue;
    leaving_[kept] = leaving_[i];
    leaving_of_[kept++] = leaving_of_[i];
  }
  leaving_.resize(kept);
  leaving_of_.resize(kept);
}

std::size_t MpiTransport::unsent() {
  reap();
  return unsent_;
}

void MpiTransport::forget(Rank rank) {
  forgotten_.insert(value(rank));
  abandon(value(rank));
  const auto its = std::stable_partition(incoming_.begin(), incoming_.end(),
                                         [&](const Incoming& in) { return in.from != value(rank); });
  std::move(its, incoming_.end(), std::back_inserter(abandoned_incoming_));
  incoming_.erase(its, incoming_.end());
}

// Does not wait for messages to the rank any more, and keeps their memory, which MPI may still read.
void MpiTransport::abandon(int rank) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < leaving_.size(); ++i) {
    if (leaving_of_[i]->to == rank) continue;
    leaving_[kept] = leaving_[i];
    leaving_of_[kept++] = leaving_of_[i];
  }
  leaving_.resize(kept);
  leaving_of_.resize(kept);
  for (auto out = outgoing_.begin(); out != outgoing_.end();) {
    const auto next = std::next(out);
    if (out->to == rank) {
      unsent_ -= std::max<std::size_t>(out->message.size(), 1);
      abandoned_outgoing_.splice(abandoned_outgoing_.end(), outgoing_, out);
    }
    out = next;
  }
}

// Whether the limit of posted receives is reached. False while a message arrives in pieces, which needs more receives to end.
bool MpiTransport::at_limit() const {
  std::size_t bytes = 0;
  for (const Incoming& in : incoming_) {
    if (in.missing > 0) return false;
    bytes += in.message.size();
  }
  return incoming_.size() >= kIncomingMost || bytes >= kIncomingBytes;
}

// Whether no more receives may be posted for now. False again if none of them completes for some time: their sender may have
// died, and the message that reports this must be received.
bool MpiTransport::full() {
  constexpr Seconds kPatience{0.5};
  if (!at_limit()) {
    full_since_ = Seconds(0);
    return false;
  }
  if (full_since_ == Seconds(0)) full_since_ = now();
  return now() - full_since_ < kPatience;
}

// Posts the receive of the next message, if there is one.
bool MpiTransport::match() {
  if (full()) return false;
  int found = 0;
  MPI_Message matched = MPI_MESSAGE_NULL;
  MPI_Status status;
  check(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, communicator_, &found, &matched, &status), "MPI_Improbe");
  if (found == 0) return false;
  int count = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &count), "MPI_Get_count");
  const auto size = static_cast<std::size_t>(count);
  // only pieces that have arrived: the others may never arrive
  if (forgotten_.contains(status.MPI_SOURCE) && (status.MPI_TAG != kWhole || size > kSmallBytes)) return true;

  if (status.MPI_TAG == kLong) {
    std::uint64_t total = 0;
    check(MPI_Mrecv(&total, sizeof total, MPI_BYTE, &matched, MPI_STATUS_IGNORE), "MPI_Mrecv");
    Incoming in{status.MPI_SOURCE, {}, {}, total};
    in.message.reserve(total);  // pieces are received in place, so it must not grow
    incoming_.push_back(std::move(in));
    return true;
  }
  if (status.MPI_TAG == kWhole) incoming_.push_back({status.MPI_SOURCE, {}, {}, size});
  const auto in = std::find_if(incoming_.begin(), incoming_.end(), [&](const Incoming& i) {
    return i.from == status.MPI_SOURCE && i.missing > 0;
  });
  Incoming& target = in == incoming_.end() ? incoming_.back() : *in;
  std::byte* place = target.message.extend(size);
  target.missing -= size;
  if (size <= kSmallBytes) {
    check(MPI_Mrecv(place, count, MPI_BYTE, &matched, MPI_STATUS_IGNORE), "MPI_Mrecv");
    return true;
  }
  MPI_Request& request = target.requests.emplace_back(MPI_REQUEST_NULL);
  check(MPI_Imrecv(place, count, MPI_BYTE, &matched, &request), "MPI_Imrecv");
  int done = 0;
  check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
  // a message that was not copied in one step leaves in parts, which needs calls of MPI on the sender
  if (Bell* sender = bells_[static_cast<std::size_t>(status.MPI_SOURCE)]; done == 0 && sender != nullptr)
    rouse(*sender);
  return true;
}

// The first complete message before which no other message of its sender waits.
std::optional<Envelope> MpiTransport::completed() {
  for (auto in = incoming_.begin(); in != incoming_.end(); ++in) {
    if (std::any_of(incoming_.begin(), in, [&](const Incoming& earlier) { return earlier.from == in->from; }))
      continue;
    int done = in->missing == 0 ? 1 : 0;
    if (done != 0 && !in->requests.empty())
      check(
          MPI_Testall(static_cast<int>(in->requests.size()), in->requests.data(), &done, MPI_STATUSES_IGNORE),
          "MPI_Testall");
    if (done == 0) continue;
    Envelope envelope{Rank{in->from}, std::move(in->message)};
    incoming_.erase(in);
    return envelope;
  }
  return std::nullopt;
}

std::optional<Envelope> MpiTransport::receive() {
  flush();
  if (!to_self_.empty()) {
    Envelope envelope = std::move(to_self_.front());
    to_self_.pop_front();
    return envelope;
  }
  while (true) {
    if (auto envelope = completed()) {
      nap_ = kNapShortest;
      return envelope;
    }
    if (silent()) return std::nullopt;
    const std::uint32_t rung = bell_->rung.load();
    // a probe of Open MPI looks first and takes in what has arrived second, so that only the next one sees it
    if (!match() && !match()) {
      if (!at_limit()) heard_ = rung;
      doubt_ = false;
      return std::nullopt;
    }
  }
}

// Whether no message can have arrived. This costs much less than a call of MPI.
bool MpiTransport::silent() const { return one_node_ && !doubt_ && bell_->rung.load() == heard_; }

bool MpiTransport::something_there() {
  if (woken_.load() || !to_self_.empty()) return true;
  if (full()) return false;
  if (one_node_) return !silent();
  int found = 0;
  // a probe of Open MPI looks first and takes in what has arrived second, so that only the next one sees it
  for (int probe = 0; probe < 2 && found == 0; ++probe)
    check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, communicator_, &found, MPI_STATUS_IGNORE), "MPI_Iprobe");
  return found != 0;
}

void MpiTransport::wait(Seconds at_most) {
  flush();
  const Seconds start = now();
  do {
    if (something_there()) {
      woken_ = false;
      return;
    }
  } while (spin_ > Seconds(0) && now() - start < std::min(spin_, at_most));

  nap_ = std::clamp(nap_ * 2, kNapShortest, kNapLongest);
  reap();
  Seconds nap = one_node_ ? kNapOnOneNode : nap_;
  if (!outgoing_.empty() || !incoming_.empty()) nap = std::max(kNapUnfinished, nap_);
  bell_->asleep.store(1);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!something_there()) {
    futex_wait(bell_->asleep, 1, std::min(nap, at_most));
    doubt_ = doubt_ || bell_->asleep.load() == 1;  // the sleep ended without a ring: look in MPI all the same
  }
  bell_->asleep.store(0);
  woken_ = false;
}

void MpiTransport::wake() {
  woken_ = true;
  rouse(*bell_);
}

}  // namespace rondo::mpi
