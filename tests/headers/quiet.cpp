// A program that uses much of Rondo: the compiler has nothing to say about the templates behind it, whatever it is asked for.
#include <cstdint>
#include <deque>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <rondo/accumulators.hpp>
#include <rondo/ranks.hpp>
#include <rondo/resampling.hpp>
#include <rondo/rondo.hpp>

struct Base {
  virtual ~Base() = default;
  int number = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& number;
  }
};

struct State {
  std::vector<double> values;
  std::unordered_map<std::string, std::vector<float>> table;
  std::map<int, std::pair<int, double>> sorted;
  std::variant<int, std::string> either;
  std::optional<std::tuple<char, double>> perhaps;
  std::shared_ptr<Base> shared;
  std::unique_ptr<Base> owned;
  std::deque<bool> flags;
  std::vector<bool> bits;
  std::list<std::set<long>> sets;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& values& table& sorted& either& perhaps& shared& owned& flags& bits& sets;
  }
};

class Everything : public rondo::Update<State, std::string, std::pair<int, float>, std::vector<int>> {
 public:
  std::pair<int, float> update(State& state, const std::string& input, const Call& call) override {
    state.values.push_back(static_cast<double>(call.random()()));
    return {call.context().empty() ? 0 : 1, static_cast<float>(input.size())};
  }
};

// Accumulators that travel: all of them as an output.
struct Seen {
  rondo::ExactSum sum;
  rondo::Minimum least;
  rondo::Maximum most;
  rondo::Count count;
  rondo::MeanAndVariance moments;
  rondo::Histogram histogram = rondo::Histogram::uniform(0, 1, 4);
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& sum& least& most& count& moments& histogram;
  }
};
class Measure : public rondo::Update<double, double, Seen> {
 public:
  Seen update(double& state, const double& input, const Call&) override {
    Seen seen;
    state += input;
    seen.sum += state;
    seen.least += state;
    seen.most += state;
    ++seen.count;
    seen.moments += state;
    seen.histogram += state;
    return seen;
  }
};

int measure(int argc, char** argv) {
  return rondo::run<Measure>(argc, argv, [](rondo::Master<Measure>& master) {
    master.reset({0.1, 0.2, 0.3});
    Seen all;
    std::vector<double> log_weights;
    for (const Seen& seen : master.update({0.1, 0.2, 0.3})) {
      all.sum += seen.sum;
      all.least += seen.least;
      all.most += seen.most;
      all.count += seen.count;
      all.moments += seen.moments;
      all.histogram += seen.histogram;
      log_weights.push_back(-seen.sum.value());
    }
    const std::vector<double> weights = rondo::normalised_weights(log_weights);
    rondo::Random& random = master.random();
    master.resample(rondo::systematic_offspring(weights, 3, random));
    master.resample(rondo::stratified_offspring(weights, 3, random));
    master.resample(rondo::multinomial_offspring(weights, 3, random));
    master.resample(rondo::residual_offspring(weights, 3, random));
    master.resample(rondo::neighbour_swaps(
        3, rondo::LadderPairs::even, [](std::size_t i, std::size_t j) { return i < j ? -1. : 0.; }, random));
    const rondo::WalkerPlan plan = rondo::split_and_merge(weights, 2, random);
    master.resample(rondo::branching_offspring(weights, 3, random));
    std::cout << all.sum.value() << all.least.value() << all.most.value() << all.count.value()
              << all.moments.mean() << all.moments.variance() << all.histogram.counts().size()
              << rondo::log_mean_weight(log_weights) << rondo::effective_size(weights) << plan.walkers.size();
  });
}

rondo::Stream<int> numbers() {
  for (int i = 0; i < 10; ++i) co_yield i;
}

int main(int argc, char** argv) {
  if (argc > 2) return measure(argc, argv);
  return rondo::run<Everything>(argc, argv, [](rondo::Master<Everything>& master) {
    double progress = 0;
    (void)master.resume(progress);
    master.reset(std::vector<State>(3));
    master.share({1, 2});
    (void)master.update("one");
    (void)master.update(std::vector<std::string>(3));
    const std::vector<std::string> inputs(4, "many");
    master.evolve(inputs,
                  [](std::size_t round, std::span<const std::pair<int, float>>) { std::cout << round; });
    std::map<rondo::StateId, std::vector<std::string>> forks;
    for (const rondo::StateId id : master.ids()) forks[id] = {"a", "b"};
    (void)master.update(forks);
    (void)master.states();
    master.safe_point(progress);
    const auto outputs = rondo::evaluate_on(master, rondo::from_range(inputs) | rondo::on_ranks(master));
    auto pipeline =
        numbers() | rondo::chunks(2) | rondo::map([](int i) { return std::pair<int, double>(i % 3, i); }) |
        rondo::group_by(&std::pair<int, double>::first, [](auto& a, auto b) { a.second += b.second; }) |
        rondo::sort_by(&std::pair<int, double>::second) | rondo::take(2);
    for (const auto& [key, sum] : rondo::sequential(std::move(pipeline)))
      std::cout << key << sum << outputs.size();
  });
}
