// The messages of Rondo. Each begins with its Kind; what follows stands beside the kind.
//
// A call (one update or evolve) has a number, its epoch: a late message of an earlier call carries the old epoch and is
// dropped, not counted twice.
#pragma once

#include <cstdint>
#include <string>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "checkpoint/format.hpp"
#include "checkpoint/manifest.hpp"
#include "engine/wire.hpp"
#include "scheduler/scheduler.hpp"
#include "scheduler/work_queue.hpp"

namespace rondo::engine {

enum class Kind : std::uint32_t {
  // start and end
  kHello,  // worker to master: text build with types, text name of the node
  kWelcome,  // master to worker: WorkerSettings, text name of the node, Rank of its leader, double pace of the relay
  kMismatch,  // master to worker: text; the worker leaves
  kClose,     // master to worker: nothing more will be asked
  kClosed,    // worker to master: everything I sent has left
  kExit,      // master to worker: everybody has closed; int32 status of the run

  // states between the calls, master to worker
  kDropAll,   // uint64 generation of the states that follow, uint64 number of the next backup
  kPlace,     // per state: StateId, block
  kResample,  // per parent: Family, then its Shares
  kFetch,     // uint64 request, all of StateId
  kFetched,   // worker to master: uint64 request, per state: StateId, uint8 ok, block (a text, if not ok)
  kTransfer,  // master to worker: Rank to, all of StateId: these have no job here, send them there
  kStates,    // worker to worker: uint64 generation, per state: Parcel, block own input, block state

  // checkpoints
  kTry,    // master to worker: uint64 run, then a path of a root or two: can you write there?
  kTried,  // worker to master: a text error for each
  kSave,  // master to worker: SaveHead, twice a path of a root and all of uint64 sequences there, all of StateCost
  kSaved,   // worker to master: uint64 sequence, PartEntry, twice a text error
  kLoad,    // master to worker: LoadHead, path of a folder, all of Target
  kLoaded,  // worker to master: uint64 generation, uint64 part, text error, all of uint64 sizes in the order of the targets

  kSignal,  // worker to master: Wish
  kAsk,     // master to worker: what are you doing?
  kAnswer,  // worker to master: Condition

  // lost workers: --rondo-recover
  kBackup,      // master to worker: uint64 number, all of CopyTarget
  kCopies,      // worker to worker: uint64 number, per state: StateId, block
  kBackedUp,    // worker to master: uint64 number, uint64 states whose copies have come here
  kBackupDone,  // master to worker: uint64 number; copies of earlier ones are not wanted any more
  kLost,    // master to worker: uint64 number of the loss, all of Rank: all that are lost; start nothing more
  kCensus,  // worker to master: uint64 number of the loss, all of recovery::Held
  kResume,  // master to worker: ResumeHead, all of StateId: drop all other states
  // master to worker: bring lost states back: all of StateId (the copies to begin with), block context, then per step a
  // ReplayStep, and
  //   kFamily: StateId parent, all of StateId children
  //   kContext: block
  //   kCall: ReplayHead, its shared inputs as blocks; all of Way; per way a block own input, if there are no shared ones
  kReplay,
  kLeave,  // master to worker: int32 status; to one that counts as lost, and to all where the run ends at once

  // from rank 0 down the tree
  kContext,  // uint64 version, block
  kInput,    // uint64 epoch, uint32 round, uint32 rounds complete, block

  // in a call
  // master to worker: Call, block shared input, all of Job, per job block own input if Call says so. Many jobs come in several
  // messages, each but the last with Call::more_follow
  kAssign,
  kReport,  // worker to master: ReportHead, all of Done, per done a block
  kGive,    // master to worker: GiveHead
  kGave,    // worker to master: GaveHead, all of Given
  kFailed,  // worker to master: uint64 epoch, StateId, uint32 round, text
  kDiffers,  // worker to master: the same, found by --rondo-check, and uint64 position of the difference
  kStop,     // master to worker: uint64 epoch
  kStopped,  // worker to master: uint64 epoch

  // tasks
  kTasks,  // master to worker: uint64 round, uint64 seed, per task: uint64 number, uint64 key, block input
  kTasksDone,  // worker to master: per task: uint64 number, double seconds, TaskStatus, block output (a text, if it failed or differs)
  kCancelTasks,  // master to worker: drop what has not started, and say so

  // what happened, for the profile
  kCount,    // master to worker
  kCounted,  // worker to master: WorkerCounters
};

// Whether a worker that has been told that nothing more is asked takes it in.
[[nodiscard]] constexpr bool is_of_the_end(Kind kind) {
  return kind == Kind::kExit || kind == Kind::kLeave || kind == Kind::kLost || kind == Kind::kAsk;
}

// Who handles it: on rank 0 of a run whose master works there are both.
[[nodiscard]] constexpr bool is_for_master(Kind kind) {
  switch (kind) {
    case Kind::kHello:
    case Kind::kClosed:
    case Kind::kFetched:
    case Kind::kSignal:
    case Kind::kAnswer:
    case Kind::kTasksDone:
    case Kind::kTried:
    case Kind::kSaved:
    case Kind::kBackedUp:
    case Kind::kCensus:
    case Kind::kLoaded:
    case Kind::kReport:
    case Kind::kGave:
    case Kind::kFailed:
    case Kind::kDiffers:
    case Kind::kStopped:
    case Kind::kCounted: return true;
    default: return false;
  }
}

// A path of a checkpoint: text root, text below it, bool shared.
inline void put_path(Writer& out, const checkpoint::Path& path) {
  out.put_text(path.root().string());
  out.put_text(path.below().string());
  out.put(path.is_shared());
}
[[nodiscard]] inline checkpoint::Path get_path(Reader& in) {
  const std::string root = in.get_text();
  const std::string below = in.get_text();
  return checkpoint::Path::of_parts(root, below, in.get<bool>());
}

// What every worker is told at the start, so that the options of rank 0 hold everywhere.
struct WorkerSettings {
  double low = 300e-6;                     // seconds of work left at which a worker asks for more
  double report_interval = 5e-3;           // seconds between reports of a worker that has states to give
  std::uint64_t report_bytes = 256 << 10;  // of outputs, that do not wait for the interval
  std::uint64_t report_updates =
      UINT64_MAX;  // nor do so many updates: a fixed batch, so that the next one is here in time
  std::uint64_t message_bytes =
      256 << 10;  // a message of many states is cut here, so that work starts before the last has come
  std::uint64_t unsent_bytes =
      32 << 20;  // copies that wait to leave; more of them are not made until some have left
  std::uint32_t tree_fanout = 16;
  std::uint64_t save_bytes = std::uint64_t{1} << 30;  // copies of states that wait for the disk
  bool rollback = false;
  bool check = false;    // every update twice
  bool recover = false;  // workers may be lost: nothing goes down a tree
  double orphan = 0;     // seconds of silence after which rank 0 counts as gone; 0: never
  std::int32_t orphan_status = 1;
  std::int32_t master_process = 0;
  std::uint32_t workers_here = 1;  // on the same node
  scheduler::MoveCost move;
};

struct Call {
  std::uint64_t epoch;
  std::uint64_t context;      // the version that the updates want
  std::uint64_t first_round;  // round() of the call's round 0
  std::uint64_t seed;
  std::uint32_t rounds;
  std::uint32_t from;   // rounds before this one are complete: shared inputs begin here
  bool own_inputs;      // each job has its own; no shared input comes
  bool input_included;  // the shared input of round 0 is in the message, and does not come down the tree
  bool more_follow;     // the next message has more jobs of the same assignment
};

struct ReportHead {
  std::uint64_t epoch;
  double left;  // predicted seconds
  std::uint64_t ready;  // as scheduler::event::Report says, and so is the next one
  double smallest;
  double running_for;  // seconds; negative: nothing runs
  StateId running;
  bool hungry;
  double processor_time;  // seconds of the updates that have ended since the last report
};

// What a worker does and waits for.
struct Condition {
  double running_for;  // seconds; negative: nothing runs
  StateId running;
  StateId first_absent;
  std::uint64_t absent;  // states that were announced and have not arrived
  std::uint64_t ready;
  std::uint64_t jobs;    // in any condition
  std::uint64_t unsent;  // bytes
  bool lacks_context;
  bool saving;
  bool unwelcomed;  // has not heard of rank 0 what run this is
};

struct GiveHead {
  std::uint64_t epoch;
  Rank thief;
  scheduler::Appetite appetite;
};

struct GaveHead {
  std::uint64_t epoch;
  Rank thief;
  double left;
  std::uint64_t ready;
  double smallest;
};

// A parent of a resample and how many places its children go to.
struct Family {
  StateId parent;
  std::uint32_t places;
};
struct Share {
  Rank to;
  StateId first;
  std::uint32_t count;
};

// A state on its way: `count` children with ids from `first` on, and perhaps the job of the one it is.
struct Parcel {
  StateId first;
  std::uint32_t count;
  std::uint64_t epoch;  // of the job; 0: there is none
  scheduler::Job job;
};

enum class TaskStatus : std::uint8_t { kDone, kFailed, kDiffers, kDropped };  // kDiffers: --rondo-check

struct SaveHead {
  std::uint64_t sequence;
  checkpoint::Header header;
};
struct StateCost {
  StateId state;
  double cost;  // predicted seconds
};
struct LoadHead {
  std::uint64_t generation;
  checkpoint::Header header;
  checkpoint::PartEntry entry;
};
// Where a state of a part goes.
struct Target {
  StateId state;
  Rank owner;
};

// Where the copy of a state goes.
struct CopyTarget {
  StateId state;
  Rank to;
};
struct ResumeHead {
  std::uint64_t generation;  // of states from now on: what was sent before is dropped
  std::uint64_t backup;      // the one that counts
  // Copies of others before this one are dropped; those of this one may have come already, from who has resumed earlier.
  std::uint64_t next_backup;
};

enum class ReplayStep : std::uint8_t { kFamily, kContext, kCall };
struct ReplayHead {
  std::uint64_t first_round;
  std::uint64_t seed;
  std::uint32_t from;
  std::uint32_t count;
};

struct WorkerCounters {
  std::uint64_t transfers = 0;
  std::uint64_t transfer_bytes = 0;
};

[[nodiscard]] inline Buffer message(Kind kind) {
  Buffer out;
  Writer(out).put(kind);
  return out;
}

// Where a message that goes down the tree is sent on to: the tree of `size` ranks is complete, with rank 0 as its root.
template <class Send>
void for_each_child(Rank rank, std::int32_t size, std::uint32_t fanout, const Send& send) {
  const std::int64_t first = static_cast<std::int64_t>(value(rank)) * fanout + 1;
  for (std::int64_t child = first; child < first + fanout && child < size; ++child)
    send(Rank{static_cast<std::int32_t>(child)});
}

}  // namespace rondo::engine
