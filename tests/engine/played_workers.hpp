// Workers that the test plays, for the master of a real run: it hears what they are told, and says for them what it likes. Time
// stands still unless the test moves it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <rondo/detail/typed_kernel.hpp>
#include <rondo/rondo.hpp>

#include "checkpoint/posix_storage.hpp"
#include "engine/build.hpp"
#include "engine/messages.hpp"
#include "engine/session.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

class PlayedWorkers final : public transport::Transport {
 public:
  // What the master has sent; and when it waits and nothing has come.
  std::function<void(Rank, Bytes)> hears = [](Rank, Bytes) {};
  std::function<void()> waits = [] {};
  std::size_t bytes_unsent = 0;
  transport::Seconds time{0};

  PlayedWorkers(std::int32_t workers, const detail::Program& program) : size_(workers + 1) {
    for (std::int32_t rank = 1; rank < size_; ++rank) {
      say(Rank{rank}, to_bytes(messages::Hello{describe(program), "node"}));
    }
  }
  void say(Rank from, Buffer message) { inbox_.push_back({from, std::move(message)}); }
  void report(Rank from, std::uint64_t epoch, std::span<const scheduler::Done> done, Bytes output,
              bool hungry) {
    messages::Report report{};
    report.progress.epoch = epoch;
    report.progress.hungry = hungry;
    report.done = {done.begin(), done.end()};
    Buffer out = to_bytes(report);
    for (std::size_t i = 0; i < done.size(); ++i) append(out, Block(output));
    say(from, std::move(out));
  }

  Rank rank() const override { return kMaster; }
  std::int32_t size() const override { return size_; }
  void send(Rank to, Buffer sent) override {
    const Kind kind = kind_of(sent);
    if (kind == Kind::kClose) say(to, to_bytes(messages::Closed()));
    if (kind == Kind::kClose || kind == Kind::kExit) bytes_unsent = 0;
    hears(to, sent);
  }
  std::optional<transport::Envelope> receive() override {
    if (inbox_.empty()) return std::nullopt;
    transport::Envelope next = std::move(inbox_.front());
    inbox_.pop_front();
    return next;
  }
  std::size_t unsent() override { return bytes_unsent; }
  void wait(transport::Seconds) override {
    if (inbox_.empty()) waits();
  }
  void wake() override {}
  transport::Seconds now() const override { return time; }

 private:
  std::int32_t size_;
  std::deque<transport::Envelope> inbox_;
};

// The master of a run whose workers are played; the status of the run.
template <UpdateClass U, class Main>
int run_played(PlayedWorkers& workers, const detail::Program& program, const Options& options, Main main) {
  checkpoint::PosixStorage storage;
  const Host host{storage, [](int status) { std::_Exit(status); }};
  return run_master(workers, host, program, options, detail::erase_main<U>(std::move(main)));
}

}  // namespace rondo::engine
