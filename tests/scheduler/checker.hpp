// What must hold whatever happens: watches a simulation, event by event, against a model of a few arrays.
#pragma once

#include <map>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "simulation/simulation.hpp"

namespace rondo::simulation {

// Keeps what is wrong as text; nothing is thrown, so that the scenario can be told beside it.
class Checker : public Observer {
 public:
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

  // After a reset or a resample: states are where the scheduler has planned them.
  void placed(const scheduler::Scheduler& s, const std::vector<scheduler::Copy>& copies = {}) {
    owners_.clear();
    hops_.clear();
    for (scheduler::Slot slot = 0; slot < s.size(); ++slot) {
      owners_.push_back(s.owner(slot));
      hops_.push_back(s.hop(slot));
      if (slot > 0) require(s.id(slot - 1) < s.id(slot), "ids do not ascend");
    }
    sizes(s);
    for (const scheduler::Copy& copy : copies)
      require(copy.from == copy.to || s.bytes_held(copy.to) <= s.settings().bytes_max,
              "copies where there is no memory for them");
    held_ = bytes_of_workers(s);
  }

  void updates(scheduler::Worker worker, scheduler::Slot slot, std::uint32_t round, Time start,
               Seconds duration) override {
    require(slot < updates_.size(), "an update of a slot that is not");
    State& state = updates_[slot];
    require(round == state.rounds, "a round out of order or twice");
    require(start >= state.end, "a state in two updates at once");
    require(stopped_.count(worker) == 0, "an update after the worker has stopped");
    ++state.rounds;
    state.end = start + duration;
    state.at = worker;
  }

  void decided(Time now, const scheduler::Event& event, const std::vector<scheduler::Command>& commands,
               const scheduler::Scheduler& s) override {
    require(now >= last_, "time goes back");
    last_ = now;
    std::visit([&](const auto& e) { before(e, s); }, event);
    if (std::holds_alternative<scheduler::event::Begin>(event)) {
      // the jobs of these go to where the moves, which come after them, bring the states
      for (const auto& each : commands)
        if (const auto* move = std::get_if<scheduler::command::Move>(&each)) see(*move, s);
    }
    for (const auto& each : commands) {
      if (std::holds_alternative<scheduler::command::Move>(each) &&
          std::holds_alternative<scheduler::event::Begin>(event))
        continue;
      std::visit([&](const auto& c) { see(c, s); }, each);
    }
    for (scheduler::Slot slot = 0; slot < s.size(); ++slot) {
      require(s.owner(slot) == owners_[slot], "another owner than the events say");
      require(s.hop(slot) == hops_[slot], "another hop than the events say");
      require(s.rounds_done(slot) == done_[slot], "other rounds done than the reports say");
    }
    sizes(s);
    // only what is brought to a worker is limited: it keeps what it has
    const std::vector<double> held = bytes_of_workers(s);
    for (std::size_t w = 0; w < held.size(); ++w)
      require(held[w] <= std::max(held_[w], s.settings().bytes_max),
              "states where there is no memory for them");
    held_ = held;
  }

  // After a call: `rounds` for each state, unless it was cancelled.
  void ended(const Simulation& simulation, std::uint32_t rounds, bool cancelled) {
    const scheduler::Scheduler& s = simulation.scheduler();
    if (s.size() == 0 && rounds == 1) return;  // no call was needed
    require(end_, "no End");
    for (scheduler::Slot slot = 0; slot < s.size(); ++slot) {
      require(s.rounds_done(slot) <= updates_[slot].rounds, "a round reported that was not run");
      if (cancelled) continue;
      require(s.rounds_done(slot) == rounds, "a state has not done its rounds");
      require(updates_[slot].rounds == rounds, "a state ran too often");
      if (rounds == 0) continue;
      require(updates_[slot].at == s.owner(slot), "the owner is not who ran it");
    }
    if (!cancelled) require(completed_ == rounds, "not every round is complete");
  }

  // Between two calls: every state is at its owner, and what its updates have made of it.
  void fetched(Simulation& simulation) {
    require(simulation.fetch() == simulation.scheduler().size(),
            "a state is not what its updates have made of it");
  }

  bool rebalance = true;

 private:
  struct State {
    std::uint32_t rounds = 0;
    Time end{0};
    scheduler::Worker at{};
  };

  void require(bool holds, const char* text) {
    if (holds || !wrong_.empty()) return;
    std::ostringstream out;
    out << text << " (at " << last_.count() << " s of virtual time)";
    wrong_ = out.str();
  }
  // By the owners that the events tell, not by what the scheduler counts.
  [[nodiscard]] std::vector<double> bytes_of_workers(const scheduler::Scheduler& s) const {
    std::vector<double> held(s.settings().workers, 0);
    for (scheduler::Slot slot = 0; slot < s.size(); ++slot) held[index(owners_[slot])] += s.bytes(slot);
    return held;
  }
  void own(scheduler::Slot slot, scheduler::Worker worker, std::uint32_t hop) {
    if (hop < hops_[slot]) return;
    hops_[slot] = hop;
    owners_[slot] = worker;
  }

  template <class Event>
  void before(const Event&, const scheduler::Scheduler&) {}
  void before(const scheduler::event::Begin& begin, const scheduler::Scheduler& s) {
    batch_most_ = begin.batch_most;
    outstanding_.assign(s.settings().workers, 0);
    updates_.assign(s.size(), {});
    done_.assign(s.size(), 0);
    reported_.clear();
    assigned_.assign(s.size(), false);
    stopped_.clear();
    asked_.clear();
    completed_ = 0;
    stop_ = end_ = false;
  }
  void before(const scheduler::event::Report& report, const scheduler::Scheduler&) {
    for (const scheduler::Done& each : report.done) {
      require(assigned_[each.slot], "a report of a state that was not assigned");
      require(reported_.insert({each.slot, each.round}).second, "a report twice");
      ++done_[each.slot];
      --outstanding_[index(report.worker)];
      own(each.slot, report.worker, each.hop);
    }
  }
  void before(const scheduler::event::Gave& gave, const scheduler::Scheduler&) {
    require(asked_.count(gave.thief) == 1 && asked_[gave.thief] == gave.victim, "a gift nobody asked for");
    asked_.erase(gave.thief);
    outstanding_[index(gave.victim)] -= std::ssize(gave.given);
    outstanding_[index(gave.thief)] += std::ssize(gave.given);
    for (const scheduler::Given& each : gave.given) own(each.slot, gave.thief, each.hop);
  }
  void before(const scheduler::event::Stopped& stopped, const scheduler::Scheduler&) {
    stopped_.insert(stopped.worker);
  }

  void see(const scheduler::command::Move& move, const scheduler::Scheduler&) {
    require(rebalance, "a move while rebalancing is off");
    require(!stop_ && !end_, "a move after the end");
    require(move.from != move.to, "a move to where it is");
    require(!move.slots.empty(), "a move of nothing");
    for (const scheduler::Slot slot : move.slots) {
      require(owners_[slot] == move.from, "a move away from another than the owner");
      require(!assigned_[slot], "a move of a state that has a job");
      own(slot, move.to, hops_[slot] + 1);
    }
  }
  void see(const scheduler::command::Assign& assign, const scheduler::Scheduler& s) {
    require(!stop_ && !end_, "an assignment after the end");
    if (s.settings().batch > 0 && s.settings().rebalance && !many_rounds_)
      require(assign.slots.size() <= s.settings().batch, "a batch too big");
    for (const scheduler::Slot slot : assign.slots) {
      require(owners_[slot] == assign.worker, "an assignment to another than the owner");
      require(!assigned_[slot], "an assignment twice");
      assigned_[slot] = true;
    }
    require(assign.slots.size() <= batch_most_, "an assignment of more than there may be inputs for");
    std::ptrdiff_t& outstanding = outstanding_[index(assign.worker)];
    outstanding += std::ssize(assign.slots);
    require(outstanding <= 2 * static_cast<std::ptrdiff_t>(std::min<std::size_t>(batch_most_, 1 << 30)),
            "more updates at a worker than there may be inputs for");
  }
  void see(const scheduler::command::Give& give, const scheduler::Scheduler&) {
    require(rebalance, "stealing while rebalancing is off");
    require(!stop_ && !end_, "stealing after the end");
    require(give.victim != give.thief, "a thief of itself");
    require(asked_.count(give.thief) == 0, "two gifts at once for one thief");
    asked_[give.thief] = give.victim;
  }
  void see(const scheduler::command::Complete& complete, const scheduler::Scheduler&) {
    require(complete.round == completed_, "rounds complete out of order");
    ++completed_;
    for (scheduler::Slot slot = 0; slot < done_.size(); ++slot)
      require(reported_.count({slot, complete.round}) == 1, "a round complete too early");
  }
  void see(const scheduler::command::Stop&, const scheduler::Scheduler&) {
    require(!stop_ && !end_, "a second stop");
    stop_ = true;
  }
  void see(const scheduler::command::End&, const scheduler::Scheduler& s) {
    require(!end_, "a second end");
    if (stop_) require(stopped_.size() == s.settings().workers, "an end before all have stopped");
    end_ = true;
  }
  void sizes(const scheduler::Scheduler& s) {
    std::vector<double> held(s.settings().workers, 0);
    for (scheduler::Slot slot = 0; slot < s.size(); ++slot) held[index(s.owner(slot))] += s.bytes(slot);
    for (std::uint32_t w = 0; w < held.size(); ++w)
      require(std::abs(held[w] - s.bytes_held(scheduler::Worker{w})) < 1, "another sum of bytes than held");
  }

 public:
  void begins(bool many_rounds) { many_rounds_ = many_rounds; }

 private:
  std::string wrong_;
  Time last_{0};
  bool many_rounds_ = false;
  std::vector<scheduler::Worker> owners_;
  std::vector<std::uint32_t> hops_;
  std::vector<State> updates_;
  std::vector<std::uint32_t> done_;
  std::set<std::pair<scheduler::Slot, std::uint32_t>> reported_;
  std::vector<bool> assigned_;
  std::vector<double> held_;                 // bytes, by worker
  std::vector<std::ptrdiff_t> outstanding_;  // updates that are assigned and not reported, by worker
  std::size_t batch_most_ = 0;
  std::set<scheduler::Worker> stopped_;
  std::map<scheduler::Worker, scheduler::Worker> asked_;  // thief, victim
  std::uint32_t completed_ = 0;
  bool stop_ = false;
  bool end_ = false;
};

}  // namespace rondo::simulation
