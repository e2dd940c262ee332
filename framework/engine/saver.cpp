#include "engine/saver.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "checkpoint/durable_file.hpp"
#include "checkpoint/part_writer.hpp"
#include "checkpoint/pruning.hpp"

namespace rondo::engine {

Saver::Saver(checkpoint::Storage& storage, std::uint64_t sequence, const checkpoint::Header& header,
             Place place, Place copy, std::function<void()> tell)
    : storage_(storage),
      sequence_(sequence),
      header_(header),
      place_(std::move(place)),
      copy_(std::move(copy)),
      tell_(std::move(tell)),
      thread_([this] { run(); }) {}

Saver::~Saver() {
  finish();
  thread_.join();
}

void Saver::add(StateId id, double cost, Buffer state) {
  {
    const std::lock_guard lock(mutex_);
    queued_ += state.size();
    items_.push_back({id, cost, std::move(state)});
  }
  changed_.notify_one();
}

void Saver::fail(std::string text) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = std::move(text);
}

void Saver::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_one();
}

std::size_t Saver::queued() const {
  const std::lock_guard lock(mutex_);
  return queued_;
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
  } catch (const checkpoint::FileError&) {
    // a folder that cannot be read: writing to it will say why
  }
}

checkpoint::PartEntry Saver::write() {
  remove_old(place_);
  checkpoint::prepare_checkpoint(storage_, place_.root, sequence_);
  const checkpoint::Path folder = checkpoint::checkpoint_folder(place_.root, sequence_);
  checkpoint::PartWriter writer(storage_, folder, header_);
  while (const auto item = next()) {
    writer.add(item->id, item->cost, item->state);
    {
      const std::lock_guard lock(mutex_);
      queued_ -= item->state.size();
    }
    tell_();
  }
  {
    const std::lock_guard lock(mutex_);
    if (!failure_.empty()) throw CheckpointError(failure_);
  }
  return writer.finish();
}

void Saver::copy() {
  remove_old(copy_);
  checkpoint::prepare_checkpoint(storage_, copy_.root, sequence_);
  checkpoint::copy_file(storage_, checkpoint::checkpoint_folder(place_.root, sequence_),
                        checkpoint::checkpoint_folder(copy_.root, sequence_),
                        checkpoint::part_name(header_.number));
}

void Saver::run() {
  Result result;
  try {
    result.entry = write();
    try {
      if (!copy_.root.empty()) copy();
    } catch (const std::exception& error) {
      result.copy_error = error.what();
    }
  } catch (const std::exception& error) {
    result.error = error.what();
    while (const auto item = next()) {  // nobody waits for room that does not come
      {
        const std::lock_guard lock(mutex_);
        queued_ -= item->state.size();
      }
      tell_();
    }
  }
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  tell_();
}

}  // namespace rondo::engine
