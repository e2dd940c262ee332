#include <rondo/stream/stream.hpp>

namespace rondo::streaming {

void Stepper::run() {
  outcome = Outcome::running;
  while (outcome == Outcome::running && !cancelled_.load(std::memory_order_relaxed)) current->handle.resume();
}

void PromiseBase::finish() {
  Stepper& all = steps();
  if (parent != nullptr) {
    root->leaf = parent;
    all.current = parent;
  } else if (consumer != nullptr) {
    hand_over(nullptr);
  } else {
    all.current = nullptr;
    all.outcome = Stepper::Outcome::ended;
  }
}

namespace {

PromiseBase* puller(const PromiseBase& promise) {
  return promise.parent != nullptr ? promise.parent : promise.consumer;
}

std::string place(const PromiseBase& promise) {
  std::string file = promise.where.file_name();
  file.erase(0, file.find_last_of('/') + 1);
  const std::string at = " (" + file + ":" + std::to_string(promise.where.line()) + ")";
  return (promise.name != nullptr ? promise.name : promise.where.function_name()) +
         (promise.where.line() != 0 ? at : "");
}

}  // namespace

std::string trail(const PromiseBase& waiting, const std::string& for_what) {
  std::string text = place(waiting) + " waits for " + for_what;
  for (const PromiseBase* one = puller(waiting); one != nullptr; one = puller(*one)) {
    text = place(*one) + " waits for " + text;
  }
  return text;
}

void destroy_pipeline(PromiseBase* innermost, StreamBase& outermost) noexcept {
  for (PromiseBase* one = innermost; one != nullptr;) {
    PromiseBase* next = puller(*one);
    one->owner->destroy();
    one = next;
  }
  outermost.destroy();
}

}  // namespace rondo::streaming
