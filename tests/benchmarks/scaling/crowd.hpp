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
#include "engine/protocol.hpp"
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
      Buffer hello = message(Kind::kHello);
      Writer(hello).put_text(describe(program));
      Writer(hello).put_text("node");
      inbox_.push_back({Rank{rank}, std::move(hello)});
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
    Reader in(sent);
    switch (in.get<Kind>()) {
      case Kind::kAssign: return run(from, in);
      case Kind::kClose: inbox_.push_back({from, message(Kind::kClosed)}); return;
      case Kind::kCount: {
        Buffer out = message(Kind::kCounted);
        Writer(out).put(WorkerCounters{});
        inbox_.push_back({from, std::move(out)});
        return;
      }
      default: return;
    }
  }

  void run(Rank from, Reader& in) {
    const auto call = in.get<Call>();
    (void)in.get_block();
    const std::vector<scheduler::Job> jobs = in.get_all<scheduler::Job>();
    std::vector<scheduler::Done> done;
    for (const scheduler::Job& job : jobs) done.push_back({job.slot, job.round, cost_(job.state), job.hop});
    Buffer out = message(Kind::kReport);
    Writer writer(out);
    ReportHead head{};
    head.epoch = call.epoch;
    head.hungry = true;
    writer.put(head);
    writer.put_all(std::span<const scheduler::Done>(done));
    for (std::size_t i = 0; i < done.size(); ++i) writer.put_block(Bytes(output_));
    inbox_.push_back({from, std::move(out)});
  }

  std::int32_t size_;
  Cost cost_;
  Buffer output_;
  std::deque<transport::Envelope> inbox_;
  Seconds inside_{0};
};

}  // namespace rondo::engine
