// The placement between two rounds, refined from predicted costs: few states move, and only where a round gets shorter.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {

namespace {

struct Entry {
  double cost;
  Slot slot;
  friend auto operator<=>(const Entry&, const Entry&) = default;
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
  const auto above = std::upper_bound(from.begin(), from.end(), Entry{gap / 2, UINT32_MAX});
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

void insert(std::vector<Entry>& entries, const Entry& entry) {
  entries.insert(std::upper_bound(entries.begin(), entries.end(), entry), entry);
}
void erase(std::vector<Entry>& entries, const Entry& entry) {
  entries.erase(std::lower_bound(entries.begin(), entries.end(), entry));
}

}  // namespace

std::vector<command::Move> Scheduler::refine() {
  if (alive_.size() < 2) return {};
  std::vector<std::uint32_t> place = spread_long();  // the worker of each slot
  std::vector<double> load(workers_.size(), 0);
  std::vector<std::size_t> ends(workers_.size() + 1, 0);  // how many states the workers before one have
  double total = 0;
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    load[place[slot]] += expected(slot);
    ++ends[place[slot] + 1];
  }
  for (const double each : load) total += each;
  const double mean = total / static_cast<double>(alive_.size());
  const double slack = std::max(settings_.tolerance * mean, 2 * latency_.count());
  std::set<std::pair<double, std::uint32_t>> order;
  for (const std::uint32_t w : alive_) order.emplace(load[w], w);
  // The slots by worker, in one block; a worker's own list is made when it matters, as most workers are left alone.
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<Slot> by_worker(states_.size());
  for (Slot slot = 0; slot < states_.size(); ++slot) by_worker[ends[place[slot]]++] = slot;
  std::vector<std::vector<Entry>> held(workers_.size());
  std::vector<bool> listed(workers_.size(), false);
  const auto list_sorted = [&](std::uint32_t w) {
    if (listed[w]) return;
    listed[w] = true;
    for (std::size_t i = w == 0 ? 0 : ends[w - 1]; i < ends[w]; ++i)
      held[w].push_back({expected(by_worker[i]), by_worker[i]});
    std::sort(held[w].begin(), held[w].end());
  };

  std::vector<double> bytes(workers_.size(), 0);
  for (Slot slot = 0; slot < states_.size(); ++slot) bytes[place[slot]] += states_[slot].bytes;
  const auto move = [&](const Entry& entry, std::uint32_t from, std::uint32_t to) {
    erase(held[from], entry);
    insert(held[to], entry);
    load[from] -= entry.cost;
    load[to] += entry.cost;
    bytes[from] -= states_[entry.slot].bytes;
    bytes[to] += states_[entry.slot].bytes;
    place[entry.slot] = to;
  };
  const auto fits = [&](std::uint32_t worker, Slot in, std::optional<Entry> out) {
    const double freed = out ? states_[out->slot].bytes : 0;
    return bytes[worker] + states_[in].bytes - freed <= settings_.bytes_max;
  };
  // each step shortens the most loaded worker; the limit is for costs that rounding could keep going for ever
  for (std::size_t step = 0; step < 2 * states_.size() && order.size() > 1; ++step) {
    const std::uint32_t from = order.rbegin()->second;
    const std::uint32_t to = order.begin()->second;
    if (load[from] - mean <= slack) break;
    list_sorted(from);
    list_sorted(to);
    const auto exchange =
        best_exchange(held[from], held[to], load[from] - load[to], slack, [&](const Exchange& e) {
          double saved = e.there.cost - settings_.move.of_state(states_[e.there.slot].bytes).count();
          if (e.back) saved -= e.back->cost + settings_.move.of_state(states_[e.back->slot].bytes).count();
          return saved > 0 && fits(to, e.there.slot, e.back) &&
                 (!e.back || fits(from, e.back->slot, e.there));
        });
    order.erase({load[from], from});
    if (!exchange) continue;  // nothing of this one helps any more
    order.erase({load[to], to});
    move(exchange->there, from, to);
    if (exchange->back) move(*exchange->back, to, from);
    order.emplace(load[from], from);
    order.emplace(load[to], to);
  }
  return bring(place);
}

// A state moves after stays of 1, 2, 4 or 8 calls: a short stay shows what its object loses on the way, a long one shows
// what its object gathers meanwhile. Every eighth call each state changes the length of its stays.
std::vector<command::Move> Scheduler::rotate() {
  constexpr std::uint64_t kLengths = 4;
  std::vector<std::uint32_t> place(states_.size());
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    const std::uint64_t stay = std::uint64_t{1} << (slot + calls_ / 8 + 1) % kLengths;
    const std::uint32_t owner = index(states_[slot].owner);
    const auto next = std::upper_bound(alive_.begin(), alive_.end(), owner);
    place[slot] = calls_ % stay != 0 ? owner : next != alive_.end() ? *next : alive_.front();
  }
  return bring(place);
}

// Makes these workers, one per slot, the owners.
std::vector<command::Move> Scheduler::bring(const std::vector<std::uint32_t>& place) {
  std::map<std::pair<Worker, Worker>, std::vector<Slot>> moves;
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    const Worker from = states_[slot].owner, to{place[slot]};
    if (from == to) continue;
    moves[{from, to}].push_back(slot);
    own(slot, to, states_[slot].hop + 1);
  }
  std::vector<command::Move> commands;
  for (auto& [pair, slots] : moves) commands.push_back({pair.first, pair.second, std::move(slots)});
  return commands;
}

}  // namespace rondo::scheduler
