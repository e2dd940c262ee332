// Values that are hard to add.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

class RandomDoubles {
 public:
  explicit RandomDoubles(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

  // Of one of several kinds: any bits, near each other, powers of two, cancelling pairs, denormal, huge, ties, zeros.
  std::vector<double> values() {
    std::vector<double> result;
    const std::uint64_t kind = below(9);
    const std::uint64_t count = below(4) == 0 ? below(4) : 1 + below(60);
    for (std::uint64_t i = 0; i < count; ++i) {
      switch (kind) {
        case 0: result.push_back(finite(random_())); break;
        case 1: result.push_back(std::ldexp(mantissa(), 10)); break;
        case 2: result.push_back(sign() * std::ldexp(1.0, static_cast<int>(below(2098)) - 1074)); break;
        case 3:
          result.push_back(finite(random_()));
          result.push_back(-result.back() * (below(2) == 0 ? 1 : 1 + 0x1p-52));
          break;
        case 4: result.push_back(finite(random_() & 0x800fffffffffffff)); break;
        case 5: result.push_back(std::ldexp(mantissa(), 1023)); break;
        case 6:  // halves of the last place of 1, and less
          result.push_back(sign() *
                           std::ldexp(1.0, -static_cast<int>(below(3) * 53) - static_cast<int>(below(2))));
          break;
        case 7: result.push_back(sign() * static_cast<double>(below(2))); break;
        default: result.push_back(1e9 + std::ldexp(mantissa(), -static_cast<int>(below(40)))); break;
      }
    }
    std::erase_if(result, [](double x) { return !std::isfinite(x); });
    return result;
  }

  void shuffle(std::vector<double>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

  // Adds the values to several accumulators and merges these in random pairs.
  template <class Accumulator>
  Accumulator in_random_order_and_grouping(std::vector<double> values, const Accumulator& empty = {}) {
    shuffle(values);
    std::vector<Accumulator> parts(1 + below(6), empty);
    for (const double value : values) parts[below(parts.size())] += value;
    while (parts.size() > 1) {
      const std::size_t from = below(parts.size());
      const Accumulator part = parts[from];
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(from));
      parts[below(parts.size())] += part;
    }
    return parts.front();
  }

 private:
  double sign() { return below(2) == 0 ? 1 : -1; }
  double mantissa() { return sign() * (1 + std::ldexp(static_cast<double>(random_() >> 12), -52)); }
  static double finite(std::uint64_t bits) {
    const double value = std::bit_cast<double>(bits);
    return std::isfinite(value) ? value : 1;
  }

  std::mt19937_64 random_;
};
