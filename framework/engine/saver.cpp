#include "engine/saver.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <rondo/error.hpp>

#include "checkpoint/pruning.hpp"

namespace rondo::engine {

Saver::Saver(checkpoint::Storage& storage, CopyMemory& memory, std::uint64_t sequence,
             const checkpoint::Header& header, Places places, std::unique_ptr<Executor> executor,
             std::function<void()> tell)
    : storage_(storage),
      memory_(memory),
      sequence_(sequence),
      header_(header),
      places_(std::move(places)),
      tell_(std::move(tell)),
      executor_(std::move(executor)) {
  try {
    executor_->start(*this);
  } catch (const Error& error) {
    refused_ = true;
    failure_ = error.what();
  }
}

Saver::~Saver() {
  finish();
  executor_->stop();
}

void Saver::add(StateId id, double cost, Buffer state) {
  if (refused_) return memory_.give_back(std::move(state));
  {
    const std::lock_guard lock(mutex_);
    items_.push_back({id, cost, std::move(state)});
  }
  executor_->notify();
}

void Saver::begin() {
  {
    const std::lock_guard lock(mutex_);
    begun_ = true;
  }
  executor_->notify();
}

void Saver::fail(std::string text) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = std::move(text);
}

void Saver::finish(Buffer schema) {
  {
    const std::lock_guard lock(mutex_);
    if (!finished_) schema_ = std::move(schema);
    begun_ = finished_ = true;
  }
  executor_->notify();
  if (refused_) give_up();
}

// In the place of run(), where there is no executor.
void Saver::give_up() {
  Result result;
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (!places_[i].root.empty()) result.errors[i] = failure_;
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  tell_();
}

std::optional<Saver::Result> Saver::result() {
  const std::lock_guard lock(mutex_);
  return std::exchange(result_, std::nullopt);
}

void Saver::remove_old(const Place& place) {
  try {
    std::vector<std::uint64_t> unwanted = checkpoint::sequences(storage_, place.root);
    std::erase_if(unwanted, [&](std::uint64_t s) {
      return s >= sequence_ || std::binary_search(place.present.begin(), place.present.end(), s);
    });
    (void)checkpoint::remove_checkpoints(storage_, place.root, unwanted);
  } catch (const std::exception&) {
    // a folder that cannot be read: writing to it will say why
  }
}

// What was taken up is done. Nothing begins before begin() or finish(), and from then on states are written as they come.
bool Saver::next() {
  const std::lock_guard lock(mutex_);
  if (!begun_ || step_ == Step::kNothing) return false;
  if (step_ == Step::kOpen) return true;
  if (!items_.empty()) {
    item_ = std::move(items_.front());
    items_.pop_front();
    step_ = Step::kWrite;
    return true;
  }
  step_ = Step::kFinish;
  return finished_;
}

void Saver::run() {
  switch (step_) {
    case Step::kOpen:
      open();
      step_ = Step::kWrite;
      return;
    case Step::kWrite: return write();
    case Step::kFinish:
      complete();
      step_ = Step::kNothing;
      return;
    case Step::kNothing: return;
  }
}

template <class Do>
void Saver::at_each_place(const Do& work) {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].root.empty() || !written_.errors[i].empty()) continue;
    try {
      work(places_[i], writers_[i]);
    } catch (const std::exception& error) {
      written_.errors[i] = error.what();
      writers_[i].reset();
    }
  }
}

void Saver::open() {
  at_each_place([&](const Place& place, auto& writer) {
    remove_old(place);
    checkpoint::prepare_checkpoint(storage_, place.root, sequence_);
    writer.emplace(storage_, checkpoint::checkpoint_folder(place.root, sequence_), header_);
  });
}

// Also where nothing is written any more: the memory goes back, as others wait for it.
void Saver::write() {
  at_each_place([&](const Place&, auto& writer) { writer->add(item_->id, item_->cost, item_->state); });
  memory_.give_back(std::move(item_->state));
  item_.reset();
  tell_();
}

void Saver::complete() {
  std::string failure;
  {
    const std::lock_guard lock(mutex_);
    failure = failure_;
  }
  at_each_place([&](const Place&, auto& writer) {
    if (!failure.empty()) throw CheckpointError(failure);
    written_.entry = writer->finish(schema_);  // finish() has set it
  });
  for (auto& writer : writers_) writer.reset();
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(written_);
  }
  tell_();
}

}  // namespace rondo::engine
