#include <rondo/stream/evaluate.hpp>

#include "stream/crew.hpp"
#include "stream/evaluation.hpp"

namespace rondo::streaming {

void evaluate(Root root, const StreamOptions& options) {
  Evaluation evaluation(std::move(root), options.handover);
  Crew crew(evaluation, options);
  crew.work();
  if (options.report != nullptr) *options.report = crew.report();
  evaluation.conclude();
}

void throw_stopped() { throw Stopped("the evaluation of a stream was stopped before its end"); }

}  // namespace rondo::streaming
