// Random pipelines: stages of every kind, of which some fail, and a sink that may.
#pragma once

#include <deque>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "outcome.hpp"

namespace by_hand {

using rondo::Slot;
using rondo::Stream;

inline Stream<int> inside_the_stream(Stream<int> in, Fails fails) {
  while (int* n = co_await in.next()) co_yield fails(*n) + 1;
}

// Begins several units before it reads the first result.
inline Stream<int> in_batches(Stream<int> in, std::size_t size, Fails fails) {
  for (bool more = true; more;) {
    std::vector<Slot<int>> slots;
    while (more && slots.size() < size) {
      const int* n = co_await in.next();
      more = n != nullptr;
      if (!more) break;
      auto unit = rondo::work([fails, n = *n] { return fails(n) + 2; });
      Slot<int> slot = co_yield unit;
      slots.push_back(std::move(slot));
    }
    for (auto& slot : slots) co_yield co_await slot;
  }
}

inline Stream<int> with_the_next_begun(Stream<int> in, Fails fails) {
  std::deque<Slot<int>> open;
  std::exception_ptr error;
  for (bool more = true; more || !open.empty();) {
    while (more && (open.empty() || (open.size() < 4 && !open.front().ready()))) {
      const int* n = co_await in.next(error);
      more = n != nullptr;
      if (!more) break;
      auto unit = rondo::work([fails, n = *n] { return fails(n) - 3; });
      Slot<int> slot = co_yield unit;
      open.push_back(std::move(slot));
    }
    if (open.empty()) break;
    co_yield co_await open.front();
    open.pop_front();
  }
  if (error) std::rethrow_exception(error);
}

inline Stream<int> catches_what_a_unit_throws(Stream<int> in, Fails fails) {
  while (const int* n = co_await in.next()) {
    auto unit = rondo::work([fails, n = *n] { return fails(n); });
    Slot<int> slot = co_yield unit;
    int result = -1000;
    try {
      result = co_await slot;
    } catch (const std::out_of_range&) {
    }
    co_yield std::move(result);
  }
}

inline Stream<int> catches_what_the_input_throws(Stream<int> in, Stream<int> instead) {
  int caught = -2000;
  try {
    while (int* n = co_await in.next()) co_yield *n;
  } catch (const rondo::DeadlockError&) {
    caught = -3000;
  } catch (const std::out_of_range&) {
  }
  co_yield std::move(caught);
  co_yield rondo::elements_of(std::move(instead));
}

inline Stream<int> reads_no_result(Stream<int> in, Fails fails) {
  while (const int* n = co_await in.next()) {
    auto unit = rondo::work([fails, n = *n] { fails(n); });
    Slot<void> dropped = co_yield unit;
    static_cast<void>(dropped);
    co_yield *n;
  }
}

// Before each value a few units whose results it never reads, and then the rest of them in a nested stream.
inline Stream<int> drops(int count, int n, Fails fails) {
  for (int i = 0; i < count; ++i) {
    auto unit = rondo::work([fails, at = 1000 * n + i] { fails(at); });
    static_cast<void>(co_yield unit);
  }
  if (count > 1) co_yield rondo::elements_of(drops(count / 2, n, fails));
  co_yield std::move(n);
}

inline Stream<int> drops_many(Stream<int> in, int count, Fails fails) {
  while (const int* n = co_await in.next()) co_yield rondo::elements_of(drops(count, *n, fails));
}

// Drops what others began, and yields nothing.
inline Stream<Slot<int>> begins(Stream<int> in, Fails fails) {
  while (const int* n = co_await in.next()) {
    auto unit = rondo::work([fails, n = *n] { return fails(n); });
    Slot<int> slot = co_yield unit;
    co_yield std::move(slot);
  }
}

inline Stream<int> drops_what_others_began(Stream<int> in, Fails fails) {
  auto slots = begins(std::move(in), fails);
  int count = 0;
  while (Slot<int>* slot = co_await slots.next()) {
    const Slot<int> dropped = std::move(*slot);
    ++count;
  }
  co_yield std::move(count);
}

inline Stream<int> waits_for_ever_at(Stream<int> in, int count) {
  auto [slot, filler] = rondo::make_slot<int>(rondo::FilledBy::evaluation);
  while (const int* n = co_await in.next()) {
    if (count-- == 0) co_yield co_await slot;
    co_yield *n;
  }
}

// What a stage does with the rest of its input when it has pulled ahead of some results.
enum class Rest { ahead, plainly, in_place, in_a_loop };

inline Stream<int> ahead_of_results(Stream<int> in, Rest rest, Fails fails) {
  std::deque<Slot<int>> open;
  std::exception_ptr error;
  bool ahead = true;
  for (bool more = true; more || !open.empty();) {
    while (more && open.size() < 4) {
      bool held_up = false;
      auto next = open.empty() ? in.next(error) : in.next(error, held_up, open.front());
      const int* n = co_await next;
      if (n == nullptr) {
        more = held_up;
        if (held_up && rest != Rest::ahead) more = ahead = false;
        break;
      }
      auto unit = rondo::work([fails, n = *n] { return fails(n); });
      Slot<int> slot = co_yield unit;
      open.push_back(std::move(slot));
    }
    if (open.empty()) break;
    co_yield co_await open.front();
    open.pop_front();
  }
  if (error) std::rethrow_exception(error);
  if (ahead) co_return;
  if (rest == Rest::in_place) co_yield rondo::elements_of(std::move(in));
  if (rest == Rest::in_a_loop)
    for (int& n : rondo::sequential(std::move(in))) co_yield int(n);
  if (rest == Rest::plainly)
    while (int* n = co_await in.next()) co_yield *n;
}

// A random pipeline; equal seeds give equal ones. `kinds` of stages: with 20, those too that pull ahead of results.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t kinds = 16) : kinds_(kinds), random_(seed) {}
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  Stream<int> pipeline(int depth = 0) {
    Stream<int> stream = source(static_cast<int>(pick(120)), fails("the source"));
    for (std::uint64_t stages = 1 + pick(4); stages > 0; --stages) stream = grown(std::move(stream), depth);
    return stream;
  }

  Fails fails(const char* who) {
    const std::uint64_t one_in = pick(3) != 0 ? 0 : std::uint64_t{1} << (3 + pick(6));
    return {who, pick(1000), one_in};
  }

 private:
  Stream<int> grown(Stream<int> in, int depth) {
    switch (pick(kinds_)) {
      case 0: return inside_the_stream(std::move(in), fails("a stage"));
      case 1: return in_batches(std::move(in), 1 + pick(9), fails("a batch"));
      case 2: return with_the_next_begun(std::move(in), fails("a window"));
      case 3: return catches_what_a_unit_throws(std::move(in), {"a caught one", pick(1000), 4});
      case 4:
        if (depth > 2) return in;
        return catches_what_the_input_throws(std::move(in), pipeline(depth + 1));
      case 5: return reads_no_result(std::move(in), fails("an unread one"));
      case 6: return std::move(in) | rondo::take(pick(100));
      case 7: {
        auto sorted = std::move(in) | rondo::chunks(1 + pick(20)) | rondo::sort_by(fails("a key of sort_by"));
        return std::move(sorted) | rondo::sequentialize(1 + pick(5));
      }
      case 8: {
        const auto combine = [f = fails("group_by")](int a, int b) { return f(std::max(a, b)); };
        auto grouped = std::move(in) | rondo::chunks(1 + pick(20)) |
                       rondo::group_by([](int n) { return n & ~3; }, combine);
        return std::move(grouped) | rondo::sequentialize(1 + pick(5));
      }
      case 9: {
        const auto pass = [f = fails("a condition")](int n) { return f(n) % 5 != 0; };
        return std::move(in) | rondo::chunks(1 + pick(9)) | rondo::filter(pass) | rondo::collect();
      }
      case 10:
        if (pick(4) != 0) return in;
        return waits_for_ever_at(std::move(in), static_cast<int>(pick(60)));
      case 11: return drops_many(std::move(in), static_cast<int>(pick(12)), fails("one of many unread"));
      case 12: return drops_what_others_began(std::move(in), fails("another's unread one"));
      case 16: return ahead_of_results(std::move(in), Rest::ahead, fails("a unit begun ahead"));
      case 17: return ahead_of_results(std::move(in), Rest::plainly, {});
      case 18: return ahead_of_results(std::move(in), Rest::in_place, {});
      case 19: return ahead_of_results(std::move(in), Rest::in_a_loop, {});
      default:
        return std::move(in) | rondo::chunks(1 + pick(9)) | rondo::map(fails("map")) |
               rondo::sequentialize(1 + pick(9));
    }
  }
  std::uint64_t kinds_;
  std::mt19937_64 random_;
};

// A pipeline and a sink that may throw.
struct Job {
  explicit Job(std::uint64_t seed, std::uint64_t kinds = 16)
      : random(seed, kinds), stream(random.pipeline()), sink_fails(random.fails("the sink")) {}
  void operator()(int&& n) { outcome.given.push_back(sink_fails(n)); }
  Random random;
  Stream<int> stream;
  Fails sink_fails;
  Outcome outcome;
};

}  // namespace by_hand
