// Messages of different ranks overtake each other by far: ids, outputs and states equal the pure model all the same, and nobody
// sends a state, a context or an input on after it has said that everything of it has left.
//
// One seed is one run. RONDO_TEST_SEEDS sets how many seeds there are, RONDO_TEST_SEED the first one; a failure prints its
// seed.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "comparison.hpp"
#include "engine/messages.hpp"
#include "run_on_places.hpp"
#include "transport/any_order.hpp"
#include "transport/in_process.hpp"

namespace rondo::test {
namespace {

class LatePlaces {
 public:
  LatePlaces(std::int32_t size, std::uint64_t seed) : inner_(size), size_(size), seed_(seed) {}

  [[nodiscard]] std::unique_ptr<transport::Transport> open(Rank rank) {
    return std::make_unique<Place>(*this, inner_.open(rank),
                                   mix(seed_, static_cast<std::uint64_t>(value(rank))));
  }
  [[nodiscard]] std::int32_t size() const { return size_; }
  void begin() {}
  void end() {}
  // Messages that were sent to ranks that might have left.
  [[nodiscard]] std::uint64_t too_late() const { return too_late_; }

 private:
  class Place final : public AnyOrder {
   public:
    Place(LatePlaces& all, std::unique_ptr<Transport> inner, std::uint64_t seed)
        : AnyOrder(std::move(inner), seed), all_(all) {}

    void send(Rank to, Buffer message) override {
      using enum engine::Kind;
      const engine::Kind kind = engine::kind_of(message);
      closed_ = closed_ || kind == kClosed;
      if (closed_ && (kind == kStates || kind == kContext || kind == kInput)) ++all_.too_late_;
      AnyOrder::send(to, std::move(message));
    }

   private:
    LatePlaces& all_;
    bool closed_ = false;
  };

  transport::InProcess inner_;
  const std::int32_t size_;
  const std::uint64_t seed_;
  std::atomic<std::uint64_t> too_late_{0};
};

void run_seed(std::uint64_t seed, const std::vector<std::string>& more) {
  Dice dice(seed);
  Model model;
  bool rollback = false;
  std::vector<std::string> given = random_options(dice, model.seed, rollback);
  given.emplace_back("--rondo-recover-deadline=1000");  // nobody is lost, however slow the machine is
  given.insert(given.end(), more.begin(), more.end());
  SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed) + " RONDO_TEST_SEEDS=1");
  CommandLine line(given);
  const engine::Options options = *engine::take_options(line.argc, line.argv());
  LatePlaces places(static_cast<std::int32_t>(2 + dice.below(7)), seed);
  const int status = run_on_places<Machine>(
      places, options, [&](Master<Machine>& master) { Comparison(master, dice, model, rollback).go(); });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(places.too_late(), 0U);
}

const std::uint64_t first_seed = environment("RONDO_TEST_SEED", 1);

TEST(AnyOrder, EveryRunEqualsThePureModel) {
  const std::uint64_t seeds = environment("RONDO_TEST_SEEDS", 200);
  for (std::uint64_t seed = first_seed; seed < first_seed + seeds && !HasFailure(); ++seed)
    run_seed(seed, {});
}

// Rank 0 asks all workers what they do whenever it waits for longer than a millisecond, whatever it waits for.
TEST(AnyOrder, QuestionsInEveryPhaseChangeNothing) {
  const std::uint64_t seeds = environment("RONDO_TEST_SEEDS", 50);
  testing::internal::CaptureStderr();
  for (std::uint64_t seed = first_seed; seed < first_seed + seeds && !HasFailure(); ++seed)
    run_seed(seed, {"--rondo-stall=0.001"});
  EXPECT_NE(
      testing::internal::GetCapturedStderr().find("rondo: no progress for 0 s; rank 0 waits for round "),
      std::string::npos);
}

}  // namespace
}  // namespace rondo::test
