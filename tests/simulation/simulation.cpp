#include "simulation/simulation.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>

#include <rondo/error.hpp>

namespace rondo::simulation {

using scheduler::Slot;

namespace {

WorldSettings world_settings(const Settings& settings) {
  WorldSettings world;
  world.ranks = settings.workers + 1;
  world.machine = settings.machine;
  world.seed = settings.seed;
  return world;
}

}  // namespace

// A state is a number, and as big as the workload says where it is packed. What is not the number is never touched, and so
// takes no time.
class Simulation::Kernel final : public detail::Kernel {
 public:
  explicit Kernel(Simulation& simulation) : simulation_(simulation) {}

  detail::Object make_state() const override { return object(0); }
  detail::Object unpack_state(Bytes bytes) const override {
    simulation_.world_.charge(Seconds(static_cast<double>(bytes.size()) / machine().unpacking_bandwidth));
    std::uint64_t contents = 0;
    std::memcpy(&contents, bytes.data(), sizeof contents);
    return object(contents);
  }
  detail::Object copy_state(const void* state) const override { return object(of(state)); }
  std::size_t packed_size(const void*) const override { return simulation_.state_bytes_; }
  void pack_state(const void* state, Buffer& out) const override {
    simulation_.world_.charge(
        Seconds(static_cast<double>(simulation_.state_bytes_) / machine().packing_bandwidth));
    std::byte* const place = out.extend(simulation_.state_bytes_);
    if (simulation_.settings_.options.check)
      std::memset(place, 0, simulation_.state_bytes_);  // it compares them
    std::memcpy(place, state, sizeof(std::uint64_t));
  }
  void save_state(const void* state, Buffer& out, detail::Recorder&) const override {
    pack_state(state, out);
  }
  detail::Object load_state(Bytes bytes, const detail::Schema&) const override { return unpack_state(bytes); }
  detail::Object unpack_input(Bytes) const override { return object(0); }
  void set_context(Bytes) override {}
  void update(void* state, const void*, Bytes, const detail::CallInfo& call, Buffer& output) override {
    simulation_.run_update(call.state, call.round);
    auto& contents = *static_cast<std::uint64_t*>(state);
    contents = updated(contents, call.state, call.round);
    const auto bytes = static_cast<std::size_t>(simulation_.workload_.output_bytes);
    std::byte* const place = output.extend(bytes);
    if (simulation_.settings_.options.check) std::memset(place, 0, bytes);
  }

 private:
  [[nodiscard]] const Machine& machine() const { return simulation_.settings_.machine; }
  static std::uint64_t of(const void* state) { return *static_cast<const std::uint64_t*>(state); }
  static detail::Object object(std::uint64_t contents) {
    return {new std::uint64_t(contents), [](void* old) { delete static_cast<std::uint64_t*>(old); }};
  }

  Simulation& simulation_;
};

Simulation::Simulation(const Settings& settings, Workload workload, simulation::Observer* observer)
    : settings_(settings),
      workload_(std::move(workload)),
      observer_(observer),
      state_bytes_(std::max(sizeof(std::uint64_t), static_cast<std::size_t>(workload_.state_bytes))),
      cancel_at_(std::numeric_limits<double>::infinity()),
      program_(program()),
      world_(world_settings(settings), storage_, program_),
      relay_(world_.transport()),
      master_(relay_, world_.host(this), program_, settings.options) {}

std::uint64_t Simulation::updated(std::uint64_t contents, StateId id, std::uint64_t round) {
  for (const std::uint64_t word : {value(id), round}) {
    contents ^= word + 0x9e3779b97f4a7c15 + (contents << 6) + (contents >> 2);
    contents *= 0xff51afd7ed558ccd;
    contents ^= contents >> 32;
  }
  return contents;
}

// ---- states between the calls

void Simulation::reset(std::size_t count, std::span<const double> seconds) {
  contents_.resize(count);
  for (std::size_t i = 0; i < count; ++i) contents_[i] = i * 0x9e3779b97f4a7c15;
  master_.reset(count, [&](std::size_t i, Buffer& out) {
    std::byte* const place = out.extend(state_bytes_);
    if (settings_.options.check) std::memset(place, 0, state_bytes_);
    std::memcpy(place, &contents_[i], sizeof contents_[i]);
  });
  master_.hint(seconds);
  settle();
}

std::vector<scheduler::Copy> Simulation::resample(std::span<const std::uint32_t> offspring) {
  std::vector<scheduler::Worker> owners;
  for (Slot slot = 0; slot < scheduler_->size(); ++slot) owners.push_back(scheduler_->owner(slot));
  master_.resample(offspring);
  std::vector<scheduler::Copy> copies;
  std::vector<std::uint64_t> contents;
  for (Slot parent = 0; parent < owners.size(); ++parent) {
    for (std::uint32_t k = 0; k < offspring[parent]; ++k) {
      const auto child = static_cast<Slot>(copies.size());
      copies.push_back({parent, owners[parent], scheduler_->owner(child), scheduler_->id(child), 1});
      contents.push_back(contents_[parent]);
    }
  }
  contents_ = std::move(contents);
  return copies;
}

std::size_t Simulation::fetch() {
  std::vector<std::size_t> all(contents_.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  std::size_t good = 0;
  master_.fetch(all, [&](std::size_t i, Bytes bytes) {
    std::uint64_t contents = 0;
    std::memcpy(&contents, bytes.data(), sizeof contents);
    good += contents == contents_[i] ? 1 : 0;
  });
  return good;
}

// ---- calls

CallResult Simulation::update() {
  return run_call([&] {
    ++round_;
    const auto bytes = static_cast<std::size_t>(workload_.input_bytes);
    Buffer input;
    std::memset(input.extend(bytes), 0, bytes);
    const auto take = [&](std::size_t, Bytes) { world_.charge(settings_.machine.master_item); };
    if (!workload_.own_inputs) return master_.update(input, {}, take);
    const auto pack = [&](std::size_t, Buffer& out) {
      out.extend(bytes);
      world_.charge(Seconds(workload_.input_bytes / settings_.machine.master_bandwidth));
    };
    master_.update({}, pack, take);
  });
}

CallResult Simulation::evolve(std::uint32_t rounds) {
  return run_call([&] {
    std::uint32_t pulled = 0;
    detail::Engine::Rounds all;
    all.next = [&](Buffer& input) {
      if (pulled == rounds) return false;
      ++pulled;
      ++round_;
      const auto bytes = static_cast<std::size_t>(workload_.input_bytes);
      std::memset(input.extend(bytes), 0, bytes);
      return true;
    };
    all.output = [&](std::uint64_t, std::size_t, Bytes) { world_.charge(settings_.machine.master_item); };
    all.complete = [](std::uint64_t) {};
    all.ahead = settings_.options.rounds_ahead;
    master_.evolve(all);
  });
}

template <class Call>
CallResult Simulation::run_call(const Call& call) {
  world_.catch_up();
  const Time begin = world_.master_time();
  const std::uint64_t messages = world_.messages(), master_messages = world_.master_messages();
  const Seconds busy = world_.master_busy();
  running_ = {round_, std::vector<double>(scheduler_->size(), 0), {}};
  cancel_at_ = begin + cancel_after_.value_or(Seconds(std::numeric_limits<double>::infinity()));
  cancel_after_.reset();
  if (scheduler_->size() > 0)
    world_.charge(settings_.machine.master_state * static_cast<double>(scheduler_->size()));
  try {
    call();
  } catch (const UpdateError&) {
    running_.result.cancelled = true;
  }
  world_.catch_up();

  CallResult result = running_.result;
  result.makespan = (world_.master_time() - begin).count();
  for (const double seconds : running_.chain) result.longest = std::max(result.longest, seconds);
  result.bound = std::max(result.work / settings_.workers, result.longest);
  result.messages = world_.messages() - messages;
  result.master_messages = world_.master_messages() - master_messages;
  result.master_busy = (world_.master_busy() - busy).count();
  return result;
}

void Simulation::decided(Time now, const scheduler::Event& event,
                         const std::vector<scheduler::Command>& commands) {
  CallResult& result = running_.result;
  if (const auto* begin = std::get_if<scheduler::event::Begin>(&event))
    running_.first_round = begin->rounds == 1 ? round_ - 1 : round_;
  if (const auto* report = std::get_if<scheduler::event::Report>(&event)) {
    for (const scheduler::Done& done : report->done) {
      result.work += done.seconds;
      running_.chain[done.slot] += done.seconds;
    }
  }
  if (const auto* gave = std::get_if<scheduler::event::Gave>(&event)) result.stolen += gave->given.size();
  for (const scheduler::Command& command : commands) {
    if (const auto* move = std::get_if<scheduler::command::Move>(&command))
      result.refined += move->slots.size();
    if (std::holds_alternative<scheduler::command::Give>(command)) ++result.gifts;
    if (std::holds_alternative<scheduler::command::End>(command)) end_call();
  }
  if (observer_ != nullptr) observer_->decided(now, event, commands, *scheduler_);
}

// The states are what their updates have made of them.
void Simulation::end_call() {
  for (Slot slot = 0; slot < contents_.size(); ++slot)
    for (std::uint32_t round = 0; round < scheduler_->rounds_done(slot); ++round)
      contents_[slot] = updated(contents_[slot], scheduler_->id(slot), running_.first_round + round);
}

void Simulation::run_update(StateId id, std::uint64_t round) {
  const bool again = last_update_ == std::pair(id, round);
  last_update_ = {id, round};
  const double seconds = workload_.seconds(id, round);
  world_.charge(Seconds(seconds));
  if (observer_ != nullptr && !again) {
    const auto& ids = master_.ids();
    const auto slot = static_cast<Slot>(std::lower_bound(ids.begin(), ids.end(), id) - ids.begin());
    observer_->updates(scheduler::Worker{world_.place() - 1}, slot,
                       static_cast<std::uint32_t>(round - running_.first_round), world_.now(),
                       Seconds(seconds));
  }
  if (world_.now() >= cancel_at_ || (workload_.fails && workload_.fails(id, round)))
    throw std::runtime_error("this update throws");
}

detail::Program Simulation::program() {
  detail::Program program;
  program.types = "virtual";
  program.make_kernel = [this] { return std::make_unique<Kernel>(*this); };
  return program;
}

}  // namespace rondo::simulation
