// Any number of workers that answer at once, for the master of a real run to be measured alone: each assignment is
// answered by one report of all its updates, made of nothing but numbers.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/build.hpp"
#include "engine/messages.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

class Crowd final : public transport::Transport {
 public:
  using Seconds = transport::Seconds;
  using Cost = std::function<float(StateId)>;

  // `output` is what an update returns, packed.
  Crowd(std::uint32_t workers, const detail::Program& program, Cost cost, Buffer output)
      : size_(static_cast<std::int32_t>(workers) + 1), cost_(std::move(cost)), output_(std::move(output)) {
    for (std::int32_t rank = 1; rank < size_; ++rank) {
      inbox_.push_back({Rank{rank}, to_bytes(messages::Hello{describe(program), "node"})});
    }
  }

  // Spent in here since the start; not the master's.
  [[nodiscard]] Seconds inside() const { return inside_; }

  Rank rank() const override { return kMaster; }
  std::int32_t size() const override { return size_; }
  void send(Rank to, Buffer sent) override {
    const Seconds begin = now();
    answer(to, sent);
    inside_ += now() - begin;
  }
  std::optional<transport::Envelope> receive() override {
    if (inbox_.empty()) return std::nullopt;
    transport::Envelope next = std::move(inbox_.front());
    inbox_.pop_front();
    return next;
  }
  std::size_t unsent() override { return 0; }
  void wait(Seconds) override {}
  void wake() override {}
  Seconds now() const override { return transport::steady_now(); }

 private:
  void answer(Rank from, Bytes sent) {
    switch (kind_of(sent)) {
      case Kind::kAssign: return run(from, from_bytes<messages::Assign>(sent));
      case Kind::kClose: inbox_.push_back({from, to_bytes(messages::Closed())}); return;
      case Kind::kCount: inbox_.push_back({from, to_bytes(messages::Counted())}); return;
      default: return;
    }
  }

  void run(Rank from, const messages::Assign& assign) {
    messages::Report report{};
    report.progress.epoch = assign.call.epoch;
    report.progress.hungry = true;
    for (const scheduler::Job& job : assign.jobs)
      report.done.push_back({job.slot, job.round, cost_(job.state), job.hop});
    Buffer out = to_bytes(report);
    for (std::size_t i = 0; i < report.done.size(); ++i) append(out, Block(output_));
    inbox_.push_back({from, std::move(out)});
  }

  std::int32_t size_;
  Cost cost_;
  Buffer output_;
  std::deque<transport::Envelope> inbox_;
  Seconds inside_{0};
};

}  // namespace rondo::engine
