// A virtual machine that runs the engine itself: the real Master and the real Workers, in virtual time, in one thread.
//
// Rank 0 is the thread that calls. Whenever its transport waits, the world goes on: messages arrive, the other ranks' servers take
// their steps, updates end, until there is something for rank 0. What messages, packing and updates take is charged to the threads of
// the virtual machine (Cores) and to its network (Network).
//
// Pure and seeded: the same settings, program and calls give the same course of events, everywhere.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <rondo/detail/program.hpp>

#include "checkpoint/storage.hpp"
#include "engine/messages.hpp"
#include "engine/options.hpp"
#include "engine/server.hpp"
#include "engine/session.hpp"
#include "simulation/agenda.hpp"
#include "simulation/cores.hpp"
#include "simulation/network.hpp"
#include "simulation/outgoing.hpp"

namespace rondo::simulation {

// Thrown out of rank 0 where its process ends: nothing of it is left. No std::exception: nobody may take it for an error.
struct Killed {};
// The same where a rank has ended the run, with this status.
struct Aborted {
  int status;
};
// Thrown out of rank 0 where the run has taken longer than the limit: it hangs.
struct Hangs {};

struct WorldSettings {
  std::uint32_t ranks = 2;
  std::uint32_t nodes = 1;  // that the ranks are on by turns
  Machine machine;
  std::uint64_t seed = 1;  // of the latencies' jitter
  double limit = 1e6;      // seconds of virtual time that the run may take
  Seconds disk{100e-6};    // that a piece of a checkpoint takes to be written
};

class World {
 public:
  // The other ranks say hello. The storage and the program outlive the world.
  World(const WorldSettings& settings, checkpoint::Storage& storage, const detail::Program& program);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- rank 0

  // A whole run, as rondo::run: returns its status. Throws Killed and Hangs; a rank that ends the run gives the status.
  int run(const engine::Options& options, const engine::Main& main, engine::Observer* observer = nullptr);
  // Or by hand: for a Master.
  [[nodiscard]] transport::Transport& transport();
  [[nodiscard]] engine::Host host(engine::Observer* observer = nullptr);
  // Nothing happens at rank 0 until nothing is on its way any more.
  void settle();
  // Rank 0 has done what it was told: its time is the world's.
  void catch_up();

  // ---- for the kernel of the program

  // What runs now takes so long: an update, or the thread that communicates.
  void charge(Seconds time);
  // The rank that runs now.
  [[nodiscard]] Place place() const { return place_; }

  // ---- faults, so much later

  void dies(Place place, Seconds after) { plan_fault({Fault::Kind::kDies, place, {}, {}}, after); }
  void stands_still(Place place, Seconds after, Seconds time) {
    plan_fault({Fault::Kind::kStandsStill, place, time, {}}, after);
  }
  void signal(Place place, Seconds after, engine::StopRequest wish) {
    plan_fault({Fault::Kind::kSignal, place, {}, wish}, after);
  }
  // Called after a rank has sent a message.
  std::function<void(Place from, Place to, engine::Kind kind)> sent;
  // Whom rank 0 has given up.
  std::function<void(Place)> forgotten;

  // ---- what has happened

  [[nodiscard]] Time now() const { return agenda_.now(); }
  // When rank 0 has done what it was told.
  [[nodiscard]] Time master_time() const { return cores_.free(0); }
  [[nodiscard]] const Cores& cores() const { return cores_; }
  // The thread of a rank that computes; the one that communicates has the number of the rank.
  [[nodiscard]] Cores::Thread computing(Place place) const { return size_ + place; }
  [[nodiscard]] std::uint64_t happenings() const { return happenings_; }
  [[nodiscard]] std::uint64_t messages() const { return network_.sent(); }
  [[nodiscard]] std::uint64_t master_messages() const { return master_messages_; }
  [[nodiscard]] Seconds master_busy() const { return master_busy_; }
  // A hash of all that has happened and when: equal courses are equal to the last bit.
  [[nodiscard]] std::uint64_t course() const { return course_; }
  [[nodiscard]] bool is_alive(Place place) const { return ranks_[place].fate != Fate::kDead; }
  // Faults that have struck a rank that was there.
  [[nodiscard]] std::uint64_t struck() const { return struck_; }

 private:
  class Port;
  class Platform;
  class Computing;
  class Writing;
  class Disk;

  enum class Fate : std::uint8_t { kLives, kStandsStill, kDead };
  struct Fault {
    enum class Kind : std::uint8_t { kDies, kStandsStill, kSignal } kind;
    Place place;
    Seconds time;
    engine::StopRequest wish;
  };
  struct Rank_ {
    std::unique_ptr<Disk> disk;
    std::unique_ptr<Platform> platform;
    std::unique_ptr<Port> port;
    std::unique_ptr<engine::Server> server;
    Computing* computing = nullptr;
    Writing* writing = nullptr;
    std::deque<Message*> inbox;
    std::uint32_t arriving = 0;  // messages that the thread which communicates has not come to
    std::size_t unsent = 0;      // bytes on their way, but for those to ranks that it has forgotten
    std::unordered_map<Place, std::size_t> unsent_to;
    double timer = -1;
    bool poll_planned = false;
    bool woken = false;
    bool ended = false;
    Fate fate = Fate::kLives;
    std::vector<Happening> held_back;  // while it stands still
    engine::StopRequest wish = engine::StopRequest::kNone;
  };

  void step();
  void happens(const Happening& happening);
  [[nodiscard]] bool strikes(const Happening& happening);
  void plan_fault(const Fault& fault, Seconds after);
  void strike(const Fault& fault);
  void arrives(Message* message);
  void has_left(const Message& message);
  void step_server(Place place);
  void look(Place place);
  void poll_later(Place place);
  void plan_timer(Place place);
  void require_going() const;
  void note(const Happening& happening);
  [[nodiscard]] Seconds send_time(Place from, const Buffer& message) const;
  [[nodiscard]] Seconds receive_time(const Message& message) const;
  [[nodiscard]] engine::Host host_of(Place place, engine::Observer* observer);

  const WorldSettings settings_;
  const Place size_;
  checkpoint::Storage& storage_;
  const detail::Program program_;
  Agenda agenda_;
  Network network_;
  Cores cores_;
  Outgoing outgoing_;
  std::vector<Rank_> ranks_;
  std::vector<Fault> faults_;  // by number
  Place place_ = 0;
  std::optional<Seconds> piece_;  // what the piece that runs now has taken
  bool handled_ = false;          // rank 0 has done what it was told
  std::uint64_t hellos_ = 0;
  std::uint64_t runs_ = 0;
  std::uint64_t happenings_ = 0;
  std::uint64_t master_messages_ = 0;
  Seconds master_busy_{0};
  std::uint64_t course_ = 0;
  std::uint64_t struck_ = 0;
};

}  // namespace rondo::simulation
