#include "engine/saver.hpp"

#include <exception>
#include <utility>

#include "checkpoint/durable_file.hpp"
#include "checkpoint/part_writer.hpp"

namespace rondo::engine {

Saver::Saver(checkpoint::Storage& storage, checkpoint::Path root, std::uint64_t sequence,
             const checkpoint::Header& header, checkpoint::Path copy_root, std::function<void()> tell)
    : storage_(storage),
      root_(std::move(root)),
      sequence_(sequence),
      header_(header),
      copy_root_(std::move(copy_root)),
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

checkpoint::PartEntry Saver::write() {
  checkpoint::prepare_checkpoint(storage_, root_, sequence_);
  const checkpoint::Path folder = checkpoint::checkpoint_folder(root_, sequence_);
  checkpoint::PartWriter writer(storage_, folder, header_);
  while (const auto item = next()) {
    writer.add(item->id, item->cost, item->state);
    {
      const std::lock_guard lock(mutex_);
      queued_ -= item->state.size();
    }
    tell_();
  }
  const checkpoint::PartEntry entry = writer.finish();
  if (!copy_root_.empty()) {
    checkpoint::prepare_checkpoint(storage_, copy_root_, sequence_);
    checkpoint::copy_file(storage_, folder, checkpoint::checkpoint_folder(copy_root_, sequence_),
                          checkpoint::part_name(header_.number));
  }
  return entry;
}

void Saver::run() {
  Result result;
  try {
    result.entry = write();
  } catch (const std::exception& error) {
    result.error = error.what();
    while (const auto item = next()) {  // nobody waits for room that does not come
      const std::lock_guard lock(mutex_);
      queued_ -= item->state.size();
    }
  }
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  tell_();
}

}  // namespace rondo::engine
