// What happens when: the messages of the virtual machine and the queue of its events.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include <rondo/bytes.hpp>

#include "simulation/machine.hpp"

namespace rondo::simulation {

// A rank, by its number: 0 is the master.
using Place = std::uint32_t;

struct Message {
  Place from = 0;
  Place to = 0;
  double bytes = 0;
  Buffer payload;
};

struct Happening {
  enum class Kind : std::uint8_t {
    kArrives,  // a message
    kHandled,  // the thread that communicates has taken it in
    kAwake,    // an update has slept
    kUpdateEnds,
    kWritten,  // a piece of a checkpoint
    kTimer,
    kPoll,
    kLeaves,  // a message, where cores are shared
    kLook,
    kCore,
    kFault,  // the next one of the plan
    kGoesOn  // a rank that has stood still
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
  // The time of the next happening.
  [[nodiscard]] Time due() const { return Time(heap_.front().time); }

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
  // Nothing happens until then.
  void advance(Time time) { now_ = std::max(now_, time.count()); }

  // An empty message, which is the agenda's again after release().
  Message* message(Place from, Place to) {
    if (free_.empty()) free_.push_back(&messages_.emplace_back());
    Message* message = free_.back();
    free_.pop_back();
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
