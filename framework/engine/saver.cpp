#include "engine/saver.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "checkpoint/part_writer.hpp"
#include "checkpoint/pruning.hpp"

namespace rondo::engine {
namespace {

// So big that malloc gives each one back to the system, and does not keep it.
constexpr std::size_t kBlockMost = std::size_t{33} << 20;
// Of the memory in one block: the others are filled and written meanwhile.
constexpr std::size_t kBlockShare = 8;

}  // namespace

Saver::Saver(checkpoint::Storage& storage, std::uint64_t sequence, const checkpoint::Header& header,
             Places places, std::size_t bytes_max, std::function<void()> tell)
    : storage_(storage),
      sequence_(sequence),
      header_(header),
      places_(std::move(places)),
      bytes_max_(bytes_max),
      tell_(std::move(tell)),
      thread_([this] { run(); }) {}

Saver::~Saver() {
  finish();
  thread_.join();
}

bool Saver::has_room(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    const std::size_t held = queued_ + filling_.bytes.size();
    if (held == 0 || held + bytes <= bytes_max_) return true;
    writing_ = true;
  }
  hand_over();  // who waits for room must leave something to write
  changed_.notify_one();
  return false;
}

void Saver::add(StateId id, double cost, const std::function<void(Buffer&)>& pack) {
  const std::size_t block = std::min(kBlockMost, bytes_max_ / kBlockShare);
  // what is not used of it takes no memory; on huge pages (madvise) packing took 2.5 times as long
  if (filling_.bytes.empty()) filling_.bytes.reserve(block);
  const std::size_t before = filling_.bytes.size();
  try {
    pack(filling_.bytes);
  } catch (const std::exception& error) {
    filling_.bytes.truncate(before);
    return fail("state " + std::to_string(value(id)) + " cannot be packed: " + error.what());
  }
  filling_.states.push_back({id, cost, filling_.bytes.size() - before});
  if (filling_.bytes.size() >= block / 2) hand_over();
}

void Saver::hand_over() {
  if (filling_.states.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    queued_ += filling_.bytes.size();
    blocks_.push_back(std::exchange(filling_, {}));
    writing_ = writing_ || queued_ > bytes_max_ / 2;
  }
  changed_.notify_one();
}

void Saver::fail(std::string text) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = std::move(text);
}

void Saver::finish() {
  hand_over();
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  changed_.notify_one();
}

std::optional<Saver::Result> Saver::result() {
  const std::lock_guard lock(mutex_);
  return std::exchange(result_, std::nullopt);
}

std::optional<Saver::Block> Saver::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return finished_ || (writing_ && !blocks_.empty()); });
  if (blocks_.empty()) return std::nullopt;
  Block block = std::move(blocks_.front());
  blocks_.pop_front();
  return block;
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
  while (auto block = next()) {
    Bytes bytes = block->bytes;
    for (const State& state : block->states) {
      at_each_place(
          [&](const Place&, auto& writer) { writer->add(state.id, state.cost, bytes.first(state.size)); });
      bytes = bytes.subspan(state.size);
    }
    const std::size_t written = block->bytes.size();
    block.reset();
    {
      const std::lock_guard lock(mutex_);
      queued_ -= written;
    }
    tell_();
  }
  std::string failure;
  {
    const std::lock_guard lock(mutex_);
    failure = failure_;
  }
  at_each_place([&](const Place&, auto& writer) {
    if (!failure.empty()) throw CheckpointError(failure);
    result.entry = writer->finish();
  });
  return result;
}

void Saver::run() {
  Result result = write();
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  tell_();
}

}  // namespace rondo::engine
