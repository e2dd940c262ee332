// The messages of a run: what each says, and which way it goes.
//
// A message is a struct of wire.hpp's fields, with a kind, and in one of two lists, ForMaster and ForWorker, that say which side handles it.
// To add a message, add a kind, write the struct here, put it into a list, and handle it in Master::take or Worker::take.
//
// A call (one update or evolve) has a number, its epoch: a message of an earlier call carries an earlier epoch and is dropped, so
// that nothing is counted twice. States have a generation in the same way: a reset and a recovery begin a new one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "checkpoint/format.hpp"
#include "checkpoint/manifest.hpp"
#include "checkpoint/path.hpp"
#include "engine/signals.hpp"
#include "engine/wire.hpp"
#include "engine/worker_settings.hpp"
#include "recovery/census.hpp"
#include "recovery/replay_log.hpp"
#include "scheduler/scheduler.hpp"
#include "scheduler/work_queue.hpp"

namespace rondo::engine {

// The first four bytes of a message.
enum class Kind : std::uint32_t {
  // start and end
  kHello,
  kWelcome,
  kMismatch,
  kClose,
  kClosed,
  kExit,
  kLeave,
  // states between the calls
  kDropAll,
  kPlace,
  kResample,
  kFetch,
  kFetched,
  kTransfer,
  kStates,
  // a call
  kContext,
  kInput,
  kAssign,
  kReport,
  kGive,
  kGave,
  kFailed,
  kDiffers,
  kStop,
  kStopped,
  // tasks
  kTasks,
  kTasksDone,
  kCancelTasks,
  // checkpoints
  kTry,
  kTried,
  kSave,
  kSaved,
  kLoad,
  kLoaded,
  // signals, stalls, counters
  kSignal,
  kPing,
  kStatus,
  kCount,
  kCounted,
  // lost workers: --rondo-recover
  kBackUp,
  kCopies,
  kBackedUp,
  kBackupDone,
  kLost,
  kCensus,
  kResume,
  kReplay,
};

namespace messages {

// ---- start and end

// worker to master: what I am.
struct Hello {
  static constexpr Kind kind = Kind::kHello;
  std::string build;  // of the program, with its types
  std::string node;   // the name of the machine
  static auto fields(auto& m) { return std::tie(m.build, m.node); }
};
// master to worker: all ranks have said the same; begin.
struct Welcome {
  static constexpr Kind kind = Kind::kWelcome;
  WorkerSettings settings;
  std::string node;  // rank 0's
  Rank leader;       // of the relay; rank 0 if there is none
  double pace;       // of the relay, in seconds
  static auto fields(auto& m) { return std::tie(m.settings, m.node, m.leader, m.pace); }
};
// master to worker: the ranks run different programs; leave.
struct Mismatch {
  static constexpr Kind kind = Kind::kMismatch;
  std::string text;
  static auto fields(auto& m) { return std::tie(m.text); }
};
// master to worker: nothing more will be asked.
struct Close {
  static constexpr Kind kind = Kind::kClose;
  static auto fields(auto&) { return std::tie(); }
};
// worker to master: everything that I have sent has left.
struct Closed {
  static constexpr Kind kind = Kind::kClosed;
  static auto fields(auto&) { return std::tie(); }
};
// master to worker: all have closed; leave with the status of the run.
struct Exit {
  static constexpr Kind kind = Kind::kExit;
  std::int32_t status;
  static auto fields(auto& m) { return std::tie(m.status); }
};
// master to worker: leave at once. To a worker that counts as lost, and to all where the run ends at once.
struct Leave {
  static constexpr Kind kind = Kind::kLeave;
  std::int32_t status;
  static auto fields(auto& m) { return std::tie(m.status); }
};

// ---- states between the calls

// master to worker: drop all states.
struct DropAll {
  static constexpr Kind kind = Kind::kDropAll;
  std::uint64_t generation;   // of the states that follow
  std::uint64_t next_backup;  // copies of backups before this one are dropped
  static auto fields(auto& m) { return std::tie(m.generation, m.next_backup); }
};
// master to worker: new states.
struct Place {
  static constexpr Kind kind = Kind::kPlace;
  struct Item {
    StateId state;
    Block packed;
    static auto fields(auto& m) { return std::tie(m.state, m.packed); }
  };
  Items<Item> states;
  static auto fields(auto& m) { return std::tie(m.states); }
};
// Children of one parent that go to one worker.
struct Share {
  Rank to;
  StateId first;  // they have consecutive ids from here on
  std::uint32_t count;
};
// master to worker: replace parents by their children.
struct Resample {
  static constexpr Kind kind = Kind::kResample;
  struct Item {
    StateId parent;
    std::vector<Share> shares;
    static auto fields(auto& m) { return std::tie(m.parent, m.shares); }
  };
  Items<Item> families;
  static auto fields(auto& m) { return std::tie(m.families); }
};
// master to worker: send me these states, and keep them.
struct Fetch {
  static constexpr Kind kind = Kind::kFetch;
  std::uint64_t request;
  std::vector<StateId> states;
  static auto fields(auto& m) { return std::tie(m.request, m.states); }
};
// worker to master.
struct Fetched {
  static constexpr Kind kind = Kind::kFetched;
  struct Item {
    StateId state;
    bool is_packed;  // false: `bytes` is the text of an error
    Block bytes;
    static auto fields(auto& m) { return std::tie(m.state, m.is_packed, m.bytes); }
  };
  std::uint64_t request;
  Items<Item> states;
  static auto fields(auto& m) { return std::tie(m.request, m.states); }
};
// master to worker: these states have no job here; send them to that worker.
struct Transfer {
  static constexpr Kind kind = Kind::kTransfer;
  Rank to;
  std::vector<StateId> states;
  static auto fields(auto& m) { return std::tie(m.to, m.states); }
};
// A state on its way, or the parent of `count` children with consecutive ids from `first` on.
struct Parcel {
  StateId first;
  std::uint32_t count;
  std::uint64_t epoch;  // of the job that travels with the state; 0: none does
  scheduler::Job job;
};
// worker to worker.
struct States {
  static constexpr Kind kind = Kind::kStates;
  struct Item {
    Parcel parcel;
    Block own_input;
    Block packed;  // last: what follows a big state would have the buffer grow once more, and copy it
    static auto fields(auto& m) { return std::tie(m.parcel, m.own_input, m.packed); }
  };
  std::uint64_t generation;
  Items<Item> states;
  static auto fields(auto& m) { return std::tie(m.generation, m.states); }
};

// ---- a call

// From rank 0 down the tree: the read-only context of the rounds to come.
struct Context {
  static constexpr Kind kind = Kind::kContext;
  std::uint64_t version;
  Block packed;
  static auto fields(auto& m) { return std::tie(m.version, m.packed); }
};
// From rank 0 down the tree: the input that all states share in a round.
struct Input {
  static constexpr Kind kind = Kind::kInput;
  std::uint64_t epoch;
  std::uint32_t round;
  std::uint32_t complete;  // rounds whose inputs are not needed any more
  Block packed;
  static auto fields(auto& m) { return std::tie(m.epoch, m.round, m.complete, m.packed); }
};
// What all updates of a call have in common.
struct CallHeader {
  std::uint64_t epoch;
  std::uint64_t context;      // the version of the context that the updates want
  std::uint64_t first_round;  // Call::round() of the call's round 0
  std::uint64_t seed;
  std::uint32_t rounds;
  std::uint32_t from;   // rounds before this one are complete: shared inputs begin here
  bool own_inputs;      // each job has its own input; no shared one comes
  bool input_included;  // the shared input of round 0 is in the message, and does not come down the tree
  bool more_follow;     // the next message has more jobs of the same assignment
};
// master to worker: run these jobs. Many jobs come in several messages.
struct Assign {
  static constexpr Kind kind = Kind::kAssign;
  CallHeader call;
  Block shared_input;  // if the header says so
  std::vector<scheduler::Job> jobs;
  Items<Block> own_inputs;  // of each job, if the header says so
  static auto fields(auto& m) { return std::tie(m.call, m.shared_input, m.jobs, m.own_inputs); }
};
// worker to master: what is done and what is left.
struct Report {
  static constexpr Kind kind = Kind::kReport;
  struct Progress {
    std::uint64_t epoch;
    double left;          // predicted seconds
    std::uint64_t ready;  // as scheduler::event::Report says, and so is the next one
    double smallest;
    bool hungry;
    double processor_time;  // seconds of the updates that have ended since the last report
  };
  Progress progress;
  std::vector<scheduler::Done> done;
  Items<Block> outputs;  // of each
  static auto fields(auto& m) { return std::tie(m.progress, m.done, m.outputs); }
};
// master to worker: let the thief have states that have not started.
struct Give {
  static constexpr Kind kind = Kind::kGive;
  std::uint64_t epoch;
  Rank thief;
  scheduler::StealRequest request;
  static auto fields(auto& m) { return std::tie(m.epoch, m.thief, m.request); }
};
// worker to master: these have left for the thief.
struct Gave {
  static constexpr Kind kind = Kind::kGave;
  std::uint64_t epoch;
  Rank thief;
  double left;  // as in Report::Progress
  std::uint64_t ready;
  double smallest;
  std::vector<scheduler::Given> given;
  static auto fields(auto& m) { return std::tie(m.epoch, m.thief, m.left, m.ready, m.smallest, m.given); }
};
// worker to master: an update has thrown.
struct Failed {
  static constexpr Kind kind = Kind::kFailed;
  std::uint64_t epoch;
  StateId state;
  std::uint32_t round;
  std::string text;
  static auto fields(auto& m) { return std::tie(m.epoch, m.state, m.round, m.text); }
};
// worker to master: --rondo-check has found a difference.
struct Differs {
  static constexpr Kind kind = Kind::kDiffers;
  std::uint64_t epoch;
  StateId state;
  std::uint32_t round;
  std::string text;
  std::uint64_t position;  // of the difference, in bytes
  static auto fields(auto& m) { return std::tie(m.epoch, m.state, m.round, m.text, m.position); }
};
// master to worker: start nothing more in this call.
struct Stop {
  static constexpr Kind kind = Kind::kStop;
  std::uint64_t epoch;
  static auto fields(auto& m) { return std::tie(m.epoch); }
};
// worker to master: nothing runs any more.
struct Stopped {
  static constexpr Kind kind = Kind::kStopped;
  std::uint64_t epoch;
  static auto fields(auto& m) { return std::tie(m.epoch); }
};

// ---- tasks

// master to worker.
struct Tasks {
  static constexpr Kind kind = Kind::kTasks;
  struct Item {
    std::uint64_t number;
    std::uint64_t key;  // Call::id() of the task
    Block input;
    static auto fields(auto& m) { return std::tie(m.number, m.key, m.input); }
  };
  std::uint64_t round;
  std::uint64_t seed;
  Items<Item> tasks;
  static auto fields(auto& m) { return std::tie(m.round, m.seed, m.tasks); }
};
enum class TaskStatus : std::uint8_t { kDone, kFailed, kDiffers, kDropped };  // kDiffers: --rondo-check
// worker to master.
struct TasksDone {
  static constexpr Kind kind = Kind::kTasksDone;
  struct Item {
    std::uint64_t number;
    double seconds;
    TaskStatus status;
    Block output;  // a text, if the task has failed or differs
    static auto fields(auto& m) { return std::tie(m.number, m.seconds, m.status, m.output); }
  };
  Items<Item> tasks;
  static auto fields(auto& m) { return std::tie(m.tasks); }
};
// master to worker: drop the tasks that have not started, and say so.
struct CancelTasks {
  static constexpr Kind kind = Kind::kCancelTasks;
  static auto fields(auto&) { return std::tie(); }
};

// ---- checkpoints

// checkpoint::Path as it travels.
struct Path {
  std::string root;
  std::string below;
  bool is_shared = false;

  Path() = default;
  Path(const checkpoint::Path& path)  // NOLINT: the same, to be sent
      : root(path.root().string()), below(path.below().string()), is_shared(path.is_shared()) {}
  [[nodiscard]] checkpoint::Path path() const { return checkpoint::Path::of_parts(root, below, is_shared); }
  static auto fields(auto& m) { return std::tie(m.root, m.below, m.is_shared); }
};
// master to worker: can you write there?
struct Try {
  static constexpr Kind kind = Kind::kTry;
  std::uint64_t run;
  std::vector<Path> roots;
  static auto fields(auto& m) { return std::tie(m.run, m.roots); }
};
// worker to master: the error of each place; empty if there is none.
struct Tried {
  static constexpr Kind kind = Kind::kTried;
  std::vector<std::string> errors;
  static auto fields(auto& m) { return std::tie(m.errors); }
};
// A folder of checkpoints, and the ones that rank 0 sees there.
struct SavePlace {
  Path root;  // empty: there is no such place
  std::vector<std::uint64_t> present;
  static auto fields(auto& m) { return std::tie(m.root, m.present); }
};
struct StateCost {
  StateId state;
  double cost;  // predicted seconds
};
// master to worker: write your part.
struct Save {
  static constexpr Kind kind = Kind::kSave;
  std::uint64_t sequence;
  checkpoint::Header header;
  std::array<SavePlace, 2> places;
  std::vector<StateCost> states;
  static auto fields(auto& m) { return std::tie(m.sequence, m.header, m.places, m.states); }
};
// worker to master.
struct Saved {
  static constexpr Kind kind = Kind::kSaved;
  std::uint64_t sequence;
  checkpoint::PartEntry part;
  std::array<std::string, 2> errors;  // of each place
  static auto fields(auto& m) { return std::tie(m.sequence, m.part, m.errors); }
};
// Where a state of a part goes.
struct Target {
  StateId state;
  Rank owner;
};
// master to worker: read a part, and send its states to their owners.
struct Load {
  static constexpr Kind kind = Kind::kLoad;
  std::uint64_t generation;
  checkpoint::Header header;
  checkpoint::PartEntry part;
  Path folder;
  std::vector<Target> targets;
  static auto fields(auto& m) { return std::tie(m.generation, m.header, m.part, m.folder, m.targets); }
};
// worker to master.
struct Loaded {
  static constexpr Kind kind = Kind::kLoaded;
  std::uint64_t generation;
  std::uint64_t part;
  std::string error;                 // empty: none
  std::vector<std::uint64_t> sizes;  // of the packed states, in the order of the targets
  static auto fields(auto& m) { return std::tie(m.generation, m.part, m.error, m.sizes); }
};

// ---- signals, stalls, counters

// worker to master: a signal has come.
struct Signal {
  static constexpr Kind kind = Kind::kSignal;
  StopRequest wish;
  static auto fields(auto& m) { return std::tie(m.wish); }
};
// master to worker: what are you doing?
struct Ping {
  static constexpr Kind kind = Kind::kPing;
  static auto fields(auto&) { return std::tie(); }
};
// What a worker does and waits for.
struct Condition {
  double running_for = -1;  // seconds; negative: no update runs
  StateId running{};
  StateId first_absent{};
  std::uint64_t absent = 0;  // states that were announced and have not arrived
  std::uint64_t ready = 0;
  std::uint64_t jobs = 0;    // in any condition
  std::uint64_t unsent = 0;  // bytes
  bool lacks_context = false;
  bool saving = false;
  bool unwelcomed = false;  // has not heard from rank 0 what run this is
};
// worker to master: the answer.
struct Status {
  static constexpr Kind kind = Kind::kStatus;
  Condition condition;
  static auto fields(auto& m) { return std::tie(m.condition); }
};
// master to worker: send me your counters.
struct Count {
  static constexpr Kind kind = Kind::kCount;
  static auto fields(auto&) { return std::tie(); }
};
struct WorkerCounters {
  std::uint64_t transfers = 0;
  std::uint64_t transfer_bytes = 0;
};
// worker to master.
struct Counted {
  static constexpr Kind kind = Kind::kCounted;
  WorkerCounters counters;
  static auto fields(auto& m) { return std::tie(m.counters); }
};

// ---- lost workers: --rondo-recover

// Where the copy of a state goes.
struct CopyTarget {
  StateId state;
  Rank to;
};
// master to worker: copy these states as they are.
struct BackUp {
  static constexpr Kind kind = Kind::kBackUp;
  std::uint64_t number;
  std::vector<CopyTarget> targets;
  static auto fields(auto& m) { return std::tie(m.number, m.targets); }
};
// worker to worker.
struct Copies {
  static constexpr Kind kind = Kind::kCopies;
  struct Item {
    StateId state;
    Block packed;
    static auto fields(auto& m) { return std::tie(m.state, m.packed); }
  };
  std::uint64_t number;
  Items<Item> states;
  static auto fields(auto& m) { return std::tie(m.number, m.states); }
};
// worker to master: copies have come here.
struct BackedUp {
  static constexpr Kind kind = Kind::kBackedUp;
  std::uint64_t number;
  std::uint64_t states;  // how many
  static auto fields(auto& m) { return std::tie(m.number, m.states); }
};
// master to worker: the backup is complete; copies of earlier ones are not wanted any more.
struct BackupDone {
  static constexpr Kind kind = Kind::kBackupDone;
  std::uint64_t number;
  static auto fields(auto& m) { return std::tie(m.number); }
};
// master to worker: all these ranks are lost; start nothing more, and tell what you hold.
struct Lost {
  static constexpr Kind kind = Kind::kLost;
  std::uint64_t number;  // of the loss
  std::vector<Rank> ranks;
  static auto fields(auto& m) { return std::tie(m.number, m.ranks); }
};
// worker to master.
struct Census {
  static constexpr Kind kind = Kind::kCensus;
  std::uint64_t loss;
  std::vector<recovery::Held> held;
  static auto fields(auto& m) { return std::tie(m.loss, m.held); }
};
// master to worker: go on with these states, and drop all others.
struct Resume {
  static constexpr Kind kind = Kind::kResume;
  std::uint64_t generation;  // of states from now on: what was sent before is dropped
  std::uint64_t backup;      // the one that counts
  // Copies of other backups before this one are dropped. Copies of this one may have come already, from a worker that has resumed earlier.
  std::uint64_t next_backup;
  std::vector<StateId> kept;  // ascending
  static auto fields(auto& m) { return std::tie(m.generation, m.backup, m.next_backup, m.kept); }
};
// master to worker: bring lost states back, from their copies.
struct Replay {
  static constexpr Kind kind = Kind::kReplay;
  struct Family {
    StateId parent;
    std::vector<StateId> children;
    static auto fields(auto& m) { return std::tie(m.parent, m.children); }
  };
  struct NewContext {
    Block packed;
    static auto fields(auto& m) { return std::tie(m.packed); }
  };
  struct Rounds {
    std::uint64_t first_round;
    std::uint64_t seed;
    std::uint32_t from;         // the first round that any of them does
    std::vector<Block> shared;  // inputs of the rounds from there on; or
    std::vector<Block> own;     // of each way
    std::vector<recovery::Replay::Way> ways;
    static auto fields(auto& m) { return std::tie(m.first_round, m.seed, m.from, m.shared, m.own, m.ways); }
  };
  struct Step {
    std::variant<Family, NewContext, Rounds> what;
    static auto fields(auto& m) { return std::tie(m.what); }
  };
  std::vector<StateId> copies;  // to begin with
  Block context;
  Items<Step> steps;  // one after the other
  static auto fields(auto& m) { return std::tie(m.copies, m.context, m.steps); }
};

// ---- which rank handles them

template <class... Message>
struct List {
  [[nodiscard]] static constexpr bool has(Kind kind) { return ((Message::kind == kind) || ...); }
};

using ForMaster = List<Hello, Closed, Fetched, Report, Gave, Failed, Differs, Stopped, TasksDone, Tried,
                       Saved, Loaded, Signal, Status, Counted, BackedUp, Census>;
using ForWorker = List<Close, Exit, Leave, DropAll, Place, Resample, Fetch, Transfer, States, Context, Input,
                       Assign, Give, Stop, Tasks, CancelTasks, Try, Save, Load, Ping, Count, BackUp, Copies,
                       BackupDone, Lost, Resume, Replay>;
// A rank that is not a worker yet.
using ForNewcomer = List<Welcome, Mismatch, Leave, Ping>;
// What a worker that has been told that nothing more is asked still takes in.
using AtTheEnd = List<Exit, Leave, Lost, Ping>;

}  // namespace messages

[[nodiscard]] inline Kind kind_of(Bytes message) { return Reader(message).get<Kind>(); }

// The message as bytes, in a buffer with room for that many. If the message ends with Items, append() adds more of them.
template <class M>
[[nodiscard]] Buffer to_bytes(const M& message, std::size_t room = 0) {
  Buffer out;
  out.reserve(room);
  Writer writer(out);
  writer.put(M::kind);
  writer.put(message);
  return out;
}

// The message that these bytes are. Its blocks and items are views of them. Throws Error if they are fewer than it says.
template <class M>
[[nodiscard]] M from_bytes(Bytes message) {
  Reader in(message);
  (void)in.get<Kind>();
  return in.get<M>();
}

// Calls handler(M) with the message that these bytes are, if it is in the list. Returns whether it is. Throws as from_bytes() does.
template <class... Each, class Handler>
bool dispatch(messages::List<Each...>, Bytes message, const Handler& handler) {
  const Kind kind = kind_of(message);
  return ((Each::kind == kind && (handler(from_bytes<Each>(message)), true)) || ...);
}

// Where a message that goes down the tree is sent on to: the tree of `size` ranks is complete, with rank 0 as its root.
template <class Send>
void for_each_child(Rank rank, std::int32_t size, std::uint32_t fanout, const Send& send) {
  const std::int64_t first = static_cast<std::int64_t>(value(rank)) * fanout + 1;
  for (std::int64_t child = first; child < first + fanout && child < size; ++child)
    send(Rank{static_cast<std::int32_t>(child)});
}

}  // namespace rondo::engine
