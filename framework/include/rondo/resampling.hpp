// Resampling: what ensembles with weights do between rounds, in the form that Master::resample takes.
//
// - weights.hpp: log-weights to weights, the evidence, the effective sample size
// - offspring.hpp: systematic, stratified, residual and multinomial resampling, branching
// - split_and_merge.hpp: weighted ensembles after Huber and Kim
// - ladder.hpp: swaps between neighbours, as in parallel tempering
//
// Pure functions. They take a random engine (rondo::Random or one of <random>), whose words are all that they use of it; equal
// engines and equal arguments give equal results on every platform (but for the last bit of exp and log, where a function
// says so). They run on rank 0, on the numbers that an update returned.
#pragma once

#include <rondo/resampling/ladder.hpp>
#include <rondo/resampling/offspring.hpp>
#include <rondo/resampling/split_and_merge.hpp>
#include <rondo/resampling/weights.hpp>
