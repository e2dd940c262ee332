#include "engine/master/handshake.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <rondo/error.hpp>

#include "engine/build.hpp"

namespace rondo::engine {

void Handshake::take(Rank from, const messages::Hello& hello) {
  builds_[static_cast<std::size_t>(value(from))] = hello.build;
  peers_.set_node(from, hello.node);
  (void)peers_.count_answer(from, Kind::kHello);
}

std::vector<Rank> Handshake::run(const detail::Program& program, recovery::Workers& workers,
                                 WorkerSettings& settings) {
  peers_.await(Kind::kHello);
  const transport::Seconds begin = host_.platform.processor_time();
  loop_.run_until([&] { return all_greeted(); });
  const transport::RelayPlan plan = plan_relay(host_.platform.processor_time() - begin);
  number_nodes(workers);
  std::vector<Rank> leaders = transport::relay_leaders(plan, peers_.nodes().size(), peers_.nodes());
  const std::string text = mismatch(program);
  const std::string here = host_.platform.node_name();
  for (std::size_t r = 1; r < builds_.size(); ++r) {
    const Rank rank{static_cast<std::int32_t>(r)};
    if (peers_.is_lost(peers_.worker_of(rank))) continue;
    settings.workers_here = workers_on(peers_.node_of(rank));
    peers_.send(rank, text.empty()
                          ? to_bytes(messages::Welcome{settings, here, leaders[r], plan.pace.count()})
                          : to_bytes(messages::Mismatch{text}));
  }
  settings.workers_here = workers_on(here);
  if (text.empty()) return leaders;
  peers_.wait_until_sent();
  throw MismatchError(text);
}

bool Handshake::all_greeted() const {
  for (std::size_t r = 1; r < builds_.size(); ++r) {
    const Rank rank{static_cast<std::int32_t>(r)};
    if (!peers_.is_lost(peers_.worker_of(rank)) && !peers_.has_answered(rank)) return false;
  }
  return true;
}

std::uint32_t Handshake::workers_on(const std::string& node) const {
  const auto all = std::ranges::count(peers_.nodes(), node);
  return static_cast<std::uint32_t>(all -
                                    (node == host_.platform.node_name() && !options_.master_works ? 1 : 0));
}

// What a message takes is what the handshake took of the processor, per worker.
transport::RelayPlan Handshake::plan_relay(transport::Seconds handshake) const {
  const transport::Seconds each = handshake / std::max(peers_.count(), 1U);
  if (options_.recover) return {};  // the ranks behind a lost leader would be lost with it
  if (options_.relay.is_automatic()) return transport::plan_relay(peers_.count(), each);
  return options_.relay.is_off() ? transport::RelayPlan{}
                                 : transport::relay_of(static_cast<std::uint32_t>(options_.relay.value_or(0)),
                                                       peers_.count(), each);
}

std::string Handshake::mismatch(const detail::Program& program) const {
  const std::string mine = describe(program);
  for (std::size_t r = 1; r < builds_.size(); ++r) {
    if (builds_[r].empty()) continue;
    if (std::string text = difference(mine, Rank{static_cast<std::int32_t>(r)}, builds_[r]); !text.empty())
      return text;
  }
  return "";
}

void Handshake::number_nodes(recovery::Workers& workers) const {
  const std::set<std::string> names(peers_.nodes().begin(), peers_.nodes().end());
  for (std::uint32_t w = 0; w < peers_.count(); ++w)
    workers.nodes[w] = static_cast<std::uint32_t>(
        std::distance(names.begin(), names.find(peers_.node_of(peers_.rank_of(scheduler::Worker{w})))));
}

}  // namespace rondo::engine
