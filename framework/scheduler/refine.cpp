// The placement between two rounds, refined from predicted costs: few states move, and only where a round gets shorter.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <span>

#include "scheduler/placement.hpp"

namespace rondo::scheduler {

namespace {

// Where the largest state that can go is so many times smaller than what must go, many states go at once.
constexpr double kManyAtOnce = 16;

struct Entry {
  double cost;
  Slot slot;
  float bytes;
  friend auto operator<=>(const Entry& a, const Entry& b) {
    return a.cost != b.cost ? a.cost <=> b.cost : a.slot <=> b.slot;
  }
};

// A state goes from the one to the other, and perhaps a cheaper one comes back for it.
struct Exchange {
  Entry there;
  std::optional<Entry> back;
};

// The exchange after which two workers, whose loads differ by `gap`, differ least; both lists ascend. A single state is
// preferred, as it is one move: it must only be good enough. Nothing: none would leave the higher of the loads
// lower by a tenth of the gap. O(n).
template <class Pays>
std::optional<Exchange> best_exchange(const std::vector<Entry>& from, const std::vector<Entry>& to,
                                      double gap, double good_enough, const Pays& pays) {
  std::optional<Exchange> best;
  double least = gap * 0.8;  // what is left of the gap
  const auto consider = [&](const Exchange& exchange) {
    const double moved = exchange.there.cost - (exchange.back ? exchange.back->cost : 0);
    const double left = std::abs(gap - 2 * moved);
    if (left >= least || !pays(exchange)) return;
    least = left;
    best = exchange;
  };
  // the largest state up to half of the gap, or the smallest above it
  const auto above = std::upper_bound(from.begin(), from.end(), Entry{gap / 2, UINT32_MAX, 0});
  if (above != from.begin()) consider({*std::prev(above), std::nullopt});
  if (above != from.end()) consider({*above, std::nullopt});
  if (best && least <= good_enough) return best;
  auto back = to.begin();
  for (auto there = above; there != from.end() && back != to.end(); ++there) {
    while (back != to.end() && there->cost - back->cost > gap / 2) ++back;
    if (back != to.end()) consider({*there, *back});
    if (back != to.begin()) consider({*there, *std::prev(back)});
  }
  return best;
}

struct Route {
  std::uint32_t from;
  std::uint32_t to;
};

// What the workers have to do, and which states could go elsewhere.
class Levels {
 public:
  struct Limits {
    MoveCost move;
    double bytes_max;  // per worker
    double slack;      // that may stay above the mean
  };
  Levels(const Limits& limits, std::vector<double> load, std::vector<double> bytes,
         const std::vector<std::uint32_t>& alive)
      : limits_(limits), load_(std::move(load)), bytes_(std::move(bytes)), held_(load_.size()) {
    for (const std::uint32_t w : alive) order_.emplace(load_[w], w);
    const double total = std::accumulate(load_.begin(), load_.end(), 0.0);
    mean_ = total / static_cast<double>(alive.size());
  }
  [[nodiscard]] bool even() const { return order_.rbegin()->first - mean_ <= limits_.slack; }

  // The states of all workers that are more work than their move, by worker: those of w end at ends[w]. Changes `place`, by
  // slot. O(n log n), as each of them moves few times.
  void level(std::span<const Entry> movable, std::span<const std::size_t> ends,
             std::vector<std::uint32_t>& place);

 private:
  void list(std::uint32_t worker);
  void move(const Entry& entry, const Route& route);
  [[nodiscard]] bool move_many(const Route& route);
  [[nodiscard]] bool exchange(const Route& route);
  [[nodiscard]] bool fits(std::uint32_t worker, float in, float out) const {
    return bytes_[worker] + in - out <= limits_.bytes_max;
  }

  const Limits limits_;
  std::vector<double> load_;
  std::vector<double> bytes_;
  double mean_ = 0;
  std::set<std::pair<double, std::uint32_t>> order_;  // of the workers that may give or get, by load
  std::span<const Entry> movable_;
  std::span<const std::size_t> ends_;
  std::vector<std::uint32_t>* place_ = nullptr;
  std::vector<std::optional<std::vector<Entry>>> held_;  // by worker; ascending, listed when it matters
};

void Levels::list(std::uint32_t worker) {
  if (held_[worker]) return;
  const std::size_t begin = worker == 0 ? 0 : ends_[worker - 1];
  const auto mine = movable_.subspan(begin, ends_[worker] - begin);
  std::vector<Entry>& entries = held_[worker].emplace(mine.begin(), mine.end());
  std::sort(entries.begin(), entries.end());
}

void Levels::move(const Entry& entry, const Route& route) {
  const auto& [from, to] = route;
  load_[from] -= entry.cost;
  load_[to] += entry.cost;
  bytes_[from] -= entry.bytes;
  bytes_[to] += entry.bytes;
  (*place_)[entry.slot] = to;
}

// Takes states from the one to the other, longest first, until one of them is close to the mean. Whether there were many; then
// no search for the best one pays. O(n).
bool Levels::move_many(const Route& route) {
  const auto& [from, to] = route;
  std::vector<Entry>& mine = *held_[from];
  double amount = std::min(load_[from] - mean_ - limits_.slack / 2, mean_ - load_[to]);
  const auto above = std::upper_bound(mine.begin(), mine.end(), Entry{amount, UINT32_MAX, 0});
  if (above == mine.begin() || kManyAtOnce * std::prev(above)->cost > amount) return false;
  std::vector<Entry> gone;
  auto next = above, kept = above;
  while (next != mine.begin() && mine.front().cost <= amount) {
    --next;
    if (next->cost <= amount && fits(to, next->bytes, 0)) {
      amount -= next->cost;
      move(*next, route);
      gone.push_back(*next);
    } else {
      *--kept = *next;
    }
  }
  mine.erase(next, kept);
  std::vector<Entry>& theirs = *held_[to];
  const auto before = theirs.insert(theirs.end(), gone.rbegin(), gone.rend());
  std::inplace_merge(theirs.begin(), before, theirs.end());
  return !gone.empty();
}

// Whether there was a state whose move shortens the round by more than it takes.
bool Levels::exchange(const Route& route) {
  const std::uint32_t from = route.from, to = route.to;
  std::vector<Entry>&mine = *held_[from], &theirs = *held_[to];
  const auto pays = [&](const Exchange& e) {
    double saved = e.there.cost - limits_.move.of_state(e.there.bytes).count();
    if (e.back) saved -= e.back->cost + limits_.move.of_state(e.back->bytes).count();
    return saved > 0 && fits(to, e.there.bytes, e.back ? e.back->bytes : 0) &&
           (!e.back || fits(from, e.back->bytes, e.there.bytes));
  };
  const std::optional<Exchange> best =
      best_exchange(mine, theirs, load_[from] - load_[to], limits_.slack, pays);
  if (!best) return false;
  const auto take = [&](const Entry& entry, std::vector<Entry>& away, std::vector<Entry>& home) {
    away.erase(std::lower_bound(away.begin(), away.end(), entry));
    home.insert(std::upper_bound(home.begin(), home.end(), entry), entry);
  };
  take(best->there, mine, theirs);
  move(best->there, route);
  if (best->back) {
    take(*best->back, theirs, mine);
    move(*best->back, {to, from});
  }
  return true;
}

void Levels::level(std::span<const Entry> movable, std::span<const std::size_t> ends,
                   std::vector<std::uint32_t>& place) {
  movable_ = movable;
  ends_ = ends;
  place_ = &place;
  // each step shortens the most loaded worker; the limit is for costs that rounding could keep going for ever
  for (std::size_t step = 0; step < 2 * movable.size() && order_.size() > 1 && !even(); ++step) {
    const std::uint32_t from = order_.rbegin()->second;
    const std::uint32_t to = order_.begin()->second;
    list(from);
    list(to);
    const std::pair<double, std::uint32_t> giving{load_[from], from}, getting{load_[to], to};
    const bool moved = move_many({from, to}) || exchange({from, to});
    order_.erase(giving);
    if (!moved) continue;  // nothing of this one helps any more
    order_.erase(getting);
    order_.emplace(load_[from], from);
    order_.emplace(load_[to], to);
  }
}

// Makes these workers, one per slot, the owners.
std::vector<command::Move> bring(StateTable& states, const std::vector<std::uint32_t>& place) {
  std::map<std::pair<Worker, Worker>, std::vector<Slot>> moves;
  for (Slot slot = 0; slot < states.size(); ++slot) {
    const Worker from = states[slot].owner, to{place[slot]};
    if (from == to) continue;
    moves[{from, to}].push_back(slot);
    states.own(slot, to, states[slot].hop + 1);
  }
  std::vector<command::Move> commands;
  for (auto& [pair, slots] : moves) commands.push_back({pair.first, pair.second, std::move(slots)});
  return commands;
}

}  // namespace

std::vector<command::Move> refine(StateTable& states, const Settings& settings, Seconds latency) {
  if (states.alive().size() < 2) return {};
  bool pays = false;
  for (Slot slot = 0; slot < states.size() && !pays; ++slot)
    pays = settings.move.pays(states.expected(slot), states[slot].bytes);
  if (!pays) return {};

  std::vector<std::uint32_t> place = spread_long(states, settings);  // the worker of each slot
  std::vector<double> load(states.workers(), 0), bytes(states.workers(), 0);
  std::vector<std::size_t> ends(states.workers() + 1,
                                0);  // how many movable states the workers before one have
  for (Slot slot = 0; slot < states.size(); ++slot) {
    const double cost = states.expected(slot);
    load[place[slot]] += cost;
    bytes[place[slot]] += states[slot].bytes;
    ends[place[slot] + 1] += settings.move.pays(cost, states[slot].bytes) ? 1 : 0;
  }
  const double mean =
      std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(states.alive().size());
  const double slack = std::max(settings.tolerance * mean, least_difference(latency).count());
  Levels levels({settings.move, settings.bytes_max, slack}, std::move(load), std::move(bytes),
                states.alive());
  if (!levels.even()) {
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    std::vector<Entry> movable(ends.back());
    for (Slot slot = 0; slot < states.size(); ++slot) {
      const Entry entry{states.expected(slot), slot, states[slot].bytes};
      if (settings.move.pays(entry.cost, entry.bytes)) movable[ends[place[slot]]++] = entry;
    }
    levels.level(movable, ends, place);
  }
  return bring(states, place);
}

// A state moves after stays of 1, 2, 4 or 8 calls: a short stay shows what its object loses on the way, a long one shows
// what its object gathers meanwhile. Every eighth call each state changes the length of its stays. A state stays where it
// is if the next worker has no memory for it.
std::vector<command::Move> rotate(StateTable& states, const Settings& settings, std::uint64_t calls) {
  constexpr std::uint64_t kLengths = 4;
  std::vector<std::uint32_t> place(states.size());
  std::vector<double> bytes = states.bytes_held();
  for (Slot slot = 0; slot < states.size(); ++slot) {
    const State& state = states[slot];
    const std::uint64_t stay = std::uint64_t{1} << (slot + calls / 8 + 1) % kLengths;
    const auto after = std::upper_bound(states.alive().begin(), states.alive().end(), index(state.owner));
    const std::uint32_t next = after != states.alive().end() ? *after : states.alive().front();
    const bool moves = calls % stay == 0 && bytes[next] + state.bytes <= settings.bytes_max;
    place[slot] = moves ? next : index(state.owner);
    if (moves) bytes[next] += state.bytes;
  }
  return bring(states, place);
}

}  // namespace rondo::scheduler
