// A worker's part when workers are lost: it keeps copies of its own states and of others', tells what it holds, and makes
// lost states anew from their copies.
#include <algorithm>
#include <exception>
#include <utility>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/worker.hpp"
#include "recovery/census.hpp"
#include "recovery/history.hpp"

namespace rondo::engine {

using recovery::Held;
using transport::Envelope;

// ---- copies

void Worker::back_up(Reader& in) {
  const auto number = in.get<std::uint64_t>();
  for (const CopyTarget& each : in.get_all<CopyTarget>()) order(each.state, BackUp{number, each.to});
  flush_outgoing();
}

// One copy stays here: the other one may be where the state itself goes next.
void Worker::copy_out(StateId id, const BackUp& order) {
  Buffer& out = copies_out_[order.to];
  Writer writer(out);
  if (out.empty()) {
    writer.put(Kind::kCopies);
    writer.put(order.number);
  }
  writer.put(id);
  const std::size_t before = out.size() + sizeof(std::uint64_t);
  try {
    const CrashMark::Handling handling("while packing", id);
    writer.put_block([&](Buffer& buffer) { kernel_->pack_state(states_.at(id).state.get(), buffer); });
  } catch (...) {
    throw Error("state " + std::to_string(value(id)) + " cannot be packed: " + exception_text());
  }
  auto mine = std::make_shared<Buffer>();
  mine->append(Bytes(out.data() + before, out.size() - before));
  copies_.put(order.number, id, {mine, Bytes(*mine)});
  if (out.size() >= settings_.message_bytes) {
    transport_.send(order.to, std::move(out));
    copies_out_.erase(order.to);
  }
  const std::lock_guard lock(mutex_);
  states_.at(id).held = false;
}

void Worker::take_copies(Envelope envelope, Reader& in) {
  const auto number = in.get<std::uint64_t>();
  const auto message_bytes = std::make_shared<const Buffer>(std::move(envelope.message));
  std::uint64_t count = 0;
  for (; !in.empty(); ++count) {
    const auto id = in.get<StateId>();
    copies_.put(number, id, {message_bytes, in.get_block()});
  }
  Buffer out = message(Kind::kBackedUp);
  Writer writer(out);
  writer.put(number);
  writer.put(count);
  transport_.send(kMaster, std::move(out));
}

void Worker::backup_done(Reader& in) {
  const auto number = in.get<std::uint64_t>();
  copies_.keep(number, number);
}

// ---- a loss

// Nothing new starts, and what is under way here is left: the master plans anew. Whatever is on its way between the workers is
// dropped when it arrives, and made anew.
void Worker::take_lost(Reader& in) {
  loss_ = in.get<std::uint64_t>();
  for (const Rank rank : in.get_all<Rank>()) {
    if (!lost_.insert(rank).second) continue;
    transport_.forget(rank);
  }
  postponed_.clear();
  loading_.clear();
  outgoing_.clear();
  copies_out_.clear();
  if (saver_) {
    saver_->fail("a worker was lost meanwhile");
    saver_->finish();
  }
  const std::lock_guard lock(mutex_);
  for (auto& [id, entry] : states_) {
    entry.orders.clear();
    entry.held = false;
  }
  unsaved_ = 0;
  stop_replay();
  queue_.stop();
  census_due_ = report_due_ = true;
}

// As soon as the running update has ended and its output has been reported.
void Worker::send_census() {
  std::vector<Held> held;
  {
    const std::lock_guard lock(mutex_);
    if (!census_due_ || computing_ || !done_.empty() || !failures_.empty()) return;
    census_due_ = false;
    for (const auto& [id, entry] : states_)
      if (entry.state) held.push_back({id, entry.rounds, entry.epoch});
  }
  Buffer out = message(Kind::kCensus);
  Writer writer(out);
  writer.put(loss_);
  writer.put_all(std::span<const Held>(held));
  transport_.send(kMaster, std::move(out));
}

void Worker::resume(Reader& in) {
  const auto head = in.get<ResumeHead>();
  const std::vector<StateId> kept = in.get_all<StateId>();  // ascends
  generation_ = head.generation;
  copies_.keep(head.backup, head.next_backup);
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(
        states_, [&](const auto& each) { return !std::binary_search(kept.begin(), kept.end(), each.first); });
  }
  for (Envelope& envelope : std::exchange(early_, {})) handle(std::move(envelope));
}

// ---- states made anew

void Worker::take_replay(Envelope envelope) {
  Replay all{std::move(envelope), {}};
  Reader in(all.message.message);
  (void)in.get<Kind>();
  for (const StateId id : in.get_all<StateId>()) all.copies.emplace_back(id, copies_.at(id));
  {
    const std::lock_guard lock(mutex_);
    replay_ = std::move(all);
  }
  executor_->notify();
}

// Called with the lock held.
void Worker::stop_replay() {
  replay_.reset();
  replayed_.clear();
  replay_stopped_ = true;
}

void Worker::take_replayed() {
  States states;
  {
    const std::lock_guard lock(mutex_);
    if (replay_ || replaying_) return;
    if (replay_error_) throw Error(*replay_error_);
    states.swap(replayed_);
  }
  for (auto& [id, state] : states) arrive(id, std::move(state));
  for (Envelope& envelope : std::exchange(early_contexts_, {})) take_context(std::move(envelope));
}

void Worker::run_replay() {
  try {
    replay(replay_piece_.all, replay_piece_.states);
  } catch (...) {
    replay_piece_.error = "lost states cannot be made anew: " + exception_text();
  }
  try {
    kernel_->set_context(context_);
  } catch (...) {
    // it could not be unpacked when it came either: context_error_ says so
  }
}

void Worker::end_replay() {
  replaying_ = false;
  if (!replay_stopped_) {
    replayed_ = std::move(replay_piece_.states);
    replay_error_ = std::move(replay_piece_.error);
  }
  replay_piece_ = {};
}

// Does again what the master has written.
void Worker::replay(const Replay& all, States& states) {
  for (const auto& [id, copy] : all.copies) states.emplace(id, unpack_state(id, copy.bytes));
  Reader in(all.message.message);
  (void)in.get<Kind>();
  (void)in.get_all<StateId>();
  bool context_good = true;
  const auto set_context = [&](Bytes context) {
    context_good = true;
    try {
      kernel_->set_context(context);
    } catch (...) {
      context_good = false;
    }
  };
  set_context(in.get_block());
  while (!in.empty() && !replay_stopped_) {
    switch (in.get<ReplayStep>()) {
      case ReplayStep::kContext: set_context(in.get_block()); break;
      case ReplayStep::kCall: replay_call(in, states, context_good); break;
      case ReplayStep::kFamily: {
        const auto id = in.get<StateId>();
        detail::Object parent = std::move(states.extract(id).mapped());
        const std::vector<StateId> children = in.get_all<StateId>();
        std::size_t next = 0;
        for (detail::Object& copy : copies(id, parent.get(), children.size() - 1))
          states.emplace(children[++next], std::move(copy));
        states.emplace(children.front(), std::move(parent));
        break;
      }
    }
  }
}

void Worker::replay_call(Reader& in, States& states, bool context_good) {
  const auto head = in.get<ReplayHead>();
  std::vector<SharedInput> inputs(head.count);
  for (SharedInput& input : inputs) input = unpack_input(in.get_block());
  const std::vector<recovery::Replay::Way> ways = in.get_all<recovery::Replay::Way>();
  Buffer output;
  for (const recovery::Replay::Way& way : ways) {
    const Bytes own = inputs.empty() ? in.get_block() : Bytes();
    detail::Object& state = states.at(way.id);
    for (std::uint32_t round = way.from; round < way.to + (way.threw ? 1 : 0) && !replay_stopped_; ++round) {
      const SharedInput* shared = inputs.empty() ? nullptr : &inputs[round - head.from];
      if (!context_good || (shared != nullptr && shared->error))
        continue;  // it did not get to the update then
      const detail::CallInfo call{way.id, head.first_round + round, head.seed};
      output.clear();
      const CrashMark::Updating mark(way.id, call.round);
      try {
        kernel_->update(state.get(), shared != nullptr ? shared->value.get() : nullptr, own, call, output);
      } catch (...) {
        // as it did the first time; one that did not is not the same function of the same values
        if (round < way.to) throw;
      }
    }
  }
}

}  // namespace rondo::engine
