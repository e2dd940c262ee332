// Fetches states to rank 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <rondo/detail/engine.hpp>
#include <rondo/error.hpp>

#include "engine/master/ensemble.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/messages.hpp"
#include "scheduler/scheduler.hpp"

namespace rondo::engine {

class Fetcher {
 public:
  using Take = detail::Engine::Take;

  /// `bytes_most`: of states that are asked for at a time. The other arguments outlive the fetcher.
  Fetcher(Peers& peers, Loop& loop, const Ensemble& ensemble, const scheduler::Scheduler& scheduler,
          const std::uint64_t& bytes_most)
      : peers_(peers), loop_(loop), ensemble_(ensemble), scheduler_(scheduler), bytes_most_(bytes_most) {}

  /// Fetches the states at these positions, in any order. Throws UpdateError for those that cannot be packed or unpacked.
  void fetch(std::span<const std::size_t> positions, const Take& take);
  void take(Rank from, const messages::Fetched& fetched);
  /// States that have been asked for and are not here.
  [[nodiscard]] std::size_t missing() const { return missing_; }
  /// After a loss: asks again, as their owners may be others.
  void ask_again();
  void forget() { missing_ = 0; }

 private:
  void ask(std::span<const scheduler::Slot> slots);

  Peers& peers_;
  Loop& loop_;
  const Ensemble& ensemble_;
  const scheduler::Scheduler& scheduler_;
  const std::uint64_t& bytes_most_;
  std::uint64_t request_ = 0;
  const Take* take_ = nullptr;
  std::vector<bool> outstanding_;  // by slot
  std::size_t missing_ = 0;        // of these
  std::vector<UpdateFailure> failures_;
};

}  // namespace rondo::engine
