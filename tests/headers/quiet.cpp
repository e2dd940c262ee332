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

#include <rondo/ranks.hpp>
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

rondo::Stream<int> numbers() {
  for (int i = 0; i < 10; ++i) co_yield i;
}

int main(int argc, char** argv) {
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
