// A worker of the virtual machine: two threads, of which one communicates and one computes, round the same WorkQueue as
// the engine's worker, and with its rules for reports, gifts and states that are still on their way.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "scheduler/reporting.hpp"
#include "scheduler/work_queue.hpp"
#include "simulation/agenda.hpp"
#include "simulation/cores.hpp"
#include "simulation/network.hpp"
#include "simulation/outgoing.hpp"

namespace rondo::simulation {

// Sees what happens, and takes no part.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void decided(Time, const scheduler::Event&, const std::vector<scheduler::Command>&,
                       const scheduler::Scheduler&) {}
  virtual void updates(scheduler::Worker, const scheduler::Job&, std::uint64_t /*round*/, Time /*start*/,
                       Seconds) {}
  virtual void sends(scheduler::Worker, const Message&) {}
  // Where workers may be lost: an output has come to the master, for the first time.
  virtual void output(StateId, std::uint64_t /*round*/, Contents) {}
};

// What all workers of a simulation have in common.
struct Common {
  const Settings& settings;
  const Workload& workload;
  Agenda& agenda;
  Network& network;
  Cores& cores;
  Outgoing& outgoing;
  Place master;
  std::vector<Place> whereabouts;  // of each state, by id; kTravelling
  Observer* observer = nullptr;
  std::vector<Holding> holdings = {};  // of each state, by id, where workers may be lost

  static constexpr Place kTravelling = UINT32_MAX;

  // A worker's threads: one communicates, one computes. The master's is that of its place.
  [[nodiscard]] Cores::Thread computing(Place worker) const { return master + 1 + worker; }
};

class VirtualWorker {
 public:
  VirtualWorker(Common& common, Place self) : common_(&common), self_(self) {
    if (common.settings.recover) memory_.emplace();
  }

  void arrives(Message* message);  // waits for the thread that communicates
  void take(Message* message);     // is its turn
  void awake();                    // the update has slept, and wants a core
  void update_ends();
  void timer();
  void bundle_due();
  void free_again();  // the thread that communicates
  void replay_ends(Message* message);

  // A reset's: the state is here.
  void place(StateId state) { common_->whereabouts[value(state)] = self_; }
  // It counts as lost: whatever it does and holds from now on is nobody's business but its own.
  void exile();

 private:
  struct Send {
    Place to;
  };
  struct Multiply {
    std::vector<Share> shares;
  };
  struct BackUp {
    std::uint64_t number;
    Place to;
  };
  using Order = std::variant<Send, Multiply, BackUp>;

  void handle(Message* message);
  void assign(Message* message);
  void take_in(Message* message);
  void give(const Message& message);
  void input(const Message& message);
  void begin(const Call& call);
  void plan();
  void spend(Seconds time) { common_->cores.spend(self_, time); }
  void arrive(StateId id);
  void order(StateId id, const Order& order);
  void send_state(Place to, const Parcel& parcel);
  void flush();
  void send(Message* message);
  void compute();
  void poll();
  void report();
  [[nodiscard]] Time report_due() const;
  [[nodiscard]] bool late(Time now) const;
  [[nodiscard]] Seconds low(Time now) const;
  [[nodiscard]] bool here(StateId id) const { return common_->whereabouts[value(id)] == self_; }
  [[nodiscard]] Message* message(Message::Kind kind, Place to) const;

  // The leader of this worker's group, if there is a relay: virtual_worker_relay.cpp.
  [[nodiscard]] std::optional<Place> leader() const;
  void relay(Message* message);
  void put_up(Message* message);
  void send_up();

  // Lost workers: virtual_worker_recovery.cpp.
  [[nodiscard]] bool is_void(const Message& message) const;
  [[nodiscard]] bool is_early(const Message& message) const;
  void recover(Message& message);
  void copy_out(StateId id, const BackUp& order);
  void take_copies(const Message& message);
  void take_lost(const LossNote& loss);
  void send_census();
  void resume(const Message& message);
  void begin_replay(Message& message);
  void remember(const scheduler::Job& job, bool threw);

  Common* common_;
  Place self_;
  scheduler::WorkQueue queue_;
  Call call_;
  std::uint32_t inputs_ = 0;  // rounds whose inputs are here
  std::vector<Message*> early_;
  std::unordered_map<StateId, std::vector<Order>> orders_;
  std::map<Place, Message*> outgoing_;
  std::vector<scheduler::Done> done_;
  std::vector<StateId> failures_;
  Seconds duration_{0};  // of the running update
  Time started_{0};      // when it did
  Time began_{0};        // the call
  Seconds planned_{0};   // what it had to do when it was told last, as far as costs are known
  Time told_{0};         // when it would end, by what it has told last
  Time last_report_{0};
  Message* bundle_ = nullptr;  // for the master, being filled
  Time sent_up_{-1};           // when the last one went
  std::size_t waiting_ = 0;    // messages
  bool timer_planned_ = false;
  bool relay_planned_ = false;
  bool poll_planned_ = false;
  bool report_due_ = false;
  bool low_told_ = false;
  bool stopping_ = false;
  bool computing_ = false;
  std::optional<WorkerMemory> memory_;    // where workers may be lost
  std::map<Place, Message*> copies_out_;  // kCopies messages being filled
  std::shared_ptr<Common> alone_;         // in exile
};

}  // namespace rondo::simulation
