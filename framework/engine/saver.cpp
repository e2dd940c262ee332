#include "engine/saver.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <rondo/error.hpp>

#include "checkpoint/part_writer.hpp"
#include "checkpoint/pruning.hpp"
#include "engine/start_thread.hpp"

namespace rondo::engine {

Saver::Saver(checkpoint::Storage& storage, CopyMemory& memory, std::uint64_t sequence,
             const checkpoint::Header& header, Places places, std::function<void()> tell)
    : storage_(storage),
      memory_(memory),
      sequence_(sequence),
      header_(header),
      places_(std::move(places)),
      tell_(std::move(tell)) {
  try {
    thread_ = start_thread("the writing of a checkpoint", [this] { run(); });
  } catch (const Error& error) {
    failure_ = error.what();
  }
}

Saver::~Saver() {
  finish();
  thread_.join();
}

void Saver::add(StateId id, double cost, Buffer state) {
  if (!thread_.joinable()) return memory_.give_back(std::move(state));
  {
    const std::lock_guard lock(mutex_);
    items_.push_back({id, cost, std::move(state)});
  }
  changed_.notify_one();
}

void Saver::begin() {
  {
    const std::lock_guard lock(mutex_);
    begun_ = true;
  }
  changed_.notify_one();
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
  changed_.notify_one();
  if (!thread_.joinable()) give_up();
}

// In the place of run(), where there is no thread.
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

std::optional<Saver::Item> Saver::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return finished_ || !items_.empty(); });
  if (items_.empty()) return std::nullopt;
  Item item = std::move(items_.front());
  items_.pop_front();
  return item;
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

Saver::Result Saver::write() {
  Result result;
  std::array<std::optional<checkpoint::PartWriter>, 2> writers;
  const auto at_each_place = [&](const auto& work) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i].root.empty() || !result.errors[i].empty()) continue;
      try {
        work(places_[i], writers[i]);
      } catch (const std::exception& error) {
        result.errors[i] = error.what();
        writers[i].reset();
      }
    }
  };
  at_each_place([&](const Place& place, auto& writer) {
    remove_old(place);
    checkpoint::prepare_checkpoint(storage_, place.root, sequence_);
    writer.emplace(storage_, checkpoint::checkpoint_folder(place.root, sequence_), header_);
  });
  // also where nothing is written any more: nobody waits for room that does not come
  while (auto item = next()) {
    at_each_place([&](const Place&, auto& writer) { writer->add(item->id, item->cost, item->state); });
    memory_.give_back(std::move(item->state));
    tell_();
  }
  std::string failure;
  {
    const std::lock_guard lock(mutex_);
    failure = failure_;
  }
  at_each_place([&](const Place&, auto& writer) {
    if (!failure.empty()) throw CheckpointError(failure);
    result.entry = writer->finish(schema_);  // set before the last item was given out
  });
  return result;
}

void Saver::wait_to_begin() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return begun_; });
}

void Saver::run() {
  wait_to_begin();
  Result result = write();
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  tell_();
}

}  // namespace rondo::engine
