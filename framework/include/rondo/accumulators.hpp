// Accumulators: sums, extremes, counts, histograms, mean and variance of values that come from many places.
//
// They have one interface. A default-constructed one has seen nothing. `a += value` adds a value, `a += b` adds everything
// that the accumulator b has seen. The results are a function of the set of values alone: any order and any grouping
// gives the same bytes. So it does not matter on which rank a value was added, or in which order ranks are merged.
//
// All but Histogram are trivially copyable and without padding: they travel between ranks as one block of memory. Histogram
// has a serialize(). None of them is shared between threads.
//
// Numbers are added and compared as integers, so the rounding mode and fused multiply-adds change nothing.
#pragma once

#include <rondo/accumulators/counts.hpp>
#include <rondo/accumulators/exact_sum.hpp>
#include <rondo/accumulators/extremes.hpp>
#include <rondo/accumulators/mean_and_variance.hpp>
