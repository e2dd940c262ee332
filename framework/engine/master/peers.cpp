#include "engine/master/peers.hpp"

#include <utility>

namespace rondo::engine {

Peers::Peers(transport::Transport& transport, const Options& options, const recovery::Workers& workers,
             const std::string& node)
    : transport_(transport),
      options_(options),
      workers_(workers),
      nodes_(static_cast<std::size_t>(transport.size()), node) {}

std::vector<Rank> Peers::lost_ranks() const {
  std::vector<Rank> ranks;
  for (std::uint32_t w = 0; w < count(); ++w)
    if (is_lost(w)) ranks.push_back(rank_of(Worker{w}));
  return ranks;
}

Rank Peers::rank_of(Worker worker) const {
  return Rank{static_cast<std::int32_t>(index(worker)) + (options_.master_works ? 0 : 1)};
}

scheduler::Worker Peers::worker_of(Rank rank) const {
  return Worker{static_cast<std::uint32_t>(value(rank) - (options_.master_works ? 0 : 1))};
}

void Peers::send(Rank to, Buffer message) {
  traffic_.count(message.size());
  transport_.send(to, std::move(message));
}

void Peers::send_all(const Buffer& message) {
  for (std::uint32_t w = 0; w < count(); ++w) {
    if (is_lost(w)) continue;
    Buffer copy;
    copy.append(message);
    send(Worker{w}, std::move(copy));
  }
}

void Peers::send_tree(const Buffer& message) {
  if (options_.recover) return send_all(message);  // a tree hangs on its inner ranks
  const auto send_copy = [&](Rank to) {
    Buffer copy;
    copy.append(message);
    send(to, std::move(copy));
  };
  if (options_.master_works) send_copy(kMaster);
  for_each_child(kMaster, transport_.size(), options_.fanout, send_copy);
  transport_.flush();
}

void Peers::wait_until_sent() {
  while (transport_.unsent() > 0) transport_.wait(transport::Seconds(1e-4));
}

void Peers::await(Kind kind) {
  awaited_ = kind;
  answered_.clear();
}

bool Peers::count_answer(Rank from, Kind kind) { return kind == awaited_ && answered_.insert(from).second; }

bool Peers::all_answered() const {
  for (std::uint32_t w = 0; w < count(); ++w)
    if (!is_lost(w) && !answered_.contains(rank_of(Worker{w}))) return false;
  return true;
}

}  // namespace rondo::engine
