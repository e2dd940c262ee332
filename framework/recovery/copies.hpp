// The copies of states that a worker keeps, by the backup they belong to.
//
// Used by a worker's communicating thread; pure.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>

#include <rondo/ids.hpp>

namespace rondo::recovery {

template <class Copy>
class Copies {
 public:
  void put(std::uint64_t backup, StateId id, Copy copy) { all_[backup][id] = std::move(copy); }
  // From now on backup `counts` is the one that counts (0: none), and others before `next` are dropped. What comes from other
  // workers may be ahead of what rank 0 says, so nothing later is touched.
  void keep(std::uint64_t counts, std::uint64_t next) {
    counts_ = counts;
    std::erase_if(all_, [&](const auto& each) { return each.first < next && each.first != counts; });
  }
  // The copy of the backup that counts. Throws out_of_range.
  [[nodiscard]] const Copy& at(StateId id) const { return all_.at(counts_).at(id); }

 private:
  std::uint64_t counts_ = 0;
  std::map<std::uint64_t, std::unordered_map<StateId, Copy>> all_;
};

}  // namespace rondo::recovery
