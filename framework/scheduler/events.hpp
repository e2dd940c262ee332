// What happens to the scheduler and what it wants done: the events of a call, its commands, and the copies of a resample.
//
// The driver of the scheduler turns messages into events and commands into messages. Events refer to memory of the driver, and only
// while Scheduler::on runs. Commands own what they say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include <rondo/ids.hpp>

#include "scheduler/share.hpp"
#include "scheduler/types.hpp"

namespace rondo::scheduler {

/// A state's round is done.
struct Done {
  Slot slot;
  std::uint32_t round;
  float seconds;
  std::uint32_t hop;
};

/// A state has left its owner. Its hop tells which of two reports is the later one, whatever their order of arrival.
struct Given {
  Slot slot;
  std::uint32_t hop;
};

namespace event {

/// A call begins: one round for `update`, WorkQueue::kUnknownRounds for `evolve`. `batch_most` bounds an assignment; twice as
/// many updates may be assigned to a worker at a time.
struct Begin {
  std::uint32_t rounds;
  std::size_t batch_most;
};
/// Rounds 0 to open - 1 have their inputs.
struct Opened {
  std::uint32_t open;
};
/// The inputs have ended: the call has this many rounds.
struct Closed {
  std::uint32_t rounds;
};
/// A worker tells what it has done and what it has left (predicted), and whether it is about to run dry.
struct Report {
  Worker worker;
  std::span<const Done> done;
  Seconds left;
  std::size_t ready;  // states that a thief could get: WorkQueue::offer()
  Seconds smallest;   // of these the least, with its move
  bool hungry;
};
/// The answer to command::Give.
struct Gave {
  Worker victim;
  Worker thief;
  std::span<const Given> given;
  Seconds left;
  std::size_t ready;
  Seconds smallest;
};
/// An update threw, or the program wants the call to end: nothing more is started.
struct Cancel {};
/// The answer to command::Stop: this worker starts nothing more.
struct Stopped {
  Worker worker;
};

}  // namespace event

using Event = std::variant<event::Begin, event::Opened, event::Closed, event::Report, event::Gave,
                           event::Cancel, event::Stopped>;

namespace command {

/// Bring these states from one worker, where they have no job, to another, where they may have one already.
struct Move {
  Worker from;
  Worker to;
  std::vector<Slot> slots;
};
/// Run these, longest first; their states are at the worker or on the way.
struct Assign {
  Worker worker;
  std::vector<Slot> slots;
};
/// Let the victim choose unstarted states for the thief; event::Gave answers.
struct Give {
  Worker victim;
  Worker thief;
  StealRequest request;
};
/// Every state has done this round; rounds complete in order.
struct Complete {
  std::uint32_t round;
};
/// All workers: start nothing more; each answers with event::Stopped.
struct Stop {};
/// The call is over.
struct End {};

}  // namespace command

using Command = std::variant<command::Move, command::Assign, command::Give, command::Complete, command::Stop,
                             command::End>;

/// Copies of a state go to one worker (perhaps its own): `count` children with consecutive ids from `first` on.
struct Copy {
  Slot parent;
  Worker from;
  Worker to;
  StateId first;
  std::uint32_t count;
};

}  // namespace rondo::scheduler
