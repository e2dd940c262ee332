#include "workload/result.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>

namespace reference {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// What the schedule's bound says about the rounds that the median is taken over.
double median_bound(const Costs& costs, std::size_t workers) {
  std::vector<double> bounds;
  for (std::size_t round = costs.rounds() > 1 ? 1 : 0; round < costs.rounds(); ++round)
    bounds.push_back(costs.bound_ms(round, workers));
  return median(std::move(bounds));
}

}  // namespace

struct Result::Hash {
  XXH3_state_t* state = XXH3_createState();
  Hash() { XXH3_64bits_reset(state); }
  ~Hash() { XXH3_freeState(state); }
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;
};

Result::Result(const Workload& workload, std::string_view default_name)
    : workload_{workload},
      name_{workload.settings().name.empty() ? default_name : workload.settings().name},
      hash_{std::make_unique<Hash>()} {}

Result::~Result() = default;

void Result::start() { last_ = Clock::now(); }

void Result::end_round(std::span<const Record> outputs) {
  if (outputs.size() != workload_.settings().states)
    throw std::logic_error{name_ + ": a round gave " + std::to_string(outputs.size()) + " outputs"};
  XXH3_64bits_update(hash_->state, outputs.data(), outputs.size_bytes());
  const Clock::time_point now = Clock::now();
  rounds_ms_.push_back(std::chrono::duration<double, std::milli>(now - last_).count());
  last_ = now;
}

void Result::print() const {
  print(std::vector<double>(rounds_ms_.begin() + (rounds_ms_.size() > 1 ? 1 : 0), rounds_ms_.end()));
}

void Result::print_mean() const {
  const double total = std::accumulate(rounds_ms_.begin(), rounds_ms_.end(), 0.0);
  print({total / static_cast<double>(rounds_ms_.size())});
}

void Result::print(std::vector<double> warm) const {
  const Settings& settings = workload_.settings();
  const Costs& costs = workload_.costs();
  const double total = std::accumulate(rounds_ms_.begin(), rounds_ms_.end(), 0.0);
  char hash[17];
  std::snprintf(hash, sizeof hash, "%016llx",
                static_cast<unsigned long long>(XXH3_64bits_digest(hash_->state)));
  const nlohmann::ordered_json line{
      {"name", name_},
      {"workers", settings.workers},
      {"ms", median(warm)},
      {"ms_min", *std::min_element(warm.begin(), warm.end())},
      {"ms_max", *std::max_element(warm.begin(), warm.end())},
      {"first_ms", rounds_ms_.front()},
      {"mean_ms", total / static_cast<double>(rounds_ms_.size())},
      {"bound_ms", median_bound(costs, settings.workers)},
      {"first_bound_ms", costs.bound_ms(0, settings.workers)},
      {"chain_bound_ms", costs.chain_bound_ms(settings.workers) / static_cast<double>(rounds_ms_.size())},
      {"hash", hash}};
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

}  // namespace reference
