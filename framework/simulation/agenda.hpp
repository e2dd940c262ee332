// What happens when: the messages of the virtual machine and the queue of its events.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "scheduler/scheduler.hpp"
#include "scheduler/work_queue.hpp"
#include "simulation/loss.hpp"
#include "simulation/machine.hpp"

namespace rondo::simulation {

// A worker by its number; the master is the number after the last worker's.
using Place = std::uint32_t;

struct Call {
  std::uint64_t epoch = 0;
  std::uint64_t first_round = 0;
  std::uint32_t rounds = 0;
  bool input_included = false;
  std::uint32_t from = 0;  // rounds before this one are complete
};

// `count` children with ids from `first` on, and perhaps the job of the one it is (epoch 0: there is none).
struct Parcel {
  StateId first;
  std::uint32_t count;
  std::uint64_t epoch;
  scheduler::Job job;
};

struct Share {
  Place to;
  StateId first;
  std::uint32_t count;
};
struct Family {
  StateId parent;
  std::vector<Share> shares;
};

// The engine's messages, without the contents that the scheduling does not see.
struct Message {
  enum class Kind : std::uint8_t {
    kAssign,
    kTransfer,
    kResample,
    kStates,
    kInput,
    kGive,
    kStop,
    kReport,
    kGave,
    kFailed,
    kStopped,
    kBundle,
    // lost workers: as in the engine
    kAsk,
    kAnswer,
    kBackup,
    kCopies,
    kBackedUp,
    kBackupDone,
    kLost,
    kCensus,
    kResume,
    kReplay,
    kLeave
  };
  Kind kind{};
  Place from = 0;
  Place to = 0;
  std::optional<Place> via;  // the leader it passes through
  bool part = false;         // came in a bundle
  double bytes = 64;
  Call call;                // kAssign; of all others only the epoch
  Place thief = 0;          // kTransfer, kGive, kGave
  std::uint32_t round = 0;  // kInput
  double left = 0;
  std::size_t ready = 0;
  Seconds smallest{0};
  bool hungry = false;
  scheduler::Appetite appetite{};
  std::vector<scheduler::Job> jobs;
  std::vector<StateId> states;
  std::vector<Parcel> parcels;
  std::vector<Family> families;
  std::vector<scheduler::Done> done;
  std::vector<scheduler::Given> given;
  std::vector<Message*> parts;     // kBundle
  std::uint64_t generation = 0;    // kStates, kResume
  std::unique_ptr<LossNote> note;  // where workers may be lost

  LossNote& noted() {
    if (!note) note = std::make_unique<LossNote>();
    return *note;
  }

  [[nodiscard]] std::size_t items() const {
    return jobs.size() + states.size() + families.size() + done.size() + given.size();
  }
};

struct Happening {
  enum class Kind : std::uint8_t {
    kArrives,
    kHandled,
    kAwake,
    kUpdateEnds,
    kTimer,
    kBundleDue,
    kPoll,
    kLeaves,  // a message, where cores are shared
    kLook,
    kCore,
    // lost workers
    kReplayEnds,
    kDies,
    kStops,
    kGoesOn
  };
  double time;
  std::uint64_t number;  // equal times in the order in which they were planned
  Kind kind;
  Place place;
  Message* message;
};

// A priority queue of happenings, and the memory of their messages.
class Agenda {
 public:
  [[nodiscard]] Time now() const { return Time(now_); }
  [[nodiscard]] bool empty() const { return heap_.empty(); }

  void plan(Time time, Happening::Kind kind, Place place, Message* message = nullptr) {
    heap_.push_back({std::max(time.count(), now_), number_++, kind, place, message});
    std::push_heap(heap_.begin(), heap_.end(), Later());
  }
  // The next one; the time is its time from then on.
  Happening next() {
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    const Happening happening = heap_.back();
    heap_.pop_back();
    now_ = happening.time;
    return happening;
  }

  // An empty message, which is the agenda's again after release().
  Message* message(Message::Kind kind, Place from, Place to) {
    if (free_.empty()) free_.push_back(&messages_.emplace_back());
    Message* message = free_.back();
    free_.pop_back();
    message->kind = kind;
    message->from = from;
    message->to = to;
    return message;
  }
  void release(Message* message) {
    *message = Message();
    free_.push_back(message);
  }

 private:
  struct Later {
    bool operator()(const Happening& a, const Happening& b) const {
      return a.time != b.time ? a.time > b.time : a.number > b.number;
    }
  };
  double now_ = 0;
  std::uint64_t number_ = 0;
  std::vector<Happening> heap_;
  std::deque<Message> messages_;
  std::vector<Message*> free_;
};

}  // namespace rondo::simulation
