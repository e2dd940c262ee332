// The states that a worker holds: they come, are multiplied, fetched and sent on; what is asked of one on its way waits.
#include <algorithm>
#include <string>
#include <utility>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/worker.hpp"

namespace rondo::engine {

using transport::Envelope;

void Worker::drop_all(Reader& in) {
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
  generation_ = in.get<std::uint64_t>();
  copies_.keep(0, in.get<std::uint64_t>());
  for (Envelope& envelope : std::exchange(early_, {})) handle(std::move(envelope));
}

void Worker::place(Reader& in) {
  while (!in.empty()) {
    const auto id = in.get<StateId>();
    arrive(id, unpack_state(id, in.get_block()));
  }
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
  send_state(id, std::get<Send>(order).to, Parcel{id, 1, 0, {}}, entry.state.get(), {});
  const std::lock_guard lock(mutex_);
  entry.state.reset();
  entry.held = false;
  // what is left waits for the state's return: its next job's input, or where to send it on to
  if (entry.orders.empty() && !entry.message) states_.erase(id);
}

void Worker::resample(Reader& in) {
  while (!in.empty()) {
    const auto family = in.get<Family>();
    Multiply multiplied;
    for (std::uint32_t i = 0; i < family.places; ++i) multiplied.shares.push_back(in.get<Share>());
    order(family.parent, std::move(multiplied));
  }
  flush_outgoing();
}

// Copies leave first; the last child that stays is the parent itself.
void Worker::multiply(StateId parent, const std::vector<Share>& shares) {
  detail::Object state = std::move(states_.at(parent).state);
  {
    const std::lock_guard lock(mutex_);
    states_.erase(parent);
  }
  for (const Share& share : shares)
    if (share.to != transport_.rank())
      send_state(parent, share.to, Parcel{share.first, share.count, 0, {}}, state.get(), {});
  for (const Share& share : shares) {
    if (share.to != transport_.rank()) continue;
    std::uint64_t next = value(share.first);
    for (detail::Object& copy : copies(parent, state.get(), share.count - 1))
      arrive(StateId{++next}, std::move(copy));
    arrive(share.first, std::move(state));
  }
}

void Worker::transfer(Reader& in) {
  const Rank to = in.get<Rank>();
  for (const StateId id : in.get_all<StateId>()) order(id, Send{to});
  flush_outgoing();
}

void Worker::fetch(Reader& in) {
  const auto request = in.get<std::uint64_t>();
  for (const StateId id : in.get_all<StateId>()) order(id, Fetch{request});
  flush_outgoing();
}

void Worker::pack_fetched(StateId id, std::uint64_t request) {
  if (fetched_ && fetched_request_ != request) flush_outgoing();
  if (!fetched_) {
    fetched_ = message(Kind::kFetched);
    fetched_request_ = request;
    Writer(*fetched_).put(request);
  }
  const std::size_t before = fetched_->size();
  Writer writer(*fetched_);
  writer.put(id);
  writer.put(std::uint8_t{1});
  try {
    const CrashMark::Handling handling("while packing", id);
    writer.put_block([&](Buffer& out) { kernel_->pack_state(states_.at(id).state.get(), out); });
  } catch (...) {
    fetched_->truncate(before);
    writer.put(id);
    writer.put(std::uint8_t{0});
    writer.put_text(exception_text());
  }
  if (fetched_->size() >= settings_.message_bytes) flush_outgoing();
}

void Worker::send_state(StateId id, Rank to, const Parcel& parcel, const void* state, Bytes own_input) {
  send_parcel(to, parcel, own_input, [&](Buffer& out) {
    const CrashMark::Handling handling("while packing", id);
    try {
      kernel_->pack_state(state, out);
    } catch (...) {
      throw Error("state " + std::to_string(value(id)) + " cannot be packed: " + exception_text());
    }
  });
}

void Worker::send_packed(Rank to, const Parcel& parcel, Bytes packed, Bytes own_input) {
  send_parcel(to, parcel, own_input, [&](Buffer& out) { out.append(packed); });
}

template <class Put>
void Worker::send_parcel(Rank to, const Parcel& parcel, Bytes own_input, const Put& put) {
  Buffer& out = outgoing_[to];
  if (out.empty()) {
    Writer(out).put(Kind::kStates);
    Writer(out).put(generation_);
  }
  const std::size_t before = out.size();
  try {
    Writer writer(out);
    writer.put(parcel);
    writer.put_block(own_input);
    writer.put_block(
        put);  // last: what follows a big state would have the buffer grow once more, and copy it
  } catch (...) {
    out.truncate(before);  // the states before it are whole
    throw;
  }
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

void Worker::take_in(Envelope envelope, Reader& in) {
  const auto generation = in.get<std::uint64_t>();
  if (generation < generation_) return;  // dropped since it was sent
  if (generation > generation_) return early_.push_back(std::move(envelope));
  const auto bytes = std::make_shared<const Buffer>(std::move(envelope.message));
  while (!in.empty()) {
    auto parcel = in.get<Parcel>();
    const Bytes own_input = in.get_block();
    const Bytes packed = in.get_block();
    if (parcel.epoch > call_.epoch) {  // its call has not begun here: look at it again then
      Envelope again{envelope.from, message(Kind::kStates)};
      Writer writer(again.message);
      writer.put(generation);
      writer.put(parcel);
      writer.put_block(own_input);
      writer.put_block(packed);
      early_.push_back(std::move(again));
      continue;
    }
    detail::Object state = unpack_state(parcel.first, packed);
    std::uint64_t next = value(parcel.first);
    for (detail::Object& copy : copies(parcel.first, state.get(), parcel.count - 1, packed))
      arrive(StateId{++next}, std::move(copy));
    if (parcel.epoch == call_.epoch && parcel.epoch != 0) {
      const std::lock_guard lock(mutex_);
      Entry& entry = states_[parcel.first];
      entry.message = bytes;
      entry.own_input = own_input;
      entry.epoch = parcel.epoch;
      entry.rounds = parcel.job.round;
      queue_.add(parcel.job, false);
      low_told_ = false;
    }
    arrive(parcel.first, std::move(state));
  }
}

}  // namespace rondo::engine
