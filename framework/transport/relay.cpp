#include "transport/relay.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace rondo::transport {

namespace {

template <class T>
T get(Bytes& rest) {
  T value;
  std::memcpy(&value, rest.data(), sizeof value);
  rest = rest.subspan(sizeof value);
  return value;
}

bool is_bundle(Bytes message) {
  return message.size() >= sizeof(Relay::kBundle) && get<std::uint32_t>(message) == Relay::kBundle;
}

Buffer copy_of(Bytes bytes) {
  Buffer copy;
  copy.append(bytes);
  return copy;
}

}  // namespace

RelayPlan relay_of(std::uint32_t group, std::uint32_t workers, Seconds message) {
  const double groups = std::ceil(static_cast<double>(workers) / group);
  return {group, 2 * groups * message};
}

RelayPlan plan_relay(std::uint32_t workers, Seconds message) {
  if (workers < kRelayLeast || 4 * workers * message <= kBurst) return {};
  return relay_of(static_cast<std::uint32_t>(std::lround(std::sqrt(workers))), workers, message);
}

std::vector<Rank> relay_leaders(const RelayPlan& plan, std::size_t ranks,
                                std::span<const std::string> nodes) {
  std::vector<Rank> leaders(ranks, kMaster);
  if (plan.group == 0) return leaders;
  std::size_t runs = 0;  // number of sequences of consecutive ranks on one node
  for (std::size_t rank = 1; rank < nodes.size(); ++rank)
    if (rank == 1 || nodes[rank] != nodes[rank - 1]) ++runs;
  const bool by_node = runs > 1 && 2 * (ranks - 1) >= runs * plan.group;
  const std::size_t most = by_node ? 2 * std::size_t{plan.group} : plan.group;
  std::size_t leader = 1;
  for (std::size_t rank = 1; rank < ranks; ++rank) {
    if (rank - leader == most || (by_node && nodes[rank] != nodes[leader])) leader = rank;
    leaders[rank] = Rank{static_cast<std::int32_t>(leader)};
  }
  return leaders;
}

void Relay::begin(std::vector<Rank> leaders) {
  leaders_ = std::move(leaders);
  on_ = std::any_of(leaders_.begin(), leaders_.end(), [](Rank leader) { return leader != kMaster; });
}

void Relay::begin(Rank leader, Seconds pace) {
  leader_ = leader;
  pace_ = pace;
  on_ = leader != kMaster;
  for (Envelope& each : std::exchange(held_, {})) take(std::move(each));
}

void Relay::end() {
  if (!on_) return;
  if (rank() == kMaster) {
    std::vector<Rank> all = leaders_;
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    for (const Rank leader : all)
      if (leader != kMaster) put(leader, {kEnd, 0, 0}, {});
  }
  while (is_busy()) {
    while (receive()) {  // messages for this rank itself are not needed any more
    }
    if (is_busy()) wait(Seconds(1e-3));
  }
}

// ---- out

void Relay::send(Rank to, Buffer message) {
  if (on_ && rank() == kMaster && to != kMaster) {
    if (const Rank leader = leaders_[static_cast<std::size_t>(value(to))]; leader != kMaster)
      return put(leader, to, std::move(message));
  } else if (on_ && to == kMaster && leader_ != kMaster) {
    return put(leads() ? kMaster : leader_, rank(), std::move(message));
  }
  below_.send(to, std::move(message));
}

void Relay::put(Rank receiver, Rank peer, Buffer message) {
  if (message.size() <= kPartBytes) return put(receiver, {peer, 0, message.size()}, message);
  put(receiver, {peer, 1, 0}, {});
  if (!bundles_[receiver].empty()) send_bundle(receiver);  // not if it became full and was sent
  below_.send(receiver, std::move(message));
}

void Relay::put(Rank receiver, const Part& part, Bytes bytes) {
  Buffer& bundle = bundles_[receiver];
  if (bundle.empty()) {
    if (filled_.empty()) filled_since_ = now();
    filled_.push_back(receiver);
    bundle.reserve(4096);
    bundle.append(std::as_bytes(std::span(&kBundle, 1)));
  }
  bundle.append(std::as_bytes(std::span(&part, 1)));
  bundle.append(bytes);
  if (bundle.size() >= kBundleBytes) return send_bundle(receiver);
  if (now() - filled_since_ > kBundleAge && rank() == kMaster) {
    send_bundle(filled_.front());
    filled_since_ = now();
  }
}

void Relay::send_bundle(Rank receiver) {
  std::erase(filled_, receiver);
  if (receiver == kMaster) sent_up_ = now();
  below_.send(receiver, std::exchange(bundles_[receiver], Buffer()));
}

// A leader sends the first message at once and gathers those that follow within the pace.
bool Relay::too_early(Rank receiver) const { return receiver == kMaster && now() - sent_up_ < pace_; }

void Relay::flush() {
  for (std::size_t i = 0; i < filled_.size();) {
    if (too_early(filled_[i])) {
      ++i;
    } else {
      send_bundle(filled_[i]);  // this also removes it from the list
    }
  }
  below_.flush();
}

std::size_t Relay::unsent() {
  std::size_t bytes = below_.unsent();
  for (const Rank receiver : filled_) bytes += bundles_[receiver].size();
  return bytes;
}

void Relay::wait(Seconds at_most) {
  flush();
  if (ready_.empty()) below_.wait(patience(at_most));
}

Seconds Relay::patience(Seconds at_most) const {
  if (!ready_.empty()) return Seconds(0);
  return filled_.empty() ? at_most : std::clamp(sent_up_ + pace_ - now(), Seconds(0), at_most);
}

// ---- in

std::optional<Envelope> Relay::receive() {
  flush();
  while (ready_.empty()) {
    auto envelope = below_.receive();
    if (!envelope) {
      flush();  // sends the parts that were put into bundles
      return std::nullopt;
    }
    const bool early = !on_ && (is_bundle(envelope->message) ||
                                std::any_of(held_.begin(), held_.end(), [&](const Envelope& held) {
                                  return held.from == envelope->from;
                                }));
    if (early) {
      held_.push_back(std::move(*envelope));
    } else {
      take(std::move(*envelope));
    }
  }
  Envelope next = std::move(ready_.front());
  ready_.pop_front();
  return next;
}

void Relay::take(Envelope envelope) {
  if (const auto found = following_.find(envelope.from); found != following_.end()) {
    const Rank peer = found->second;
    following_.erase(found);
    if (const auto to = next_hop(envelope.from, peer)) return put(*to, peer, std::move(envelope.message));
    return deliver(peer, std::move(envelope.message));
  }
  if (is_bundle(envelope.message)) return take_bundle(envelope.from, envelope.message);
  ready_.push_back(std::move(envelope));
}

void Relay::take_bundle(Rank from, Bytes bundle) {
  Bytes rest = bundle.subspan(sizeof kBundle);
  while (!rest.empty()) {
    const auto part = get<Part>(rest);
    if (part.peer == kEnd) {
      ended_ = true;
    } else if (part.follows != 0) {
      following_.emplace(from, part.peer);
    } else {
      const Bytes bytes = rest.first(part.size);
      rest = rest.subspan(part.size);
      if (const auto to = next_hop(from, part.peer)) {
        put(*to, part, bytes);
      } else {
        deliver(part.peer, copy_of(bytes));
      }
    }
  }
}

// The rank to which a part of a bundle is sent on; nullopt if it is for this rank.
std::optional<Rank> Relay::next_hop(Rank from, Rank peer) const {
  if (!leads()) return std::nullopt;
  if (from != kMaster) return kMaster;
  if (peer == rank()) return std::nullopt;
  return peer;
}

void Relay::deliver(Rank peer, Buffer message) {
  ready_.push_back({rank() == kMaster ? peer : kMaster, std::move(message)});
}

}  // namespace rondo::transport
