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

void Worker::take(const messages::Try& trial) {
  messages::Tried tried;
  for (const messages::Path& root : trial.roots) {
    std::string& error = tried.errors.emplace_back();
    try {
      if (const checkpoint::Path path = root.path(); !path.empty())
        checkpoint::try_root(storage_, path, trial.run, transport_.rank());
    } catch (const std::exception& refusal) {
      error = refusal.what();
    }
  }
  transport_.send(kMaster, to_bytes(tried));
}

void Worker::take(const messages::Save& save) {
  Saver::Places places;
  for (std::size_t i = 0; i < places.size(); ++i)
    places[i] = {save.places[i].root.path(), save.places[i].present};
  saver_.emplace(storage_, copy_memory_, save.sequence, save.header, std::move(places),
                 platform_.make_executor(transport_.rank(), "the writing of a checkpoint"),
                 [this] { transport_.wake(); });
  saving_sequence_ = save.sequence;
  recorder_ = {};
  {
    const std::lock_guard lock(mutex_);
    unsaved_ = save.states.size();
  }
  for (const messages::StateCost& each : save.states) order(each.state, Save{each.cost});
  if (save.states.empty()) saver_->finish();
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
  transport_.send(kMaster, to_bytes(messages::Saved{saving_sequence_, result->entry, result->errors}));
  saver_.reset();
}

// Reads a part, from the first state to the last, as fast as what it sends on leaves.
void Worker::take(const messages::Load& load) {
  Loading loading;
  loading.order = load;
  try {
    loading.part.emplace(storage_, load.folder.path(), load.header, load.part);
    if (const Bytes schema = loading.part->schema(); !schema.empty()) loading.schema = detail::Schema(schema);
  } catch (const std::exception& error) {
    loading.error = error.what();
    loading.next = load.targets.size();
  }
  loading_.push_back(std::move(loading));
}

void Worker::load_some() {
  while (!loading_.empty() && transport_.unsent() < settings_.unsent_bytes) {
    Loading& loading = loading_.front();
    try {
      if (loading.next < loading.order.targets.size()) {
        load_state(loading);
        continue;
      }
    } catch (const std::exception& error) {
      loading.error = error.what();
    }
    flush_outgoing();
    transport_.send(kMaster, to_bytes(messages::Loaded{loading.order.generation, loading.order.part.number,
                                                       loading.error, loading.sizes}));
    loading_.pop_front();
  }
}

void Worker::load_state(Loading& loading) {
  const messages::Target target = loading.order.targets[loading.next++];
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
    send_packed(target.owner, messages::Parcel{target.state, 1, 0, {}}, packed, {});
  }
}

}  // namespace rondo::engine
