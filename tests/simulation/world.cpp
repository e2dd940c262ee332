#include "simulation/world.hpp"

#include <malloc.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "simulation/ports.hpp"

namespace rondo::simulation {

using Kind = Happening::Kind;

namespace {

// A rank has ended the run. One world at a time does that.
thread_local std::optional<int> aborted;

[[noreturn]] void abort_run(int status) {
  aborted = status;
  throw Aborted{status};
}

}  // namespace

World::World(const WorldSettings& settings, checkpoint::Storage& storage, const detail::Program& program)
    : settings_(settings),
      size_(settings.ranks),
      storage_(storage),
      program_(program),
      network_(settings_.machine, settings.seed, agenda_),
      cores_(settings_.machine, std::size_t{size_} * 2, agenda_),
      outgoing_(settings_.machine, cores_, network_, size_) {
  aborted.reset();
  // memory of states and messages comes and goes: it is not to go back to the system each time
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  ranks_.resize(size_);
  for (Place p = 0; p < size_; ++p) {
    ranks_[p].disk = std::make_unique<Disk>(*this, p);
    ranks_[p].platform = std::make_unique<Platform>(*this, p);
    ranks_[p].port = std::make_unique<Port>(*this, p);
  }
  for (Place p = 1; p < size_; ++p) {
    place_ = p;
    ranks_[p].server = std::make_unique<engine::Server>(*ranks_[p].port, host_of(p, nullptr), program_);
  }
  place_ = 0;
}

World::~World() {
  // what is destroyed now ends without a trace
  for (Rank_& rank : ranks_) rank.fate = Fate::kDead;
  aborted.reset();
}

engine::Host World::host_of(Place place, engine::Observer* observer) {
  return {*ranks_[place].disk, abort_run, nullptr, nullptr, nullptr, observer, *ranks_[place].platform};
}

transport::Transport& World::transport() { return *ranks_[0].port; }
engine::Host World::host(engine::Observer* observer) { return host_of(0, observer); }

int World::run(const engine::Options& options, const engine::Main& main, engine::Observer* observer) {
  try {
    return engine::run_master(transport(), host(observer), program_, options, main);
  } catch (const Aborted& run) {
    return run.status;
  }
}

void World::require_going() const {
  if (ranks_[0].fate == Fate::kDead) throw Killed();
  if (aborted) throw Aborted{*aborted};
  if (agenda_.now().count() > settings_.limit) throw Hangs();
}

// ---- time

void World::charge(Seconds time) {
  if (piece_) {
    *piece_ += time;
    return;
  }
  if (place_ == 0) master_busy_ += time;
  cores_.spend(place_, time);
}

// Which costs do not matter where each thread has its own core: then the time when it is done is known.
void World::catch_up() {
  if (!cores_.shared()) {
    while (!agenda_.empty() && agenda_.due() <= cores_.free(0)) step();
    return agenda_.advance(cores_.free(0));
  }
  if (!cores_.busy(0)) return;
  handled_ = false;
  cores_.then(0, Kind::kHandled, 0);
  while (!handled_) step();
}

void World::settle() {
  while (!agenda_.empty()) step();
}

// ---- the course of events

void World::step() {
  const Happening happening = agenda_.next();
  note(happening);
  if (happening.kind == Kind::kCore) return cores_.turn(happening.place);
  if (happening.kind == Kind::kFault) {
    strike(faults_[happening.place]);
    return require_going();
  }
  if (strikes(happening)) return;
  const Place before = std::exchange(place_, happening.place);
  happens(happening);
  place_ = before;
}

void World::note(const Happening& happening) {
  ++happenings_;
  const std::uint64_t words[] = {
      std::bit_cast<std::uint64_t>(happening.time),
      static_cast<std::uint64_t>(happening.kind) << 32 | happening.place,
      happening.message == nullptr ? 0 : std::bit_cast<std::uint64_t>(happening.message->bytes)};
  for (const std::uint64_t word : words) {
    course_ = (course_ ^ word) * 0x9e3779b97f4a7c15;
    course_ ^= course_ >> 29;
  }
}

void World::happens(const Happening& happening) {
  Rank_& rank = ranks_[happening.place];
  switch (happening.kind) {
    case Kind::kArrives: return arrives(happening.message);
    case Kind::kHandled:
      if (happening.message == nullptr) {
        handled_ = true;
        return;
      }
      --rank.arriving;
      rank.inbox.push_back(happening.message);
      step_server(happening.place);
      if (rank.arriving == 0) outgoing_.look_round(happening.place);
      return;
    case Kind::kAwake:
      if (rank.computing != nullptr) rank.computing->awake();
      return;
    case Kind::kUpdateEnds:
      if (rank.computing != nullptr) rank.computing->ends();
      return;
    case Kind::kWritten:
      if (rank.writing != nullptr) rank.writing->ends();
      return;
    case Kind::kTimer:
      if (rank.timer == happening.time) poll_later(happening.place);
      return;
    case Kind::kPoll: rank.poll_planned = false; return step_server(happening.place);
    case Kind::kLeaves: return outgoing_.leaves(happening.message);
    case Kind::kLook: return outgoing_.look(happening.place);
    default: throw std::logic_error("simulation: what is this?");
  }
}

void World::arrives(Message* message) {
  const Place to = message->to;
  has_left(*message);
  Rank_& rank = ranks_[to];
  if (rank.ended) return agenda_.release(message);
  if (to == 0) {
    rank.inbox.push_back(message);
    return;
  }
  ++rank.arriving;
  cores_.spend(to, receive_time(*message));
  cores_.then(to, Kind::kHandled, to, message);
}

// The sender need not keep it any more.
void World::has_left(const Message& message) {
  Rank_& sender = ranks_[message.from];
  const auto found = sender.unsent_to.find(message.to);
  if (found == sender.unsent_to.end()) return;  // forgotten
  found->second -= message.payload.size();
  sender.unsent -= message.payload.size();
}

Seconds World::receive_time(const Message& message) const {
  const Machine& machine = settings_.machine;
  if (message.to != 0) return machine.worker_message + Seconds(message.bytes / machine.copying);
  return machine.master_message + Port::parts_of(message.payload) * machine.master_part +
         Seconds(message.bytes / machine.master_bandwidth + message.bytes / machine.copying);
}

Seconds World::send_time(Place from, const Buffer& message) const {
  const Machine& machine = settings_.machine;
  if (from != 0) return machine.worker_message + Port::parts_of(message) * machine.leader_part;
  constexpr double kJobBytes = 40;
  const auto bytes = static_cast<double>(message.size());
  const Seconds contents = Port::is_list(message) ? bytes / kJobBytes * machine.master_item
                                                  : Seconds(bytes / machine.master_bandwidth);
  return machine.master_message + Port::parts_of(message) * machine.master_part + contents;
}

// ---- the other ranks

void World::step_server(Place place) {
  Rank_& rank = ranks_[place];
  if (rank.ended) return;
  if (place == 0) {
    rank.woken = true;
    return;
  }
  rank.ended = !rank.server->step();
  if (rank.ended) return;
  look(place);
  plan_timer(place);
}

// Whether there is something for the executors.
void World::look(Place place) {
  Rank_& rank = ranks_[place];
  if (rank.computing != nullptr) rank.computing->look();
  if (rank.writing != nullptr) rank.writing->look();
}

// Longer than that nothing is due: the server waits for a message.
void World::plan_timer(Place place) {
  constexpr double kIdle = 1, kLeast = 1e-6;
  Rank_& rank = ranks_[place];
  const double patience = rank.server->patience().count();
  const double now = agenda_.now().count();
  if (patience >= kIdle) return;
  const double at = now + std::max(patience, kLeast);
  if (rank.timer > now && rank.timer <= at) return;
  rank.timer = at;
  agenda_.plan(Time(at), Kind::kTimer, place);
}

// As soon as the thread that communicates is free.
void World::poll_later(Place place) {
  Rank_& rank = ranks_[place];
  if (std::exchange(rank.poll_planned, true)) return;
  cores_.then(place, Kind::kPoll, place);
}

// ---- faults

void World::plan_fault(const Fault& fault, Seconds after) {
  faults_.push_back(fault);
  agenda_.plan(now() + after, Kind::kFault, static_cast<Place>(faults_.size() - 1));
}

void World::strike(const Fault& fault) {
  Rank_& rank = ranks_[fault.place];
  if (rank.fate == Fate::kDead || rank.ended) return;
  ++struck_;
  switch (fault.kind) {
    case Fault::Kind::kDies:
      rank.fate = Fate::kDead;
      for (const Happening& each : std::exchange(rank.held_back, {})) (void)strikes(each);
      return;
    case Fault::Kind::kStandsStill:
      if (fault.place == 0) return cores_.spend(0, fault.time);
      rank.fate = Fate::kStandsStill;
      agenda_.plan(now() + fault.time, Kind::kGoesOn, fault.place);
      return;
    case Fault::Kind::kSignal:
      rank.wish = std::max(rank.wish, fault.wish);
      if (fault.place != 0) poll_later(fault.place);
      return;
  }
}

// Whether a fault keeps this from happening.
bool World::strikes(const Happening& happening) {
  Rank_& rank = ranks_[happening.place];
  if (happening.kind == Kind::kGoesOn) {
    if (rank.fate != Fate::kStandsStill) return true;
    rank.fate = Fate::kLives;
    for (const Happening& each : std::exchange(rank.held_back, {}))
      agenda_.plan(now(), each.kind, each.place, each.message);
    return true;
  }
  switch (rank.fate) {
    case Fate::kLives: return false;
    case Fate::kStandsStill: rank.held_back.push_back(happening); return true;
    case Fate::kDead:
      if (happening.message == nullptr) return true;
      if (happening.kind == Kind::kArrives) has_left(*happening.message);
      agenda_.release(happening.message);
      return true;
  }
  return true;
}

}  // namespace rondo::simulation
