// Exact results for the Ising model on an infinite square lattice, with coupling 1 and inverse temperature `beta`.
#pragma once

#include <cmath>
#include <numbers>

// The energy per site. Onsager, Crystal statistics I, Phys. Rev. 65, 117 (1944).
inline double onsager_energy(double beta) {
  const double tanh_2 = std::tanh(2 * beta);
  const double modulus = 2 * std::sinh(2 * beta) / std::pow(std::cosh(2 * beta), 2);
  return -(1 + 2 / std::numbers::pi * (2 * tanh_2 * tanh_2 - 1) * std::comp_ellint_1(modulus)) / tanh_2;
}

// How far sites know of each other along an axis; infinite at the critical temperature.
inline double correlation_length(double beta) {
  const double inverse = -std::log(std::tanh(beta)) - 2 * beta;
  return inverse > 0 ? 1 / inverse : -0.5 / inverse;
}
