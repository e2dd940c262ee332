// What has been asked of the states since a backup: enough to take the copy of any state through all of it again.
//
// Used by the one thread of rank 0; pure, no messages and no time. Rounds of the running call are told as they
// open, everything else at once; what is older than the backup is forgotten with trim().
//
// An update that threw has left its state changed, perhaps; such a state is taken through that update again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <unordered_map>
#include <variant>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

namespace rondo::recovery {

// What is done again with copies of states, one step after the other.
struct Replay {
  // A parent becomes these children.
  struct Family {
    StateId parent;
    std::vector<StateId> children;
  };
  struct Context {
    Bytes bytes;
  };
  // A state's rounds of a call.
  struct Way {
    StateId id;
    std::uint32_t from;
    std::uint32_t to;
    bool threw;  // and the update after them
  };
  struct Call {
    std::uint64_t first_round;
    std::uint64_t seed;
    std::uint32_t from;         // the first round that any of them does
    std::vector<Bytes> shared;  // inputs of the rounds from there on; or
    std::vector<Bytes> own;     // one of each way
    std::vector<Way> ways;
  };
  using Step = std::variant<Family, Context, Call>;

  std::vector<StateId> copies;  // to begin with
  Bytes context;
  std::vector<Step> steps;
};

class ReplayLog {
 public:
  // How far a state has got in a call: its first rounds, and perhaps an update that threw.
  struct Progress {
    std::uint32_t rounds = 0;
    bool threw = false;
  };
  // A state to bring back, and where it stands in the running call (nothing, if none runs).
  struct Target {
    StateId id;
    Progress progress;
  };
  // Where the states of a backup stood in the call that ran then. Those that are not mentioned had not begun with it.
  using Bases = std::unordered_map<StateId, Progress>;

  // Between calls. Children have consecutive ids from `first` on.
  void resample(StateId first, std::vector<StateId> parents);
  void share(Bytes context);
  // A call begins, of these states. `own`: an input for each of them, instead of the shared ones.
  void begin_call(std::uint64_t first_round, std::uint64_t seed, std::vector<StateId> ids,
                  std::vector<Buffer> own);
  void add_input(Bytes shared);
  // Only for a call that has not gone to its end: how far each state has got, in the order of the ids.
  void end_early(std::vector<Progress> progress);

  // The running call, or the last one.
  [[nodiscard]] Bytes own_input(std::size_t i) const;
  [[nodiscard]] std::uint32_t shared_inputs() const;
  [[nodiscard]] Bytes shared_input(std::uint32_t round) const;

  // Where the next operation will stand; with a call that runs, where it stands.
  [[nodiscard]] std::uint64_t position(bool in_call) const;
  // Forgets everything before.
  void trim(std::uint64_t position);
  void clear(Bytes context);

  // What this state was when the backup was taken.
  [[nodiscard]] StateId ancestor(StateId id) const;
  // What a worker that has the copies has to do to bring these back. `in_call`: the last operation is a call that runs. The
  // bytes it shows are the history's own.
  [[nodiscard]] Replay replay(std::span<const Target> targets, const Bases& bases, bool in_call) const;

 private:
  struct Resample {
    std::uint64_t first;
    std::vector<StateId> parents;
  };
  struct Call {
    std::uint64_t first_round;
    std::uint64_t seed;
    std::vector<StateId> ids;
    std::vector<Buffer> own;
    std::deque<Buffer> shared;
    std::vector<Progress> progress;  // empty: all rounds
    [[nodiscard]] std::uint32_t rounds() const {
      return own.empty() ? static_cast<std::uint32_t>(shared.size()) : 1;
    }
  };
  using Operation = std::variant<Resample, Buffer, Call>;  // a Buffer: a context

  std::deque<Operation> operations_;
  std::uint64_t forgotten_ = 0;  // operations before the first one here
  Buffer context_;               // before the first one
};

}  // namespace rondo::recovery
