// The model of the published scheme has the published curve.
#include "benchmarks/scaling/published.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <utility>

#include "simulation/workload.hpp"

namespace rondo::simulation {
namespace {

TEST(Published, SimulatesThePublishedCurve) {
  const auto total = [](std::uint32_t workers) {
    PublishedSettings settings;
    settings.workers = workers;
    settings.master_message = Seconds(100e-6);
    settings.master_item = Seconds(50e-6);
    const auto seconds =
        run_published(settings, workload({.mean = 0.03, .sigma = 0.6, .states = 2000}), 2000, 10);
    return std::accumulate(seconds.begin(), seconds.end(), 0.0);
  };
  const double base = 17 * total(17);
  const std::pair<std::uint32_t, double> curve[] = {{36, 0.93},  {53, 0.89},  {89, 0.78},
                                                    {179, 0.59}, {323, 0.39}, {449, 0.28}};
  for (const auto& [workers, efficiency] : curve)
    EXPECT_NEAR(base / (workers * total(workers)) / efficiency, 1, 0.08) << workers;
}

}  // namespace
}  // namespace rondo::simulation
