// A random engine that says what it is told to say.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

class Scripted {
 public:
  using result_type = std::uint64_t;

  // The words, in turn, over and over.
  explicit Scripted(std::vector<std::uint64_t> words) : words_(std::move(words)) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return words_[used_++ % words_.size()]; }

  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::vector<std::uint64_t> words_;
  std::size_t used_ = 0;
};

// The probability with which `accepts(word)` holds for a random word, if it holds for all words below a limit and no
// others.
template <class Accepts>
double probability_of(Accepts accepts) {
  std::uint64_t limit = 0;  // it holds for all words below
  for (int bit = 63; bit >= 0; --bit)
    if (const std::uint64_t trial = limit | std::uint64_t{1} << bit; accepts(trial - 1)) limit = trial;
  return accepts(Scripted::max()) ? 1 : std::ldexp(static_cast<double>(limit), -64);
}
