#include "transport/in_process.hpp"

#include <utility>

namespace rondo::transport {

class InProcess::Place final : public Transport {
 public:
  Place(InProcess& all, Rank rank) : all_(all), rank_(rank) {}

  Rank rank() const override { return rank_; }
  std::int32_t size() const override { return static_cast<std::int32_t>(all_.mailboxes_.size()); }

  void send(Rank to, Buffer message) override {
    Mailbox& box = mailbox(to);
    {
      const std::lock_guard lock(box.mutex);
      box.messages.push_back({rank_, std::move(message)});
    }
    box.changed.notify_one();
  }

  std::optional<Envelope> receive() override {
    if (received_.empty()) {
      Mailbox& box = mailbox(rank_);
      const std::lock_guard lock(box.mutex);
      received_.swap(box.messages);
      if (received_.empty()) return std::nullopt;
    }
    Envelope envelope = std::move(received_.front());
    received_.pop_front();
    return envelope;
  }

  std::size_t unsent() override { return 0; }

  void wait(Seconds at_most) override {
    if (!received_.empty()) return;
    Mailbox& box = mailbox(rank_);
    std::unique_lock lock(box.mutex);
    box.changed.wait_for(lock, at_most, [&] { return box.woken || !box.messages.empty(); });
    box.woken = false;
  }

  void wake() override {
    Mailbox& box = mailbox(rank_);
    {
      const std::lock_guard lock(box.mutex);
      box.woken = true;
    }
    box.changed.notify_one();
  }

  Seconds now() const override { return steady_now(); }

 private:
  Mailbox& mailbox(Rank rank) { return all_.mailboxes_.at(static_cast<std::size_t>(value(rank))); }

  InProcess& all_;
  Rank rank_;
  std::deque<Envelope> received_;
};

InProcess::InProcess(std::int32_t size) : mailboxes_(static_cast<std::size_t>(size)) {}

std::unique_ptr<Transport> InProcess::open(Rank rank) { return std::make_unique<Place>(*this, rank); }

}  // namespace rondo::transport
