// The schemes of resampling behind one signature.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <rondo/random.hpp>
#include <rondo/resampling.hpp>

using Offspring = std::vector<std::uint32_t>;

template <class Engine>
struct Scheme {
  std::string name;
  Offspring (*offspring)(std::span<const double> weights, std::size_t count, Engine& random);
};

template <class Engine = rondo::Random>
std::vector<Scheme<Engine>> schemes() {
  return {{"systematic", rondo::systematic_offspring<Engine>},
          {"stratified", rondo::stratified_offspring<Engine>},
          {"residual", rondo::residual_offspring<Engine>},
          {"multinomial", rondo::multinomial_offspring<Engine>},
          {"branching", rondo::branching_offspring<Engine>}};
}

inline rondo::Random random_of(std::uint64_t seed) { return {seed, rondo::StateId{0}, 0}; }
