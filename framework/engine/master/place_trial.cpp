#include "engine/master/place_trial.hpp"

#include <array>
#include <exception>

#include <rondo/error.hpp>

#include "checkpoint/catalog.hpp"
#include "engine/watchdog.hpp"

namespace rondo::engine {

void PlaceTrial::run() {
  if (options_.checkpoint.empty()) return;
  std::vector<checkpoint::Path> all{options_.checkpoint};
  if (places_.has_copy(options_.checkpoint))
    all.push_back(checkpoint::Path::shared(options_.checkpoint_copy));
  refusals_.assign(all.size(), "");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Doing doing(host_.watchdog, "a trial of the folder for checkpoints");
    try {
      if (i == 0) places_.set_last(checkpoint::next_sequence(places_.storage(), all[i]) - 1);
      checkpoint::try_root(places_.storage(), all[i], places_.run(), kMaster);
    } catch (const std::exception& error) {
      refusals_[i] = std::string("rank 0: ") + error.what();
    }
  }
  peers_.await(Kind::kTried);
  peers_.send_all(to_bytes(messages::Try{places_.run(), {all.begin(), all.end()}}));
  loop_.run_until([&] { return peers_.all_answered(); });
  judge(all);
}

void PlaceTrial::judge(const std::vector<checkpoint::Path>& all) const {
  const std::array names = {options_.written("checkpoint") + ": ",
                            options_.written("checkpoint-copy") + ": "};
  std::string text;
  std::size_t refused = 0, good = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (refusals_[i].empty()) {
      good = i;
    } else {
      text += (++refused > 1 ? "; " : "") + names[i] + refusals_[i];
    }
  }
  if (refused == 0) return;
  if (refused == all.size())
    throw CheckpointError(text + "; need a folder that rank 0 and every worker can write to");
  host_.log.tell(text, "; checkpoints go to ", all[good].string(), " alone, until that can be written");
}

void PlaceTrial::take(Rank from, const messages::Tried& tried) {
  if (!peers_.count_answer(from, Kind::kTried)) return;
  for (std::size_t i = 0; i < refusals_.size(); ++i)
    if (refusals_[i].empty() && !tried.errors.at(i).empty())
      refusals_[i] =
          "rank " + std::to_string(value(from)) + " on " + peers_.node_of(from) + ": " + tried.errors[i];
}

}  // namespace rondo::engine
