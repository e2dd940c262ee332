// Places of a run on threads, of which some die or stand still in the middle of it.
//
// The moment is counted in messages, not in time: in all that were sent and received, or in those of one kind that the place
// has sent; it is struck right after. A dead place sends nothing any
// more and never comes back from its transport, until the run is over; one that stands still comes back when rank 0
// has forgotten it, and goes on as if nothing had happened.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/messages.hpp"
#include "engine/run_on_places.hpp"
#include "transport/any_order.hpp"
#include "transport/in_process.hpp"

namespace rondo::test {

struct Fault {
  std::uint64_t at;  // messages
  Rank rank;
  bool dies;                              // or only stands still
  std::optional<engine::Kind> sent = {};  // of this kind, by this rank
};

class FaultyPlaces {
 public:
  FaultyPlaces(std::int32_t size, std::int32_t nodes, std::vector<Fault> faults)
      : inner_(size), size_(size), nodes_(nodes), faults_(std::move(faults)) {}

  [[nodiscard]] std::unique_ptr<transport::Transport> open(Rank rank) {
    const auto seed = static_cast<std::uint64_t>(value(rank)) + 1;
    return std::make_unique<Place>(*this, std::make_unique<AnyOrder>(inner_.open(rank), seed));
  }
  [[nodiscard]] std::int32_t size() const { return size_; }
  [[nodiscard]] std::int32_t node_of(Rank rank) const { return value(rank) % nodes_; }

  // The program has begun: messages count.
  void begin() { begun_ = true; }
  // Lets everybody go who is still held.
  void end() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      any_ = true;
      for (transport::Transport* place : open_) place->wake();
    }
    changed_.notify_all();
  }

  // Messages of this kind that were sent by all.
  [[nodiscard]] std::uint64_t sent(engine::Kind kind) const {
    std::uint64_t sum = 0;
    for (const auto& [what, count] : sent_)
      if (what.second == kind) sum += count;
    return sum;
  }
  // Whether every decision about the states began a generation of its own, so that what was sent before can be told from it.
  [[nodiscard]] bool generations_ascend() const { return generations_ascend_; }
  // Faults that were met.
  [[nodiscard]] std::uint64_t struck() const { return struck_; }
  // What rank 0 has seen of the faults: whom it has forgotten, and whom since the last complete backup.
  [[nodiscard]] const std::set<Rank>& forgotten() const { return forgotten_; }
  [[nodiscard]] const std::set<Rank>& forgotten_since_backup() const { return since_backup_; }
  // Whether a copy of every state was on another node than the state itself.
  [[nodiscard]] bool copies_on_other_nodes() const { return copies_on_other_nodes_; }

 private:
  class Place final : public transport::Transport {
   public:
    Place(FaultyPlaces& all, std::unique_ptr<Transport> inner) : all_(all), inner_(std::move(inner)) {
      const std::lock_guard lock(all_.mutex_);
      all_.open_.insert(inner_.get());
    }
    ~Place() override {
      const std::lock_guard lock(all_.mutex_);
      all_.open_.erase(inner_.get());
    }

    Rank rank() const override { return inner_->rank(); }
    std::int32_t size() const override { return inner_->size(); }
    void send(Rank to, Buffer message) override {
      all_.count(rank());
      const engine::Kind kind = engine::kind_of(message);
      if (kind == engine::Kind::kHello) message = elsewhere(message);
      if (kind == engine::Kind::kBackupDone) all_.backup_done();
      if (kind == engine::Kind::kDropAll)
        all_.generation(to, engine::from_bytes<engine::messages::DropAll>(message).generation);
      if (kind == engine::Kind::kResume)
        all_.generation(to, engine::from_bytes<engine::messages::Resume>(message).generation);
      inner_->send(to, std::move(message));
      all_.count_sent(rank(), kind);
    }
    std::optional<transport::Envelope> receive() override {
      all_.hold(rank());
      auto envelope = inner_->receive();
      if (envelope) all_.count(rank());
      return envelope;
    }
    std::size_t unsent() override { return inner_->unsent(); }
    void forget(Rank rank) override {
      if (this->rank() == kMaster) all_.forget(rank);
    }
    void wait(transport::Seconds at_most) override {
      all_.hold(rank());
      inner_->wait(at_most);
    }
    void wake() override { inner_->wake(); }
    transport::Seconds now() const override { return inner_->now(); }

   private:
    // The same greeting from another node.
    Buffer elsewhere(Bytes message) const {
      auto hello = engine::from_bytes<engine::messages::Hello>(message);
      hello.node = "node " + std::to_string(all_.node_of(rank()));
      return engine::to_bytes(hello);
    }

    FaultyPlaces& all_;
    std::unique_ptr<Transport> inner_;
  };

  void count(Rank rank) {
    if (!begun_) return;
    const std::uint64_t number = ++messages_;
    {
      const std::lock_guard lock(mutex_);
      for (const Fault& fault : faults_)
        if (!fault.sent && fault.at == number) strike(fault);
    }
    hold(rank);
  }
  void count_sent(Rank rank, engine::Kind kind) {
    if (!begun_) return;
    {
      const std::lock_guard lock(mutex_);
      const std::uint64_t number = ++sent_[{rank, kind}];
      for (const Fault& fault : faults_)
        if (fault.sent == kind && fault.rank == rank && fault.at == number) strike(fault);
    }
    hold(rank);
  }
  void strike(const Fault& fault) {
    (fault.dies ? dead_ : still_).insert(fault.rank);
    ++struck_;
    any_ = true;
  }

  // Whoever has met its fault stays here.
  void hold(Rank rank) {
    if (!any_) return;
    std::unique_lock lock(mutex_);
    const auto held = [&] {
      return dead_.contains(rank) || (still_.contains(rank) && !forgotten_.contains(rank));
    };
    if (!held() && !(over_ && rank != kMaster)) return;
    changed_.wait(lock, [&] { return over_ || !held(); });
    if (over_) throw PlaceEnds{};
  }

  void forget(Rank rank) {
    {
      const std::lock_guard lock(mutex_);
      forgotten_.insert(rank);
      since_backup_.insert(rank);
      any_ = true;  // even without a fault: a slow one may have to be let go
    }
    changed_.notify_all();
  }
  void backup_done() {
    const std::lock_guard lock(mutex_);
    since_backup_.clear();
    std::set<std::int32_t> nodes;
    for (std::int32_t i = 1; i < size_; ++i)
      if (!forgotten_.contains(Rank{i})) nodes.insert(node_of(Rank{i}));
    copies_on_other_nodes_ = nodes.size() > 1;
  }

  // Of rank 0 alone.
  void generation(Rank to, std::uint64_t number) {
    std::uint64_t& last = generations_[to];
    generations_ascend_ = generations_ascend_ && number > last;
    last = number;
  }

  transport::InProcess inner_;
  const std::int32_t size_;
  const std::int32_t nodes_;
  const std::vector<Fault> faults_;
  std::atomic<bool> begun_{false};
  std::atomic<bool> any_{false};
  std::atomic<std::uint64_t> messages_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<transport::Transport*> open_;
  std::map<std::pair<Rank, engine::Kind>, std::uint64_t> sent_;
  std::uint64_t struck_ = 0;
  std::set<Rank> dead_;
  std::set<Rank> still_;
  std::set<Rank> forgotten_;
  std::set<Rank> since_backup_;
  bool copies_on_other_nodes_ = false;
  std::map<Rank, std::uint64_t> generations_;
  bool generations_ascend_ = true;
  bool over_ = false;
};

}  // namespace rondo::test
