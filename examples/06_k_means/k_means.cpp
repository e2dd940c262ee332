// k-means: can three clusters of 150 irises, found from four lengths alone, tell the three species?
//
// The flowers are the data of the states, in fifteen blocks of ten, and stay where they are. In each round the centres
// are shared as the context, every block tells the sums of its flowers by nearest centre, and their means are the next
// centres. It starts from one flower of each species and ends when nothing changes.
//
//   $ mpirun -np 4 build/examples/06_k_means/k_means
//   rounds: 4, sum of squares within the clusters: 78.8514
//   sepal length, width; petal length, width   setosa versicolor virginica
//   5.01 3.43 1.46 0.25                            50          0         0
//   5.90 2.75 4.39 1.43                             0         48        14
//   6.85 3.07 5.74 2.07                             0          2        36
#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <rondo/rondo.hpp>

constexpr std::size_t kClusters = 3;
constexpr std::size_t kBlock = 10;

using Lengths = std::array<double, 4>;

struct Flower {
  Lengths lengths;
  int species;  // only to judge the result
};
using Flowers = std::vector<Flower>;
using Centres = std::array<Lengths, kClusters>;

struct Cluster {
  Lengths sum{};
  std::array<int, 3> species{};
  double squares = 0;

  void add(const Cluster& other) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other.sum[i];
    for (std::size_t i = 0; i < species.size(); ++i) species[i] += other.species[i];
    squares += other.squares;
  }
  [[nodiscard]] int size() const { return species[0] + species[1] + species[2]; }
};
using Clusters = std::array<Cluster, kClusters>;

double squared_distance(const Lengths& a, const Lengths& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// State: a block of flowers. Output: what it adds to each cluster. Context: the centres.
class Assign : public rondo::Update<Flowers, rondo::Nothing, Clusters, Centres> {
 public:
  Clusters update(Flowers& flowers, const rondo::Nothing&, const Call& call) override {
    Clusters clusters;
    for (const Flower& flower : flowers) {
      std::size_t nearest = 0;
      std::array<double, kClusters> distances{};
      for (std::size_t k = 0; k < kClusters; ++k) {
        distances[k] = squared_distance(flower.lengths, call.context()[k]);
        if (distances[k] < distances[nearest]) nearest = k;
      }
      Cluster one{flower.lengths, {}, distances[nearest]};
      one.species[static_cast<std::size_t>(flower.species)] = 1;
      clusters[nearest].add(one);
    }
    return clusters;
  }
};

Flowers read_flowers(const std::string& path) {
  const std::map<std::string, int> species{{"setosa", 0}, {"versicolor", 1}, {"virginica", 2}};
  Flowers flowers;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    Flower flower;
    std::string name;
    std::istringstream fields(line);
    for (double& length : flower.lengths) fields >> length;
    fields >> name;
    if (!fields) throw std::runtime_error(path + ": need four lengths and a species, got '" + line + "'");
    flower.species = species.at(name);
    flowers.push_back(flower);
  }
  if (flowers.size() != 150) throw std::runtime_error(path + ": need 150 flowers, fifty of each species");
  return flowers;
}

int main(int argc, char** argv) {
  return rondo::run<Assign>(argc, argv, [](rondo::Master<Assign>& master) {
    const Flowers flowers = read_flowers(IRIS_DATA);
    std::vector<Flowers> blocks;
    for (std::size_t i = 0; i < flowers.size(); ++i) {
      if (i % kBlock == 0) blocks.emplace_back();
      blocks.back().push_back(flowers[i]);
    }
    master.reset(blocks);

    Centres centres{flowers[0].lengths, flowers[50].lengths, flowers[100].lengths};
    Centres before{};
    Clusters clusters;
    int rounds = 0;
    for (; centres != before; ++rounds) {
      before = centres;
      master.share(centres);
      clusters = {};
      for (const Clusters& block : master.update(rondo::Nothing{}))
        for (std::size_t k = 0; k < kClusters; ++k) clusters[k].add(block[k]);
      for (std::size_t k = 0; k < kClusters; ++k)
        for (std::size_t i = 0; i < centres[k].size(); ++i)
          centres[k][i] = clusters[k].sum[i] / clusters[k].size();
    }

    std::printf("rounds: %d, sum of squares within the clusters: %.4f\n", rounds,
                clusters[0].squares + clusters[1].squares + clusters[2].squares);
    std::puts("sepal length, width; petal length, width   setosa versicolor virginica");
    for (std::size_t k = 0; k < kClusters; ++k) {
      const Lengths& c = centres[k];
      const std::array<int, 3>& s = clusters[k].species;
      std::printf("%.2f %.2f %.2f %.2f %29d %10d %9d\n", c[0], c[1], c[2], c[3], s[0], s[1], s[2]);
    }
  });
}
