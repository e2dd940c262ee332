// The streaming evaluator: a lazy stream of values and parallel work, evaluated by threads that take turns at
// it.
//
//   rondo::Stream<Line> lines(std::istream& feed) {             // a coroutine
//     for (Line line; read(feed, line);) co_yield std::move(line);
//   }
//   auto result = rondo::evaluate(lines(feed) | rondo::chunks(100) | rondo::map(parse) |
//   rondo::filter(in_stock)
//                                             | rondo::group_by(&Item::shop, combine),
//                                 {.threads_max = 8});
//
// There is no task queue: the stream is the queue. The thread that holds it steps it to the next work unit, puts it
// back for the others, runs the unit, and takes a turn again. Needs nothing of Rondo but this: link
// rondo::stream.
#pragma once

#include <rondo/detail/compiler.hpp>

#include <rondo/stream/aggregate.hpp>
#include <rondo/stream/core_budget.hpp>
#include <rondo/stream/evaluate.hpp>
#include <rondo/stream/options.hpp>
#include <rondo/stream/sequential.hpp>
#include <rondo/stream/sort.hpp>
#include <rondo/stream/speedup.hpp>
#include <rondo/stream/stages.hpp>
#include <rondo/stream/stream.hpp>
#include <rondo/stream/thread.hpp>
