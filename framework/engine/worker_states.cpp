// The states that a worker holds: they come, are multiplied, fetched and sent on; what is asked of one on its way waits.
#include <algorithm>
#include <string>
#include <utility>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/worker.hpp"

namespace rondo::engine {

using transport::Envelope;

void Worker::take(const messages::DropAll& drop) {
  postponed_.clear();
  outgoing_.clear();
  loading_.clear();
  copies_out_.clear();
  {
    const std::lock_guard lock(mutex_);
    states_.clear();
    unsaved_ = 0;
    census_due_ = false;
    stop_replay();
  }
  generation_ = drop.generation;
  copies_.keep(0, drop.next_backup);
  for (Envelope& envelope : std::exchange(early_, {})) handle(std::move(envelope));
}

void Worker::take(const messages::Place& place) {
  for (const auto& [id, packed] : place.states) arrive(id, unpack_state(id, packed.bytes()));
}

// Without its state this worker cannot go on; the error says which one it was.
detail::Object Worker::unpack_state(StateId id, Bytes bytes) const {
  const CrashMark::Handling handling("while unpacking", id);
  try {
    return kernel_->unpack_state(bytes);
  } catch (...) {
    throw Error("state " + std::to_string(value(id)) + " cannot be unpacked: " + exception_text());
  }
}

std::vector<detail::Object> Worker::copies(StateId id, const void* state, std::size_t count,
                                           Bytes packed) const {
  const CrashMark::Handling handling("while copying", id);
  try {
    return copies_of(*kernel_, state, count, packed);
  } catch (...) {
    throw Error("state " + std::to_string(value(id)) + " cannot be copied: " + exception_text());
  }
}

Worker::SharedInput Worker::unpack_input(Bytes bytes) const {
  SharedInput input;
  try {
    input.value = kernel_->unpack_input(bytes);
  } catch (...) {
    input.error = "the input cannot be unpacked: " + exception_text();
  }
  return input;
}

void Worker::arrive(StateId id, detail::Object state) {
  {
    const std::lock_guard lock(mutex_);
    states_[id].state = std::move(state);
  }
  proceed(id);
}

void Worker::order(StateId id, Order order) {
  {
    const std::lock_guard lock(mutex_);
    states_[id].orders.push_back(std::move(order));
  }
  proceed(id);
}

// Carries out what is to be done with a state that is here, one order after the other; then its job may begin. A state that
// only passes through leaves a job alone that waits for its return.
void Worker::proceed(StateId id) {
  while (true) {
    std::optional<Order> next;
    {
      const std::lock_guard lock(mutex_);
      const auto found = states_.find(id);
      if (found == states_.end() || !found->second.here()) return;
      std::vector<Order>& orders = found->second.orders;
      if (orders.empty()) {
        queue_.arrived(id);
        break;
      }
      next = std::move(orders.front());
      orders.erase(orders.begin());
    }
    if (postponed_.empty() && has_room(id, *next)) {
      carry_out(id, *next);
    } else {
      const std::lock_guard lock(mutex_);
      states_.at(id).held = comes_first(*next);
      postponed_.push_back({id, std::move(*next)});
    }
  }
  executor_->notify();
}

// Whether the copies that this order makes may be made now.
bool Worker::has_room(StateId id, const Order& order) {
  if (std::holds_alternative<Save>(order)) return has_room_to_save(id);
  return transport_.unsent() < settings_.unsent_bytes;
}

void Worker::carry_out(StateId id, const Order& order) {
  if (const auto* multiplied = std::get_if<Multiply>(&order)) return multiply(id, multiplied->shares);
  if (const auto* fetched = std::get_if<Fetch>(&order)) return pack_fetched(id, fetched->request);
  if (const auto* saved = std::get_if<Save>(&order)) return pack_for_saver(id, saved->cost);
  if (const auto* copied = std::get_if<BackUp>(&order)) return copy_out(id, *copied);
  Entry& entry = states_.at(id);
  send_state(id, std::get<Send>(order).to, messages::Parcel{id, 1, 0, {}}, entry.state.get(), {});
  const std::lock_guard lock(mutex_);
  entry.state.reset();
  entry.held = false;
  // what is left waits for the state's return: its next job's input, or where to send it on to
  if (entry.orders.empty() && !entry.message) states_.erase(id);
}

void Worker::take(const messages::Resample& resample) {
  for (const auto& [parent, shares] : resample.families) order(parent, Multiply{shares});
  flush_outgoing();
}

// Copies leave first; the last child that stays is the parent itself.
void Worker::multiply(StateId parent, const std::vector<messages::Share>& shares) {
  detail::Object state = std::move(states_.at(parent).state);
  {
    const std::lock_guard lock(mutex_);
    states_.erase(parent);
  }
  for (const messages::Share& share : shares)
    if (share.to != transport_.rank())
      send_state(parent, share.to, messages::Parcel{share.first, share.count, 0, {}}, state.get(), {});
  for (const messages::Share& share : shares) {
    if (share.to != transport_.rank()) continue;
    std::uint64_t next = value(share.first);
    for (detail::Object& copy : copies(parent, state.get(), share.count - 1))
      arrive(StateId{++next}, std::move(copy));
    arrive(share.first, std::move(state));
  }
}

void Worker::take(const messages::Transfer& transfer) {
  for (const StateId id : transfer.states) order(id, Send{transfer.to});
  flush_outgoing();
}

void Worker::take(const messages::Fetch& fetch) {
  for (const StateId id : fetch.states) order(id, Fetch{fetch.request});
  flush_outgoing();
}

void Worker::pack_fetched(StateId id, std::uint64_t request) {
  if (fetched_ && fetched_request_ != request) flush_outgoing();
  if (!fetched_) {
    fetched_ = to_bytes(messages::Fetched{request, {}});
    fetched_request_ = request;
  }
  const auto pack = [&](Buffer& out) { kernel_->pack_state(states_.at(id).state.get(), out); };
  try {
    const CrashMark::Handling handling("while packing", id);
    append(*fetched_, messages::Fetched::Item{id, true, Block(pack)});
  } catch (...) {
    const std::string text = exception_text();
    append(*fetched_, messages::Fetched::Item{id, false, std::as_bytes(std::span(text))});
  }
  if (fetched_->size() >= settings_.message_bytes) flush_outgoing();
}

void Worker::send_state(StateId id, Rank to, const messages::Parcel& parcel, const void* state,
                        Bytes own_input) {
  send_parcel(to, parcel, own_input, [&](Buffer& out) {
    const CrashMark::Handling handling("while packing", id);
    try {
      kernel_->pack_state(state, out);
    } catch (...) {
      throw Error("state " + std::to_string(value(id)) + " cannot be packed: " + exception_text());
    }
  });
}

void Worker::send_packed(Rank to, const messages::Parcel& parcel, Bytes packed, Bytes own_input) {
  send_parcel(to, parcel, own_input, [&](Buffer& out) { out.append(packed); });
}

template <class Put>
void Worker::send_parcel(Rank to, const messages::Parcel& parcel, Bytes own_input, const Put& put) {
  Buffer& out = outgoing_[to];
  if (out.empty()) out = to_bytes(messages::States{generation_, {}});
  const std::size_t before = out.size();
  append(out, messages::States::Item{parcel, own_input, Block(put)});
  ++counters_.transfers;
  counters_.transfer_bytes += out.size() - before;
  if (out.size() >= settings_.message_bytes) {
    transport_.send(to, std::move(out));
    outgoing_.erase(to);
  }
}

void Worker::flush_outgoing() {
  for (auto& [to, out] : std::exchange(outgoing_, {})) transport_.send(to, std::move(out));
  for (auto& [to, out] : std::exchange(copies_out_, {})) transport_.send(to, std::move(out));
  if (fetched_) transport_.send(kMaster, std::move(*std::exchange(fetched_, std::nullopt)));
}

void Worker::take(const messages::States& states, Envelope& envelope) {
  if (states.generation < generation_) return;  // dropped since they were sent
  if (states.generation > generation_) return early_.push_back(std::move(envelope));
  const auto bytes = std::make_shared<const Buffer>(std::move(envelope.message));
  for (const messages::States::Item& item : states.states) {
    const messages::Parcel& parcel = item.parcel;
    if (parcel.epoch > call_.epoch) {  // its call has not begun here: look at it again then
      Envelope again{envelope.from, to_bytes(messages::States{states.generation, {}})};
      append(again.message, item);
      early_.push_back(std::move(again));
      continue;
    }
    detail::Object state = unpack_state(parcel.first, item.packed.bytes());
    std::uint64_t next = value(parcel.first);
    for (detail::Object& copy : copies(parcel.first, state.get(), parcel.count - 1, item.packed.bytes()))
      arrive(StateId{++next}, std::move(copy));
    if (parcel.epoch == call_.epoch && parcel.epoch != 0) {
      const std::lock_guard lock(mutex_);
      Entry& entry = states_[parcel.first];
      entry.message = bytes;
      entry.own_input = item.own_input.bytes();
      entry.epoch = parcel.epoch;
      entry.rounds = parcel.job.round;
      queue_.add(parcel.job, false);
      low_told_ = false;
    }
    arrive(parcel.first, std::move(state));
  }
}

}  // namespace rondo::engine
