// A bootstrap particle filter: what was the level of the Nile, given 100 years of noisy flows?
//
// Each of 10,000 particles is a guess of the level. Every year all of them take a random step, are weighed by how well
// they explain the year's flow, and where the weights have become too unequal, good ones are forked and bad ones dropped.
// The model is simple enough for an exact answer, the Kalman filter, which stands beside the estimate. The error is
// the standard error over independent runs of the filter.
//
//   $ mpirun -np 3 build/examples/particle_filter/particle_filter
//   Level of the Nile at Aswan, in 1e8 cubic metres a year
//   year    flow  particles   exact
//   1880  1140.0     1163.5  1162.4
//   1890  1140.0     1026.5  1026.1
//   1900   840.0      981.4   984.6
//   1910   969.0      929.1   930.3
//   1920   821.0      849.5   849.1
//   1930   759.0      836.4   834.5
//   1940   676.0      822.2   821.5
//   1950   890.0      865.7   866.4
//   1960   815.0      889.3   889.0
//   1970   740.0      799.1   798.4
//
//   log-likelihood of 100 years
//   particles  -639.2912 +- 0.0414   (8 runs of 10000 particles, 198 resamplings)
//   exact      -639.2633
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <rondo/rondo.hpp>

#include "local_level.hpp"
#include "weights.hpp"

struct Seen {
  double level;
  double log_density;  // of the year's flow, given this level
};

// State: a level. Input: the flow of a year.
class Year : public rondo::Update<double, double, Seen> {
 public:
  Seen update(double& level, const double& flow, const Call& call) override {
    level += std::normal_distribution(0.0, std::sqrt(kNile.step_variance))(call.random());
    return {level, log_normal_density(flow, level, kNile.noise_variance)};
  }
};

struct Run {
  std::vector<Filtered> filtered;  // estimates of what the Kalman filter gives
  std::size_t resamplings = 0;
};

struct Flow {
  int year;
  double flow;
};

// One run. The estimate of the likelihood is the product of the years' mean densities.
Run filter(rondo::Master<Year>& master, const std::vector<Flow>& flows, std::size_t particles,
           std::mt19937_64& random) {
  std::normal_distribution start(kNile.start_mean, std::sqrt(kNile.start_variance));
  std::vector<double> levels(particles);
  for (double& level : levels) level = start(random);
  master.reset(levels);

  Run run;
  Weights weights(particles);
  std::vector<double> log_densities(particles);
  double log_likelihood = 0;
  for (const Flow& year : flows) {
    const std::vector<Seen> seen = master.update(year.flow);
    for (std::size_t i = 0; i < particles; ++i) log_densities[i] = seen[i].log_density;
    log_likelihood += weights.multiply(log_densities);
    double level = 0;
    for (std::size_t i = 0; i < particles; ++i) level += weights[i] * seen[i].level;
    run.filtered.push_back({level, log_likelihood});

    if (weights.effective_ratio() <= 0.5) {
      const double shift = std::uniform_real_distribution(0.0, 1.0)(random);
      master.resample(weights.systematic_offspring(shift));
      weights = Weights(particles);
      ++run.resamplings;
    }
  }
  return run;
}

struct Estimate {
  double log_likelihood;
  double error;
};

// The mean of the runs' likelihoods (which are unbiased, their logarithms are not), and its standard error.
Estimate combine(const std::vector<Run>& runs) {
  const double scale = runs.front().filtered.back().log_likelihood;
  const auto count = static_cast<double>(runs.size());
  double sum = 0, squares = 0;
  for (const Run& run : runs) {
    const double likelihood = std::exp(run.filtered.back().log_likelihood - scale);
    sum += likelihood;
    squares += likelihood * likelihood;
  }
  const double mean = sum / count;
  const double variance = std::max(0.0, squares / count - mean * mean) / (count - 1);
  return {scale + std::log(mean), std::sqrt(variance) / mean};
}

std::vector<Flow> read_flows(const std::string& path) {
  std::ifstream file(path);
  std::vector<Flow> flows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    if (Flow flow; line.front() != '#' && fields >> flow.year >> flow.flow) flows.push_back(flow);
  }
  if (flows.empty()) throw std::runtime_error(path + ": no flows in it");
  return flows;
}

// The options of the program itself; rondo::run has taken those that begin with --rondo- out of argv.
struct Options {
  long particles, runs, years;
  std::string data;
};

// Nothing: --help was given.
std::optional<Options> read_options(int argc, char** argv) {
  namespace po = boost::program_options;
  Options options;
  po::options_description all("A particle filter on the flow of the Nile");
  auto add = all.add_options();
  add("help", "print this list; --rondo-help prints those of Rondo");
  add("particles", po::value(&options.particles)->default_value(10'000));
  add("runs", po::value(&options.runs)->default_value(8), "of the filter; their spread tells the error");
  add("years", po::value(&options.years)->default_value(100), "of the data, from the first");
  add("data", po::value(&options.data)->default_value(NILE_DATA), "a file with a year and its flow per line");
  po::variables_map given;
  po::store(po::parse_command_line(argc, argv, all), given);
  if (given.count("help") > 0) {
    std::cout << all;
    return std::nullopt;
  }
  po::notify(given);
  if (options.particles < 1 || options.runs < 2 || options.years < 1)
    throw std::invalid_argument("need at least 1 particle, 2 runs and 1 year");
  return options;
}

void print(const std::vector<Flow>& flows, const std::vector<Run>& runs, std::size_t particles) {
  std::vector<double> values;
  for (const Flow& flow : flows) values.push_back(flow.flow);
  const std::vector<Filtered> exact = kalman_filter(kNile, values);

  std::cout << std::fixed << std::setprecision(1)
            << "Level of the Nile at Aswan, in 1e8 cubic metres a year\n"
            << "year    flow  particles   exact\n";
  for (std::size_t t = 0; t < flows.size(); ++t) {
    if (flows[t].year % 10 != 0 && t + 1 < flows.size()) continue;
    std::cout << flows[t].year << std::setw(8) << flows[t].flow << std::setw(11)
              << runs.front().filtered[t].level << std::setw(8) << exact[t].level << '\n';
  }
  std::size_t resamplings = 0;
  for (const Run& run : runs) resamplings += run.resamplings;
  const Estimate estimate = combine(runs);
  std::cout << std::setprecision(4) << "\nlog-likelihood of " << flows.size() << " years\n"
            << "particles  " << estimate.log_likelihood << " +- " << estimate.error << "   (" << runs.size()
            << " runs of " << particles << " particles, " << resamplings << " resamplings)\n"
            << "exact      " << exact.back().log_likelihood << '\n';
}

int main(int argc, char** argv) {
  return rondo::run<Year>(argc, argv, [&](rondo::Master<Year>& master) {
    const std::optional<Options> options = read_options(argc, argv);
    if (!options) return;
    std::vector<Flow> flows = read_flows(options->data);
    flows.resize(std::min(flows.size(), static_cast<std::size_t>(options->years)));

    std::mt19937_64 random(master.seed());
    std::vector<Run> runs;
    for (long i = 0; i < options->runs; ++i)
      runs.push_back(filter(master, flows, static_cast<std::size_t>(options->particles), random));
    print(flows, runs, master.size());

    const rondo::Profile profile = master.profile();
    std::cerr << profile.updates << " updates on " << master.workers() << " workers took "
              << profile.wall_time << " s\n";
  });
}
