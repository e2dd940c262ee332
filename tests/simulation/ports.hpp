// What a rank of the virtual machine has in the place of a real one's: transport, platform, executors, disk.
#pragma once

#include <unistd.h>

#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/executor.hpp"
#include "engine/platform.hpp"
#include "simulation/world.hpp"
#include "transport/relay.hpp"
#include "transport/transport.hpp"

namespace rondo::simulation {

class World::Port final : public transport::Transport {
 public:
  Port(World& world, Place place) : world_(world), place_(place) {}

  Rank rank() const override { return Rank{static_cast<std::int32_t>(place_)}; }
  std::int32_t size() const override { return static_cast<std::int32_t>(world_.size_); }
  void send(Rank to, Buffer message) override;
  void flush() override {
    if (place_ == 0) world_.outgoing_.ring(0);
  }
  std::optional<transport::Envelope> receive() override;
  std::size_t unsent() override { return world_.ranks_[place_].unsent; }
  void wait(transport::Seconds at_most) override;
  void wake() override;
  void forget(Rank rank) override;
  transport::Seconds now() const override {
    return place_ == 0 ? world_.cores_.free(0) : world_.agenda_.now();
  }

  // Parts of a bundle; 0 if it is none.
  [[nodiscard]] static std::uint32_t parts_of(Bytes message);
  // Whether it is made of many small things, as jobs are.
  [[nodiscard]] static bool is_list(Bytes message);

 private:
  World& world_;
  const Place place_;
  std::set<Place> forgotten_;
};

class World::Platform final : public engine::Platform {
 public:
  Platform(World& world, Place place) : world_(world), place_(place) {}

  std::string node_name() const override { return "node" + std::to_string(place_ % world_.settings_.nodes); }
  std::int32_t process() const override { return getpid(); }
  std::uint32_t cores(std::int32_t) const override {
    const std::size_t shared = world_.settings_.machine.cores;
    return shared > 0 ? static_cast<std::uint32_t>(shared) : world_.size_;
  }
  // So that rank 0, which measures what the greetings take, finds what a message takes.
  transport::Seconds processor_time() const override {
    return static_cast<double>(world_.hellos_) * world_.settings_.machine.master_message;
  }
  engine::StopRequest take_stop_request() override {
    return std::exchange(world_.ranks_[place_].wish, engine::StopRequest::kNone);
  }
  std::uint64_t draw_run() override { return world_.settings_.seed << 8 | ++world_.runs_; }
  std::unique_ptr<engine::Executor> make_executor(Rank rank, const std::string& what) override;

 private:
  World& world_;
  const Place place_;
};

// A thread of a rank, as events.
class World::Computing final : public engine::Executor {
 public:
  Computing(World& world, Place place) : world_(world), place_(place) {
    world_.ranks_[place].computing = this;
  }
  ~Computing() override {
    if (world_.ranks_[place_].computing == this) world_.ranks_[place_].computing = nullptr;
  }
  void start(Work& work) override { work_ = &work; }
  void notify() override { notified_ = true; }
  void stop() override {
    while (work_ != nullptr && work_->next()) work_->run();
    work_ = nullptr;
  }

  // Begins a piece if there may be one and none runs.
  void look() {
    if (running_ || !std::exchange(notified_, false)) return;
    go_on();
  }
  void awake();
  void ends() {
    if (running_) go_on();
  }

 private:
  void go_on();

  World& world_;
  const Place place_;
  Work* work_ = nullptr;
  bool running_ = false;
  bool notified_ = false;
};

class World::Writing final : public engine::Executor {
 public:
  Writing(World& world, Place place) : world_(world), place_(place) { world_.ranks_[place].writing = this; }
  ~Writing() override {
    if (world_.ranks_[place_].writing == this) world_.ranks_[place_].writing = nullptr;
  }
  void start(Work& work) override { work_ = &work; }
  void notify() override { notified_ = true; }
  void stop() override {
    while (work_ != nullptr && work_->next()) work_->run();
    work_ = nullptr;
  }

  void look() {
    if (running_ || !std::exchange(notified_, false)) return;
    go_on();
  }
  void ends() {
    if (running_) go_on();
  }

 private:
  void go_on() {
    running_ = work_ != nullptr && work_->next();
    if (!running_) return;
    work_->run();
    world_.agenda_.plan(world_.now() + world_.settings_.disk, Happening::Kind::kWritten, place_);
  }

  World& world_;
  const Place place_;
  Work* work_ = nullptr;
  bool running_ = false;
  bool notified_ = false;
};

// The world's storage, until the rank is dead: then nothing reaches it any more.
class World::Disk final : public checkpoint::Storage {
 public:
  Disk(World& world, Place place) : world_(world), place_(place) {}

  bool create_folder(const checkpoint::Path& folder) override { return at(folder).create_folder(folder); }
  void sync_folder(const checkpoint::Path& folder) override { at(folder).sync_folder(folder); }
  std::vector<std::string> list(const checkpoint::Path& folder) override { return at(folder).list(folder); }
  std::unique_ptr<checkpoint::OutputFile> create(const checkpoint::Path& file) override;
  std::unique_ptr<checkpoint::InputFile> open(const checkpoint::Path& file) override {
    return at(file).open(file);
  }
  void rename(const checkpoint::Path& from, const checkpoint::Path& to) override {
    at(from).rename(from, to);
  }
  void remove(const checkpoint::Path& path) override { at(path).remove(path); }

 private:
  class File;
  [[nodiscard]] checkpoint::Storage& at(const checkpoint::Path& path) const;

  World& world_;
  const Place place_;
};

}  // namespace rondo::simulation
