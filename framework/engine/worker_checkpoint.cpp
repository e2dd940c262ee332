// A worker's part in checkpoints: it packs its states between two rounds and lets a thread write them; it reads a part back
// and sends each state to its owner.
#include <exception>
#include <utility>

#include "checkpoint/catalog.hpp"
#include "checkpoint/part_reader.hpp"
#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/worker.hpp"

namespace rondo::engine {

void Worker::try_places(Reader& in) {
  Buffer out = message(Kind::kTried);
  const auto run = in.get<std::uint64_t>();
  while (!in.empty()) {
    std::string error;
    try {
      if (const checkpoint::Path root = get_path(in); !root.empty())
        checkpoint::try_root(storage_, root, run, transport_.rank());
    } catch (const std::exception& refusal) {
      error = refusal.what();
    }
    Writer(out).put_text(error);
  }
  transport_.send(kMaster, std::move(out));
}

void Worker::save(Reader& in) {
  const auto head = in.get<SaveHead>();
  Saver::Places places;
  for (Saver::Place& place : places) place = {get_path(in), in.get_all<std::uint64_t>()};
  saver_.emplace(storage_, copy_memory_, head.sequence, head.header, std::move(places),
                 platform_.make_executor(transport_.rank(), "the writing of a checkpoint"),
                 [this] { transport_.wake(); });
  saving_sequence_ = head.sequence;
  recorder_ = {};
  const auto saves = in.get_all<StateCost>();
  {
    const std::lock_guard lock(mutex_);
    unsaved_ = saves.size();
  }
  for (const StateCost& each : saves) order(each.state, Save{each.cost});
  if (saves.empty()) saver_->finish();
}

bool Worker::has_room_to_save(StateId id) {
  const CrashMark::Handling handling("while packing", id);
  try {
    const bool has_room = copy_memory_.has_room(kernel_->packed_size(states_.at(id).state.get()));
    if (!has_room) saver_->begin();
    return has_room;
  } catch (...) {
    return true;  // it will not be packed either, and that is told
  }
}

// Until every state is packed no round opens, so what is saved is from between two rounds.
void Worker::pack_for_saver(StateId id, double cost) {
  const CrashMark::Handling handling("while packing", id);
  const void* state = states_.at(id).state.get();
  Buffer packed;
  try {
    packed = copy_memory_.take(kernel_->packed_size(state));
    kernel_->save_state(state, packed, recorder_);
    saver_->add(id, cost, std::move(packed));
  } catch (...) {
    copy_memory_.give_back(std::move(packed));
    saver_->fail("state " + std::to_string(value(id)) + " cannot be packed: " + exception_text());
  }
  bool all = false;
  {
    const std::lock_guard lock(mutex_);
    all = --unsaved_ == 0;
  }
  if (!all) return;
  Buffer schema;
  if (!recorder_.schema().empty()) recorder_.schema().save(schema);
  saver_->finish(std::move(schema));
  open_rounds();
}

void Worker::tell_saved() {
  if (!saver_) return;
  const auto result = saver_->result();
  if (!result) return;
  Buffer out = message(Kind::kSaved);
  Writer writer(out);
  writer.put(saving_sequence_);
  writer.put(result->entry);
  for (const std::string& error : result->errors) writer.put_text(error);
  transport_.send(kMaster, std::move(out));
  saver_.reset();
}

// Reads a part, from the first state to the last, as fast as what it sends on leaves.
void Worker::load(Reader& in) {
  Loading loading;
  loading.head = in.get<LoadHead>();
  const checkpoint::Path folder = get_path(in);
  loading.targets = in.get_all<Target>();
  try {
    loading.part.emplace(storage_, folder, loading.head.header, loading.head.entry);
    if (const Bytes schema = loading.part->schema(); !schema.empty()) loading.schema = detail::Schema(schema);
  } catch (const std::exception& error) {
    loading.error = error.what();
    loading.next = loading.targets.size();
  }
  loading_.push_back(std::move(loading));
}

void Worker::load_some() {
  while (!loading_.empty() && transport_.unsent() < settings_.unsent_bytes) {
    Loading& loading = loading_.front();
    try {
      if (loading.next < loading.targets.size()) {
        load_state(loading);
        continue;
      }
    } catch (const std::exception& error) {
      loading.error = error.what();
    }
    flush_outgoing();
    Buffer out = message(Kind::kLoaded);
    Writer writer(out);
    writer.put(loading.head.generation);
    writer.put(loading.head.entry.number);
    writer.put_text(loading.error);
    writer.put_all(std::span<const std::uint64_t>(loading.sizes));
    transport_.send(kMaster, std::move(out));
    loading_.pop_front();
  }
}

void Worker::load_state(Loading& loading) {
  const Target target = loading.targets[loading.next++];
  Buffer packed;
  loading.part->read(loading.part->at(target.state), packed);
  loading.sizes.push_back(packed.size());
  // Also of one that goes elsewhere: there it could not be refused any more.
  detail::Object state = [&] {
    const CrashMark::Handling handling("while unpacking", target.state);
    try {
      return kernel_->load_state(packed, loading.schema);
    } catch (...) {
      throw CheckpointError(loading.part->file().string() + ": state " + std::to_string(value(target.state)) +
                            " is whole, but cannot be read: " + exception_text());
    }
  }();
  if (target.owner == transport_.rank()) {
    arrive(target.state, std::move(state));
  } else {
    state.reset();
    send_packed(target.owner, Parcel{target.state, 1, 0, {}}, packed, {});
  }
}

}  // namespace rondo::engine
