// Random courses of calls on random machines: everything follows from the seed.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "checker.hpp"
#include "simulation/simulation.hpp"

namespace rondo::simulation {

class Scenario {
 public:
  explicit Scenario(std::uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15 + 7), seed_(seed) {
    settings_.seed = seed;
    settings_.workers = chance(0.03) ? 50 : 1 + below(8);
    engine::Options& o = settings_.options;
    o.stall.reset();
    o.orphan.reset();
    const bool rebalances = !chance(0.1);
    const std::uint64_t batch = chance(0.4) ? 1 + below(7) : 0;
    o.batch = !rebalances ? Tunable::off() : batch > 0 ? Tunable(batch) : Tunable();
    if (chance(0.2)) o.memory = 30'000 * (1 + below(40));
    if (chance(0.3)) o.tuning.tolerance = uniform() * 0.2;
    o.tuning.low = chance(0.1) ? 0 : std::pow(10, -5 + 3 * uniform());
    o.tuning.report_interval = std::pow(10, -3.5 + 2 * uniform());
    o.rounds_ahead = 1 + below(6);
    o.fanout = 1 + below(5);
    if (chance(0.3)) {
      workload_.own_inputs = true;  // few of them may wait at a worker
      o.input_memory = 2 * static_cast<std::size_t>(workload_.input_bytes) * (1 + below(10));
    }
    Machine& m = settings_.machine;
    m.latency = Seconds(chance(0.1) ? 0 : std::pow(10, -6 + 4 * uniform()));
    m.latency_jitter = chance(0.2) ? 0 : 4 * uniform();
    m.master_message = Seconds(std::pow(10, -7 + 4 * uniform()));
    m.worker_message = Seconds(std::pow(10, -7 + 4 * uniform()));
    workload_.state_bytes = chance(0.2) ? 0 : std::pow(10, 5.5 * uniform());
    if (chance(0.2) && !workload_.own_inputs)
      workload_.input_bytes = 2e5;  // for many workers it goes down the tree
    if (chance(0.3) && workload_.state_bytes > 0)
      o.memory = static_cast<std::uint64_t>(std::max(8.0, workload_.state_bytes)) * (1 + below(20));
    if (chance(0.2)) o.tuning.unsent_bytes = static_cast<std::uint64_t>(workload_.state_bytes * below(4)) + 1;
    choose_costs();
    o.check = rebalances && seed % 8 == 5;  // states move all the time
  }

  // Runs it; what was wrong, or nothing.
  [[nodiscard]] std::string run(Observer* second = nullptr) {
    Both observers{checker_, second};
    checker_.rebalance = !settings_.options.batch.is_off();
    Simulation simulation(settings_, workload_, &observers);
    const auto reset = [&] {
      const std::uint32_t count = chance(0.05) ? 0 : 1 + below(chance(0.2) ? 100 : 25);
      std::vector<double> hints;
      for (std::uint32_t i = 0; chance_hints_ && i < count; ++i) hints.push_back(1e-4 + uniform() * 1e-2);
      simulation.reset(count, hints);
      checker_.placed(simulation.scheduler());
    };
    reset();
    const std::uint32_t calls = 1 + below(6);
    for (std::uint32_t call = 0; call < calls && checker_.wrong().empty(); ++call) {
      if (chance(0.05)) reset();
      if (chance(0.25)) {
        std::vector<std::uint32_t> offspring(simulation.scheduler().size());
        for (std::uint32_t& each : offspring) each = chance(0.5) ? 1 : below(4);
        const std::vector<scheduler::Copy> copies = simulation.resample(offspring);
        checker_.placed(simulation.scheduler(), copies);
      }
      if (chance(0.2)) simulation.cancel_after(Seconds(std::pow(10, -5 + 4 * uniform())));
      const bool many = chance(0.4) && !settings_.options.check;  // which makes a call of each round
      const std::uint32_t rounds = many ? below(7) : 1;
      checker_.begins(many);
      const CallResult result = many ? simulation.evolve(rounds) : simulation.update();
      checker_.ended(simulation, rounds, result.cancelled);
      if (chance(0.3)) simulation.settle();
      if (chance(0.3)) checker_.fetched(simulation);
    }
    checker_.fetched(simulation);
    return checker_.wrong();
  }

  [[nodiscard]] const Settings& settings() const { return settings_; }

 private:
  struct Both : Observer {
    Both(Checker& a, Observer* b) : first(a), second(b) {}
    void decided(Time now, const scheduler::Event& e, const std::vector<scheduler::Command>& c,
                 const scheduler::Scheduler& s) override {
      first.decided(now, e, c, s);
      if (second != nullptr) second->decided(now, e, c, s);
    }
    void updates(scheduler::Worker w, scheduler::Slot s, std::uint32_t r, Time t, Seconds d) override {
      first.updates(w, s, r, t, d);
    }
    Checker& first;
    Observer* second;
  };

  double uniform() { return std::uniform_real_distribution<>(0, 1)(random_); }
  bool chance(double p) { return uniform() < p; }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

  // A number in [0, 1) that belongs to (seed, state, round).
  static double noise(std::uint64_t seed, std::uint64_t state, std::uint64_t round) {
    std::mt19937_64 random(seed * 1'000'003 + state * 7919 + round);
    random.discard(2);
    return std::uniform_real_distribution<>(0, 1)(random);
  }

  void choose_costs() {
    const double unit = std::pow(10, -4 + 2 * uniform());
    const std::uint64_t seed = seed_;
    const bool persistent = chance(0.5);
    const auto draw = [=](StateId state, std::uint64_t round, const auto& shape) {
      const double own = shape(noise(seed, value(state), persistent ? 0 : round + 1));
      return unit * own * (0.9 + 0.2 * noise(seed + 1, value(state), round));
    };
    switch (below(5)) {
      case 0: workload_.seconds = [](StateId, std::uint64_t) { return 0.0; }; break;
      case 1: workload_.seconds = [=](StateId, std::uint64_t) { return unit; }; break;
      case 2:
        workload_.seconds = [=](StateId s, std::uint64_t r) {
          return draw(s, r, [](double u) { return -std::log(1 - u); });
        };
        break;
      case 3:
        workload_.seconds = [=](StateId s, std::uint64_t r) {
          return draw(s, r, [](double u) { return u < 0.05 ? 50.0 : u < 0.5 ? 1.0 : 0.0; });
        };
        break;
      default:
        workload_.seconds = [=](StateId s, std::uint64_t r) {
          return draw(s, r, [](double u) { return std::exp(3 * u); });
        };
    }
    chance_hints_ = chance(0.3);
    if (chance(0.15)) {
      const double rate = 0.02 * uniform();
      workload_.fails = [=](StateId s, std::uint64_t r) { return noise(seed + 2, value(s), r) < rate; };
    }
  }

  std::mt19937_64 random_;
  std::uint64_t seed_;
  Settings settings_;
  Workload workload_;
  Checker checker_;
  bool chance_hints_ = false;
};

}  // namespace rondo::simulation
