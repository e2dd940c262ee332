// Counts, in all and per bin. See rondo/accumulators.hpp for what all accumulators share.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <rondo/detail/long_accumulator.hpp>
#include <rondo/error.hpp>

namespace rondo {

/// How many there are: `count += condition` adds one where the condition holds. Below 2^64.
class Count {
 public:
  Count() = default;
  /// So many.
  explicit Count(std::uint64_t count) : count_(count) {}

  /// One more.
  Count& operator++() {
    ++count_;
    return *this;
  }
  /// One more if the condition holds.
  template <std::same_as<bool> Condition>
  Count& operator+=(Condition condition) {
    count_ += condition ? 1 : 0;
    return *this;
  }
  /// So many more.
  Count& operator+=(const Count& other) {
    count_ += other.count_;
    return *this;
  }

  /// How many there are.
  [[nodiscard]] std::uint64_t value() const { return count_; }

  /// Whether the counts are equal.
  friend bool operator==(const Count&, const Count&) = default;

 private:
  std::uint64_t count_ = 0;
};

/// How many values are between fixed edges. Bin i has the values from edges[i] to below edges[i + 1]; a value that equals
/// the last edge is overflow. A default-constructed histogram has no edges: it takes no values, and becomes a copy of the
/// first one that is added to it.
class Histogram {
 public:
  Histogram() = default;

  /// At least two edges, strictly ascending; the outer ones may be infinite. InputError names the first edge that is not
  /// above the one before.
  explicit Histogram(std::vector<double> edges) : edges_(std::move(edges)), counts_(edges_.size() + 1) {
    if (edges_.size() < 2)
      throw InputError("a histogram needs at least 2 edges, got " + std::to_string(edges_.size()), {});
    for (std::size_t i = 0; i < edges_.size(); ++i)
      if (detail::DoubleParts(edges_[i]).nan() || (i > 0 && !(edges_[i - 1] < edges_[i])))
        throw InputError("edge " + std::to_string(i) + " of the histogram is " + std::to_string(edges_[i]) +
                             ": the edges have to ascend strictly",
                         {});
  }

  /// Bins of equal width. InputError if that gives no ascending edges.
  [[nodiscard]] static Histogram uniform(double low, double high, std::size_t bins) {
    std::vector<double> edges;
    for (std::size_t i = 0; i < bins; ++i)  // fma: the compiler must not choose between one rounding and two
      edges.push_back(std::fma(static_cast<double>(i), (high - low) / static_cast<double>(bins), low));
    edges.push_back(high);
    return Histogram(std::move(edges));
  }

  /// O(log(bins)). InputError if the histogram has no edges.
  Histogram& operator+=(double value) {
    if (edges_.empty())
      throw InputError("a histogram without edges takes no values: construct it with edges", {});
    if (detail::DoubleParts(value).nan()) {
      ++nan_;
    } else {
      ++counts_[static_cast<std::size_t>(std::ranges::upper_bound(edges_, value) - edges_.begin())];
    }
    return *this;
  }

  /// O(bins). InputError if both have edges and these differ.
  Histogram& operator+=(const Histogram& other) {
    if (other.edges_.empty()) return *this;
    if (edges_.empty()) return *this = other;
    if (edges_ != other.edges_)
      throw InputError("histograms with different edges cannot be added: one has " + std::to_string(bins()) +
                           " bins and the other " + std::to_string(other.bins()) +
                           ", or edges of other values",
                       {});
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    nan_ += other.nan_;
    return *this;
  }

  /// The edges; none of a default-constructed histogram.
  [[nodiscard]] const std::vector<double>& edges() const { return edges_; }
  /// The number of bins: one less than that of the edges.
  [[nodiscard]] std::size_t bins() const { return edges_.empty() ? 0 : edges_.size() - 1; }
  /// One count per bin.
  [[nodiscard]] std::span<const std::uint64_t> counts() const {
    return std::span(counts_).subspan(edges_.empty() ? 0 : 1, bins());
  }
  /// Values below the first edge, and -infinity unless that is the first edge.
  [[nodiscard]] std::uint64_t underflow() const { return counts_.empty() ? 0 : counts_.front(); }
  /// Values at or above the last edge.
  [[nodiscard]] std::uint64_t overflow() const { return counts_.empty() ? 0 : counts_.back(); }
  /// Values that are NaN.
  [[nodiscard]] std::uint64_t nan() const { return nan_; }

  /// Whether edges and counts are equal.
  friend bool operator==(const Histogram&, const Histogram&) = default;

  /// For Boost.Serialization.
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& edges_& counts_& nan_;
  }

 private:
  std::vector<double> edges_;
  std::vector<std::uint64_t> counts_;  // underflow, the bins, overflow
  std::uint64_t nan_ = 0;
};

}  // namespace rondo
