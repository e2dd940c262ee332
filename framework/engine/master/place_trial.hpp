// Finds out at the start whether all ranks can write where checkpoints will go: better than when the first one is due.
#pragma once

#include <string>
#include <vector>

#include "engine/host.hpp"
#include "engine/master/checkpoint_places.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/messages.hpp"
#include "engine/options.hpp"

namespace rondo::engine {

class PlaceTrial {
 public:
  /// The arguments outlive the trial.
  PlaceTrial(Peers& peers, Loop& loop, CheckpointPlaces& places, const Host& host, const Options& options)
      : peers_(peers), loop_(loop), places_(places), host_(host), options_(options) {}

  /// Throws CheckpointError if no place will do; tells of one of two.
  void run();
  void take(Rank from, const messages::Tried& tried);

 private:
  void judge(const std::vector<checkpoint::Path>& all) const;

  Peers& peers_;
  Loop& loop_;
  CheckpointPlaces& places_;
  const Host& host_;
  const Options& options_;
  std::vector<std::string> refusals_;  // per place: the first one
};

}  // namespace rondo::engine
