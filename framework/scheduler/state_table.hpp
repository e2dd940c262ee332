// The states of the ensemble, as rank 0 knows them: which worker owns each, how large it is, and how long its update takes.
//
// Pure, as all of scheduler/. Lives on rank 0, used from one thread. The placement and the running call share one table.
//
// Invariants: slots are in the order of the ids. Every state has one owner, and bytes_held() of a worker is the sum over the states
// that it owns. The hop of a state only grows, until replace() or recover().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <rondo/ids.hpp>

#include "scheduler/cost.hpp"
#include "scheduler/types.hpp"

namespace rondo::scheduler {

struct State {
  StateId id{};
  Worker owner{};
  std::uint32_t hop = 0;          // how often it has changed its owner
  std::uint32_t rounds_done = 0;  // of the running or last call
  float bytes = 0;                // packed; 0 until it is known
  Cost cost;
};

class StateTable {
 public:
  explicit StateTable(std::uint32_t workers);

  [[nodiscard]] std::size_t size() const { return states_.size(); }
  [[nodiscard]] const State& operator[](Slot slot) const { return states_[slot]; }
  /// Throws out_of_range for a slot that is not there.
  [[nodiscard]] const State& at(Slot slot) const { return states_.at(slot); }
  [[nodiscard]] std::uint32_t workers() const { return static_cast<std::uint32_t>(bytes_.size()); }
  /// Numbers of the workers that are not lost, ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& alive() const { return alive_; }
  /// Of the states that each worker owns, by worker.
  [[nodiscard]] const std::vector<double>& bytes_held() const { return bytes_; }
  /// Predicted seconds of an update; where the cost of a state is unknown, the mean of the known ones.
  [[nodiscard]] double expected(Slot slot) const {
    const Cost& cost = states_[slot].cost;
    return cost.known() ? cost.predicted().count() : mean_;
  }

  /// These are the states from now on. O(n).
  void replace(std::vector<State> states);
  /// The state is at this worker since its change of owner number `hop`. Does nothing if a later change is known.
  void own(Slot slot, Worker worker, std::uint32_t hop);
  void packed(Slot slot, double bytes);
  void set_cost(Slot slot, const Cost& cost) { states_[slot].cost = cost; }

  /// A call begins: no state has done any of its rounds. Says whether the cost of any state is known. O(n).
  bool begin_call();
  /// The state has done one more round.
  void did_round(Slot slot, Seconds duration);
  void set_rounds_done(Slot slot, std::uint32_t rounds) { states_[slot].rounds_done = rounds; }

  /// No state can be placed at this worker again. Throws logic_error for the last worker.
  void lose(Worker worker);
  /// Where the states are after a loss, by slot. Throws logic_error if one of them is at a worker that is lost.
  void recover(std::span<const Worker> owners);

 private:
  void count_bytes();

  std::vector<State> states_;
  std::vector<double> bytes_;         // by worker
  std::vector<std::uint32_t> alive_;  // ascending
  double mean_ = 1e-3;  // of the known costs, at the start of the last call in which there were any
};

}  // namespace rondo::scheduler
