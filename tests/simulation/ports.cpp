#include "simulation/ports.hpp"

#include <algorithm>
#include <stdexcept>
#include <system_error>

namespace rondo::simulation {

// ---- the transport

void World::Port::send(Rank to, Buffer message) {
  world_.require_going();
  const engine::Kind kind = engine::kind_of(message);
  const Seconds time = world_.send_time(place_, message);
  if (place_ == 0) {
    ++world_.master_messages_;
    world_.master_busy_ += time;
  }
  world_.cores_.spend(place_, time);
  Message* out = world_.agenda_.message(place_, static_cast<Place>(value(to)));
  constexpr double kEnvelope = 32;
  out->bytes = kEnvelope + static_cast<double>(message.size());
  out->payload = std::move(message);
  if (!forgotten_.contains(out->to)) {
    world_.ranks_[place_].unsent += out->payload.size();
    world_.ranks_[place_].unsent_to[out->to] += out->payload.size();
  }
  if (place_ == 0)
    world_.outgoing_.hold(0, out);
  else
    world_.outgoing_.send(place_, out);
  if (world_.sent) world_.sent(place_, static_cast<Place>(value(to)), kind);
}

std::optional<transport::Envelope> World::Port::receive() {
  std::deque<Message*>& inbox = world_.ranks_[place_].inbox;
  if (place_ == 0) {
    flush();
    world_.look(0);
    world_.catch_up();
    world_.require_going();
    if (inbox.empty()) return std::nullopt;
    const Seconds time = world_.receive_time(*inbox.front());
    ++world_.master_messages_;
    if (engine::kind_of(inbox.front()->payload) == engine::Kind::kHello) ++world_.hellos_;
    world_.charge(time);
    world_.catch_up();
    world_.require_going();
    if (inbox.size() == 1) world_.outgoing_.look_round(0);
  }
  if (inbox.empty()) return std::nullopt;
  Message* const message = inbox.front();
  inbox.pop_front();
  world_.outgoing_.taken(*message);
  transport::Envelope envelope{Rank{static_cast<std::int32_t>(message->from)}, std::move(message->payload)};
  world_.agenda_.release(message);
  return envelope;
}

void World::Port::forget(Rank rank) {
  const auto lost = static_cast<Place>(value(rank));
  Rank_& me = world_.ranks_[place_];
  if (!forgotten_.insert(lost).second) return;
  if (const auto node = me.unsent_to.extract(lost)) me.unsent -= node.mapped();
  if (place_ == 0 && world_.forgotten) world_.forgotten(lost);
}

void World::Port::wait(transport::Seconds at_most) {
  if (place_ != 0) throw std::logic_error("simulation: only rank 0 waits");
  flush();
  world_.look(0);
  world_.catch_up();
  world_.require_going();
  constexpr Seconds kLeast{1e-6};  // no look at the clock takes no time
  const Time until = world_.now() + std::max(at_most, kLeast);
  Rank_& me = world_.ranks_[0];
  while (me.inbox.empty() && !me.woken) {
    if (world_.agenda_.empty() || world_.agenda_.due() > until) {
      world_.agenda_.advance(until);
      break;
    }
    world_.step();
  }
  me.woken = false;
  world_.require_going();
}

void World::Port::wake() {
  if (place_ == 0) {
    world_.ranks_[0].woken = true;
    return;
  }
  world_.cores_.spend(place_, world_.settings_.machine.worker_wakes);
  world_.poll_later(place_);
}

std::uint32_t World::Port::parts_of(Bytes message) {
  std::uint32_t word = 0;
  if (message.size() < sizeof word) return 0;
  std::memcpy(&word, message.data(), sizeof word);
  if (word != transport::Relay::kBundle) return 0;
  std::uint32_t parts = 0;
  for (std::size_t at = sizeof word; at < message.size(); ++parts) {
    transport::Relay::Part part{};
    std::memcpy(&part, message.data() + at, sizeof part);
    at += sizeof part + part.size;
  }
  return parts;
}

bool World::Port::is_list(Bytes message) {
  const engine::Kind kind = engine::kind_of(message);
  return kind == engine::Kind::kAssign || kind == engine::Kind::kTransfer ||
         kind == engine::Kind::kResample || static_cast<std::uint32_t>(kind) == transport::Relay::kBundle;
}

// ---- the platform

std::unique_ptr<engine::Executor> World::Platform::make_executor(Rank rank, const std::string& what) {
  const auto place = static_cast<Place>(value(rank));
  if (what == "the updates of a worker") return std::make_unique<Computing>(world_, place);
  return std::make_unique<Writing>(world_, place);
}

// ---- the threads

void World::Computing::go_on() {
  running_ = work_ != nullptr && work_->next();
  if (!running_) return;
  world_.piece_ = Seconds(0);
  work_->run();
  const Seconds time = *std::exchange(world_.piece_, std::nullopt);
  const Cores::Thread thread = world_.computing(place_);
  const Machine& machine = world_.settings_.machine;
  if (world_.cores_.shared()) {
    world_.cores_.spend(thread, machine.update_processor);
    world_.cores_.then(thread, Happening::Kind::kAwake, place_, nullptr, time);
  } else {  // nothing is to be seen of when it sleeps
    world_.agenda_.plan(world_.now() + machine.update_processor + time + machine.update_overhead,
                        Happening::Kind::kUpdateEnds, place_);
  }
}

void World::Computing::awake() {
  const Cores::Thread thread = world_.computing(place_);
  world_.cores_.spend(thread, world_.settings_.machine.update_overhead);
  world_.cores_.then(thread, Happening::Kind::kUpdateEnds, place_);
}

// ---- the disk

checkpoint::Storage& World::Disk::at(const checkpoint::Path& path) const {
  if (!world_.is_alive(place_))
    throw checkpoint::FileError(path.full(), "use", std::make_error_code(std::errc::io_error));
  return world_.storage_;
}

class World::Disk::File final : public checkpoint::OutputFile {
 public:
  File(const Disk& disk, checkpoint::Path path, std::unique_ptr<OutputFile> file)
      : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}
  std::size_t write(Bytes bytes) override {
    (void)disk_.at(path_);
    return file_->write(bytes);
  }
  void sync() override {
    (void)disk_.at(path_);
    file_->sync();
  }
  void close() override {
    (void)disk_.at(path_);
    file_->close();
  }

 private:
  const Disk& disk_;
  const checkpoint::Path path_;
  const std::unique_ptr<OutputFile> file_;
};

std::unique_ptr<checkpoint::OutputFile> World::Disk::create(const checkpoint::Path& file) {
  return std::make_unique<File>(*this, file, at(file).create(file));
}

}  // namespace rondo::simulation
