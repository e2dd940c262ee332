// The errors of Rondo. Each names the offender and says what would be right.
//
// After any of them but MismatchError the master stays usable, and every id names exactly one state. What cannot be thrown
// to anybody (a state that cannot be packed or unpacked on its way from rank to rank) ends the job, with a line that
// names rank and state.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rondo/ids.hpp>

#pragma GCC visibility push(default)

namespace rondo {

/// The base of all errors that Rondo throws.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The master was called with inputs that do not fit its states. Thrown before anything was sent.
class InputError : public Error {
 public:
  /// `ids`: the offending states.
  InputError(const std::string& text, std::vector<StateId> ids) : Error(text), ids_(std::move(ids)) {}
  /// The offending states: without an input, unknown, or mentioned twice. Empty if no single state is at fault.
  [[nodiscard]] const std::vector<StateId>& ids() const { return ids_; }

 private:
  std::vector<StateId> ids_;
};

/// One update (or one packing or unpacking of a user's type) that threw. Rank 0 packs the inputs and unpacks outputs and states
/// that are fetched.
struct UpdateFailure {
  /// The state whose update threw.
  StateId state;
  /// Where it threw.
  Rank rank;
  /// The round of the run, counted from 0.
  std::uint64_t round;
  /// The exception's what(), or its type if that says nothing, and what is nested in it.
  std::string text;
};

/// How far a state got before its round was ended by a failure elsewhere.
struct StateProgress {
  /// The state.
  StateId state;
  std::uint64_t
      updates;  ///< updates that the failed call completed on it: for `update` 0 (before) or 1 (after)
};

/// At least one update threw. No further update was started, the round is over, and the ids are those of the round.
class UpdateError : public Error {
 public:
  /// Both lists by ascending state id.
  UpdateError(const std::string& text, std::vector<UpdateFailure> failures,
              std::vector<StateProgress> progress)
      : Error(text), failures_(std::move(failures)), progress_(std::move(progress)) {}
  /// Every failure, by ascending state id. A state in this list is as its update left it, or with --rondo-rollback as
  /// it was before.
  [[nodiscard]] const std::vector<UpdateFailure>& failures() const { return failures_; }
  /// Every state of the master, by ascending id: whether it is from before or after its update.
  [[nodiscard]] const std::vector<StateProgress>& progress() const { return progress_; }

 private:
  std::vector<UpdateFailure> failures_;
  std::vector<StateProgress> progress_;
};

/// With --rondo-check, in the place of UpdateError: the update of a state is not determined by the state's packed bytes, the
/// input, the context and call.random(). The text says what differs and what to look for. The state is as the update left it.
/// A run that has had this error ends with a non-zero status, whatever main does with it.
class CheckError : public Error {
 public:
  /// What differs, of which state, in which round of the run, and from which byte on.
  CheckError(const std::string& text, StateId state, std::uint64_t round, std::uint64_t position)
      : Error(text), state_(state), round_(round), position_(position) {}
  /// The state whose update is not determined.
  [[nodiscard]] StateId state() const { return state_; }
  /// The round of the run, counted from 0.
  [[nodiscard]] std::uint64_t round() const { return round_; }
  /// The first byte that differs, counted from 0, in the packed output or the packed state: the text says in which.
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  StateId state_;
  std::uint64_t round_;
  std::uint64_t position_;
};

/// A --rondo- option is unknown, or it or its environment twin is out of range. (Unknown RONDO_ variables are others' own.)
class OptionError : public Error {
 public:
  using Error::Error;
};

/// A checkpoint cannot be written or read.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// The ranks of this run were built differently or use different types. Thrown on every rank, before any work.
class MismatchError : public Error {
 public:
  using Error::Error;
};

/// A call of MPI failed: the text names the call and says what MPI says. The run cannot go on.
class MpiError : public Error {
 public:
  using Error::Error;
};

/// With --rondo-recover: workers stopped answering, and a state and both its copies are gone with them. The master has no
/// states then; reset() and restore() place new ones on the workers that are left, if there are any.
class WorkerLost : public Error {
 public:
  /// `rank`: the first one that is lost.
  WorkerLost(const std::string& text, Rank rank) : Error(text), rank_(rank) {}
  /// The first of them; the text names all.
  [[nodiscard]] Rank rank() const { return rank_; }

 private:
  Rank rank_;
};

}  // namespace rondo

#pragma GCC visibility pop
