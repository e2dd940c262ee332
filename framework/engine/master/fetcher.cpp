#include "engine/master/fetcher.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"

namespace rondo::engine {

using scheduler::Slot;

// Asks for as much at a time as all ranks may keep unsent, so that neither side holds everything twice.
void Fetcher::fetch(std::span<const std::size_t> positions, const Take& take) {
  ++request_;
  take_ = &take;
  outstanding_.assign(ensemble_.ids.size(), false);
  missing_ = 0;
  failures_.clear();
  for (std::size_t at = 0; at < positions.size();) {
    std::vector<Slot> wanted;
    for (double bytes = 0; at < positions.size() && (bytes == 0 || bytes < static_cast<double>(bytes_most_));
         ++at) {
      const auto slot = static_cast<Slot>(positions[at]);
      wanted.push_back(slot);
      bytes += scheduler_.bytes(slot) + sizeof(StateId);
      outstanding_[slot] = true;
      ++missing_;
    }
    ask(wanted);
    loop_.run_until([&] { return missing_ == 0; });
  }
  if (failures_.empty()) return;
  std::sort(failures_.begin(), failures_.end(),
            [](const UpdateFailure& one, const UpdateFailure& other) { return one.state < other.state; });
  const UpdateFailure& first = failures_.front();
  std::string text = "state " + std::to_string(value(first.state)) + " on rank " +
                     std::to_string(value(first.rank)) + ": " + first.text;
  if (failures_.size() > 1) text += " (and " + std::to_string(failures_.size() - 1) + " more)";
  throw UpdateError(text, std::exchange(failures_, {}), {});
}

void Fetcher::ask(std::span<const Slot> slots) {
  std::map<scheduler::Worker, std::vector<StateId>> wanted;
  for (const Slot slot : slots) wanted[scheduler_.owner(slot)].push_back(ensemble_.ids[slot]);
  for (const auto& [worker, its] : wanted) peers_.send(worker, to_bytes(messages::Fetch{request_, its}));
}

void Fetcher::ask_again() {
  std::vector<Slot> slots;
  for (Slot slot = 0; missing_ > 0 && slot < outstanding_.size(); ++slot)
    if (outstanding_[slot]) slots.push_back(slot);
  ask(slots);
}

void Fetcher::take(Rank from, const messages::Fetched& fetched) {
  if (fetched.request != request_ || missing_ == 0) return;
  for (const auto& [id, packed, block] : fetched.states) {
    const Bytes bytes = block.bytes();
    const auto position = static_cast<std::size_t>(
        std::lower_bound(ensemble_.ids.begin(), ensemble_.ids.end(), id) - ensemble_.ids.begin());
    if (!outstanding_[position]) continue;  // it was asked for again after a loss, and has come twice
    outstanding_[position] = false;
    --missing_;
    if (!packed) {
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      failures_.push_back({id, from, ensemble_.round, "it cannot be packed: " + std::string(text)});
      continue;
    }
    const CrashMark::Handling handling("while unpacking", id);
    try {
      (*take_)(position, bytes);
    } catch (...) {
      failures_.push_back({id, kMaster, ensemble_.round, "it cannot be unpacked: " + exception_text()});
    }
  }
}

}  // namespace rondo::engine
