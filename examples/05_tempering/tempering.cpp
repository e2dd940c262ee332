// Parallel tempering of the two-dimensional Ising model: what is its energy at each temperature?
//
// Sixteen replicas of a 32 x 32 lattice run at sixteen temperatures around the critical one. After every ten sweeps
// neighbours on the ladder of temperatures may swap them, so that each replica is shaken up when it is hot and measured
// when it is cold. A lattice never moves for that: a swap changes only what temperature is its next input.
//
// Onsager's exact energy is for an infinite lattice. Where ours is longer than nine correlation lengths they differ by less
// than the statistical error, and the program fails if the difference is over four errors; nearer to the critical
// point (beta = 0.4407) a lattice of this size has another energy. The error is that of the mean of 30 bins in time.
//
// With --rondo-checkpoint=FOLDER the run may be ended at any time: started again, it goes on from its last checkpoint, on any
// number of ranks, and prints the same.
//
//   $ mpirun -np 3 build/examples/05_tempering/tempering
//   beta   energy per site       Onsager   lattice in       difference
//                                          correl. lengths  in errors
//   0.35   -0.8804 +- 0.0011    -0.8798     12.5             -0.5
//   0.36   -0.9218 +- 0.0022    -0.9198     11.0             -0.9
//   0.37   -0.9610 +- 0.0016    -0.9619      9.6              0.6
//   0.38   -1.0052 +- 0.0022    -1.0066      8.1
//   0.39   -1.0562 +- 0.0017    -1.0545      6.7
//   0.40   -1.1092 +- 0.0024    -1.1061      5.4
//   0.41   -1.1666 +- 0.0027    -1.1626      4.0
//   0.42   -1.2398 +- 0.0029    -1.2261      2.7
//   0.43   -1.3314 +- 0.0041    -1.3004      1.4
//   0.44   -1.4287 +- 0.0041    -1.4022      0.1
//   0.45   -1.5185 +- 0.0024    -1.5130      2.4
//   0.46   -1.5838 +- 0.0027    -1.5812      4.9
//   0.47   -1.6327 +- 0.0023    -1.6342      7.4
//   0.48   -1.6787 +- 0.0016    -1.6777      9.8             -0.6
//   0.49   -1.7112 +- 0.0016    -1.7143     12.2              1.9
//   0.50   -1.7444 +- 0.0014    -1.7456     14.6              0.8
//   60 % of the swaps were accepted
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include <rondo/rondo.hpp>

#include "onsager.hpp"

constexpr std::size_t kLength = 32;
constexpr std::size_t kSites = kLength * kLength;
constexpr std::size_t kRungs = 16;
constexpr int kSweeps = 10;  // between swaps
constexpr int kWarmUp = 200;
constexpr int kBins = 30;
constexpr int kBinRounds = 50;

constexpr double beta(std::size_t rung) { return 0.35 + 0.01 * static_cast<double>(rung); }

// State: the spins, 1 or -1. Input: the inverse temperature. Output: the energy.
class Sweep : public rondo::Update<std::vector<std::int8_t>, double, int> {
 public:
  int update(std::vector<std::int8_t>& spins, const double& beta, const Call& call) override {
    // Metropolis: a flip that costs 4 or 8 is accepted so often; one that costs less, always
    const std::array<double, 2> chance{std::exp(-4 * beta), std::exp(-8 * beta)};
    rondo::Random& random = call.random();
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (std::size_t site = 0; site < kSites; ++site) {
        const int aligned = spins[site] * neighbours(spins, site);
        if (aligned <= 0 || random() * 0x1p-32 < chance[aligned == 4]) spins[site] = -spins[site];
      }
    }
    int twice = 0;
    for (std::size_t site = 0; site < kSites; ++site) twice -= spins[site] * neighbours(spins, site);
    return twice / 2;
  }

 private:
  // The sum of the four spins around a site; the lattice is a torus.
  static int neighbours(const std::vector<std::int8_t>& spins, std::size_t site) {
    const std::size_t column = site % kLength;
    const std::size_t left = column > 0 ? site - 1 : site + kLength - 1;
    const std::size_t right = column + 1 < kLength ? site + 1 : site + 1 - kLength;
    return spins[left] + spins[right] + spins[(site + kSites - kLength) % kSites] +
           spins[(site + kLength) % kSites];
  }
};

struct Mean {
  double value;
  double error;
};

// Bins are so long that their means are all but independent.
Mean mean_of_bins(const std::array<double, kBins>& bins) {
  double sum = 0, squares = 0;
  for (const double bin : bins) sum += bin;
  for (const double bin : bins) squares += (bin - sum / kBins) * (bin - sum / kBins);
  return {sum / kBins, std::sqrt(squares / (kBins - 1) / kBins)};
}

// Which replica is on which rung of the ladder.
class Ladder {
 public:
  Ladder() {
    for (std::size_t rung = 0; rung < kRungs; ++rung) replica_[rung] = rung;
  }

  [[nodiscard]] std::size_t replica(std::size_t rung) const { return replica_[rung]; }

  [[nodiscard]] std::vector<double> betas() const {
    std::vector<double> betas(kRungs);
    for (std::size_t rung = 0; rung < kRungs; ++rung) betas[replica_[rung]] = beta(rung);
    return betas;
  }

  // Pairs (0, 1), (2, 3) and so on, or if `odd` (1, 2), (3, 4) and so on.
  void swap(const std::vector<int>& energies, bool odd, rondo::Random random) {
    for (std::size_t rung = odd ? 1 : 0; rung + 1 < kRungs; rung += 2) {
      const double colder_by = beta(rung + 1) - beta(rung);
      const int lower_by = energies[replica_[rung]] - energies[replica_[rung + 1]];
      ++tried_;
      if (random() * 0x1p-32 < std::exp(-colder_by * lower_by)) {
        std::swap(replica_[rung], replica_[rung + 1]);
        ++accepted_;
      }
    }
  }

  [[nodiscard]] double acceptance() const { return static_cast<double>(accepted_) / tried_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& replica_& tried_& accepted_;
  }

 private:
  std::array<std::size_t, kRungs> replica_;
  int tried_ = 0;
  int accepted_ = 0;
};

// What a run needs to go on, beside the lattices: it travels with their checkpoints.
struct Progress {
  int round = 0;
  Ladder ladder;
  std::array<std::array<double, kBins>, kRungs> energies{};
};

// Prints a line per rung; whether all that should agree with Onsager do.
bool compare(const std::array<std::array<double, kBins>, kRungs>& energies) {
  bool agree = true;
  std::puts("beta   energy per site       Onsager   lattice in       difference");
  std::puts("                                       correl. lengths  in errors");
  for (std::size_t rung = 0; rung < kRungs; ++rung) {
    const Mean energy = mean_of_bins(energies[rung]);
    const double exact = onsager_energy(beta(rung));
    const double lengths = kLength / correlation_length(beta(rung));
    std::printf("%.2f  %8.4f +- %.4f   %8.4f   %6.1f", beta(rung), energy.value, energy.error, exact,
                lengths);
    if (lengths > 9) {
      const double difference = (energy.value - exact) / energy.error;
      agree = agree && std::abs(difference) < 4;
      std::printf("  %15.1f", difference);
    }
    std::puts("");
  }
  return agree;
}

int main(int argc, char** argv) {
  return rondo::run<Sweep>(argc, argv, [](rondo::Master<Sweep>& master) {
    Progress progress;
    auto& [round, ladder, means] = progress;
    if (!master.resume(progress)) master.reset(std::vector(kRungs, std::vector<std::int8_t>(kSites, 1)));
    for (; round < kWarmUp + kBins * kBinRounds; ++round) {
      master.safe_point(progress);
      const std::vector<int> energies = master.update(ladder.betas());
      for (std::size_t rung = 0; rung < kRungs && round >= kWarmUp; ++rung)
        means[rung][static_cast<std::size_t>((round - kWarmUp) / kBinRounds)] +=
            static_cast<double>(energies[ladder.replica(rung)]) / kSites / kBinRounds;
      // random numbers of the round alone, as those of an update are; no lattice has this id
      ladder.swap(energies, round % 2 != 0,
                  rondo::Random(master.seed(), rondo::StateId{kRungs}, static_cast<std::uint64_t>(round)));
    }
    const bool agree = compare(means);
    std::printf("%.0f %% of the swaps were accepted\n", 100 * ladder.acceptance());
    return agree ? EXIT_SUCCESS : EXIT_FAILURE;
  });
}
