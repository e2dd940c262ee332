// Decides which worker holds and runs which states: the master's side of the scheduling.
//
// Pure: no MPI, no threads, no clock, no I/O; equal events give equal commands. Two drivers run the same object: the
// engine's master and the simulator. It never performs a command.
//
// Lives on rank 0, used from one thread.
//
// Between calls it distributes new states, plans copies and refines the placement from predicted costs. In a call every
// worker gets its part at once (or in batches, where one is set), longest first; a worker that is about to run dry says
// so, and the worker with most predicted work left is told to give it unstarted states.
//
// A worker may be lost: then the driver says which states are where, and the call goes on with the others.
//
// Invariant: every state has exactly one owner; in a call each state does each round exactly once, in order, and the
// call ends when all are done, or after a failure when every worker has stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include <rondo/ids.hpp>

#include "scheduler/cost.hpp"
#include "scheduler/share.hpp"
#include "scheduler/types.hpp"

namespace rondo::scheduler {

struct Settings {
  std::uint32_t workers = 1;
  bool rebalance = true;  // off: states stay where they were placed
  std::size_t batch = 0;  // states per assignment; 0: a worker's whole part
  MoveCost move;
  double bytes_max = std::numeric_limits<double>::infinity();  // of states, per worker
  // A refinement between rounds may leave this much imbalance, as a share of the mean: stealing mends it for less.
  double tolerance = 0.06;
  // Each call brings some of the states to other workers, whether that pays or not. For --rondo-check.
  bool rotate = false;
};

// A state's round is done.
struct Done {
  Slot slot;
  std::uint32_t round;
  float seconds;
  std::uint32_t hop;
};

// A state has left its owner. Its hop tells which of two reports is the later one, whatever their order of arrival.
struct Given {
  Slot slot;
  std::uint32_t hop;
};

namespace event {

// A call begins: one round for `update`, WorkQueue::kUnknownRounds for `evolve`. `batch_most` bounds an assignment; twice as
// many updates may be assigned to a worker at a time.
struct Begin {
  std::uint32_t rounds;
  std::size_t batch_most;
};
// Rounds 0 to open - 1 have their inputs.
struct Opened {
  std::uint32_t open;
};
// The inputs have ended: the call has this many rounds.
struct Closed {
  std::uint32_t rounds;
};
// A worker tells what it has done and what it has left (predicted), and whether it is about to run dry.
struct Report {
  Worker worker;
  std::span<const Done> done;
  Seconds left;
  std::size_t ready;  // states that a thief could get: WorkQueue::offer()
  Seconds smallest;   // of these the least, with its move
  bool hungry;
};
// The answer to command::Give.
struct Gave {
  Worker victim;
  Worker thief;
  std::span<const Given> given;
  Seconds left;
  std::size_t ready;
  Seconds smallest;
};
// An update threw, or the program wants the call to end: nothing more is started.
struct Cancel {};
// The answer to command::Stop: this worker starts nothing more.
struct Stopped {
  Worker worker;
};

}  // namespace event

using Event = std::variant<event::Begin, event::Opened, event::Closed, event::Report, event::Gave,
                           event::Cancel, event::Stopped>;

namespace command {

// Bring these states from one worker, where they have no job, to another, where they may have one already.
struct Move {
  Worker from;
  Worker to;
  std::vector<Slot> slots;
};
// Run these, longest first; their states are at the worker or on the way.
struct Assign {
  Worker worker;
  std::vector<Slot> slots;
};
// Let the victim choose unstarted states for the thief; event::Gave answers.
struct Give {
  Worker victim;
  Worker thief;
  StealRequest request;
};
// Every state has done this round; rounds complete in order.
struct Complete {
  std::uint32_t round;
};
// All workers: start nothing more; each answers with event::Stopped.
struct Stop {};
// The call is over.
struct End {};

}  // namespace command

using Command = std::variant<command::Move, command::Assign, command::Give, command::Complete, command::Stop,
                             command::End>;

// Copies of a state go to one worker (perhaps its own): `count` children with consecutive ids from `first` on.
struct Copy {
  Slot parent;
  Worker from;
  Worker to;
  StateId first;
  std::uint32_t count;
};

class Scheduler {
 public:
  // Throws OptionError by name for settings that cannot be.
  explicit Scheduler(const Settings& settings);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Drops all states and distributes these evenly, by expected cost where one is given (empty: all alike). The owners are
  // in the order of the ids, which must ascend. O(n).
  std::vector<Worker> reset(std::span<const StateId> ids, std::span<const double> seconds);
  // The same for states of a checkpoint, with what was learned of them; at these owners, or (empty) distributed by cost.
  void restore(std::span<const StateId> ids, std::span<const Worker> owners, std::span<const Cost> costs);
  // The size of a packed state, once it is known.
  void packed(Slot slot, double bytes);
  // What an update of this state is expected to take, until it has been measured.
  void hint(Slot slot, Seconds seconds) { states_[slot].cost = Cost(seconds); }

  // Replaces every state by offspring[slot] children with fresh ascending ids from `first` on, in the order of the parents.
  // Children inherit costs. Balances the workers; each (parent, destination) appears once. O(n log n).
  std::vector<Copy> resample(std::span<const std::uint32_t> offspring, StateId first);

  [[nodiscard]] std::vector<Command> on(Time now, const Event& event);

  // Nothing is ever placed at this worker again. What it held has to be told with recover(), or is dropped by reset() and
  // restore(). Throws logic_error for the last worker.
  void lose(Worker worker);
  // Where the states are after a loss, in the order of the slots, and inside a call how many of its first rounds each has done;
  // all workers that are left are idle, and none has a job. What is missing of the call is assigned again; with `stop` the call
  // ends as after a Cancel.
  [[nodiscard]] std::vector<Command> recover(Time now, std::span<const Worker> owners,
                                             std::span<const std::uint32_t> rounds_done, bool stop);
  // Ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& alive() const { return alive_; }

  [[nodiscard]] std::size_t size() const { return states_.size(); }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] StateId id(Slot slot) const { return states_[slot].id; }
  [[nodiscard]] Worker owner(Slot slot) const { return states_[slot].owner; }
  [[nodiscard]] const Cost& cost(Slot slot) const { return states_[slot].cost; }
  void set_cost(Slot slot, const Cost& cost) { states_[slot].cost = cost; }
  [[nodiscard]] float bytes(Slot slot) const { return states_[slot].bytes; }
  [[nodiscard]] std::uint32_t hop(Slot slot) const { return states_[slot].hop; }
  // Rounds of the running or last call that the state is known to have done. They are the first ones as soon as the call
  // has ended; before that, reports of different workers overtake each other.
  [[nodiscard]] std::uint32_t rounds_done(Slot slot) const { return states_[slot].rounds_done; }
  [[nodiscard]] std::uint32_t rounds_complete() const { return complete_; }
  // Sum of what the workers hold, by the sizes known here.
  [[nodiscard]] double bytes_held(Worker worker) const { return workers_[index(worker)].bytes; }

 private:
  struct State {
    StateId id{};
    Worker owner{};
    std::uint32_t hop = 0;
    std::uint32_t rounds_done = 0;
    float bytes = 0;
    Cost cost;
  };
  using Ranking = std::set<std::pair<double, std::uint32_t>>;  // of workers, by a key
  struct WorkerProgress {                                      // a worker, as the master knows it
    double bytes = 0;                                          // of the states it holds
    std::vector<Slot> waiting;                                 // not yet assigned; the next one last
    double waiting_work = 0;                                   // predicted seconds
    Offer waiting_offer;                                       // what a thief could get of them
    std::ptrdiff_t outstanding =
        0;                  // updates assigned and not reported; below 0 when a thief's report has come first
    Time finish{0};         // predicted end of what is assigned
    std::size_t ready = 0;  // states a thief could get from the worker itself
    Seconds smallest = kNever;     // of them the least, with its move
    bool hungry = false;           // it waits in hungry_, or an answer to its Give is under way
    std::optional<double> awaits;  // its key in hungry_, if it is there
    Time asked{0};                 // when that was commanded
    bool stopped = false;
    std::optional<Ranking::iterator> listed;  // in busiest_
  };
  void handle(Time now, const event::Begin& begin);
  void handle(Time now, const event::Opened& opened);
  void handle(Time now, const event::Closed& closed);
  void handle(Time now, const event::Report& report);
  void handle(Time now, const event::Gave& gave);
  void handle(Time now, const event::Cancel& cancel);
  void handle(Time now, const event::Stopped& stopped);

  [[nodiscard]] double expected(Slot slot) const;
  [[nodiscard]] WorkerProgress& progress_of(Worker worker) { return workers_[index(worker)]; }
  void own(Slot slot, Worker worker, std::uint32_t hop);
  void distribute(Time now);
  std::vector<command::Move> refine();
  std::vector<command::Move> rotate();
  std::vector<command::Move> bring(const std::vector<std::uint32_t>& place);
  [[nodiscard]] std::vector<std::uint32_t> spread_long() const;
  void order_waiting(std::vector<Slot>& slots) const;
  void assign(Time now, Worker worker);
  void await_victim(Worker worker);
  void serve(Time now);
  [[nodiscard]] Seconds gain(Time now, Worker victim, Seconds thief_left) const;
  bool find_victim(Time now, Worker thief);
  bool reassign(Time now, Worker victim, Worker thief);
  void list(Worker worker);
  void count_offer(Slot slot, Offer& offer) const;
  void complete_rounds();
  void end_if_done();

  Settings settings_;
  std::vector<State> states_;
  std::vector<WorkerProgress> workers_;
  std::vector<std::uint32_t> alive_;  // workers that are not lost
  double mean_ = 1e-3;  // of the known costs, at the start of the call; stands in for the unknown ones

  std::uint64_t calls_ = 0;
  bool running_ = false;
  bool stopping_ = false;
  std::uint32_t rounds_ = 0;
  std::uint32_t open_ = 0;
  std::uint32_t complete_ = 0;
  std::deque<std::size_t> missing_;  // per round from complete_ on: states that have not done it
  std::size_t batch_ = 0;
  double outstanding_most_ = 0;  // updates that are assigned to a worker and not reported
  std::size_t stopped_ = 0;
  Seconds latency_;  // from a Give to its answer, learned over the calls; no less than that of the settings
  Ranking hungry_;   // workers that wait for a victim, by finish
  Ranking busiest_;  // who could give, by -(finish without the least of that)
  std::vector<Command> commands_;
};

}  // namespace rondo::scheduler
