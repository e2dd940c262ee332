// A worker's part when workers are lost: it keeps copies of its own states and of others', tells what it holds, and makes
// lost states again from their copies.
#include <algorithm>
#include <exception>
#include <utility>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/worker.hpp"
#include "recovery/census.hpp"
#include "recovery/replay_log.hpp"

namespace rondo::engine {

using transport::Envelope;

// ---- copies

void Worker::take(const messages::BackUp& back_up) {
  for (const messages::CopyTarget& each : back_up.targets) order(each.state, BackUp{back_up.number, each.to});
  flush_outgoing();
}

// One copy stays here: the other one may be where the state itself goes next.
void Worker::copy_out(StateId id, const BackUp& order) {
  Buffer& out = copies_out_[order.to];
  if (out.empty()) out = to_bytes(messages::Copies{order.number, {}});
  auto mine = std::make_shared<Buffer>();
  const auto pack = [&](Buffer& buffer) {
    const std::size_t before = buffer.size();
    kernel_->pack_state(states_.at(id).state.get(), buffer);
    mine->append(Bytes(buffer).subspan(before));
  };
  try {
    const CrashMark::Handling handling("while packing", id);
    append(out, messages::Copies::Item{id, Block(pack)});
  } catch (...) {
    throw Error("state " + std::to_string(value(id)) + " cannot be packed: " + exception_text());
  }
  copies_.put(order.number, id, {mine, Bytes(*mine)});
  if (out.size() >= settings_.message_bytes) {
    transport_.send(order.to, std::move(out));
    copies_out_.erase(order.to);
  }
  const std::lock_guard lock(mutex_);
  states_.at(id).held = false;
}

void Worker::take(const messages::Copies& copies, Envelope& envelope) {
  const auto message_bytes = std::make_shared<const Buffer>(std::move(envelope.message));
  std::uint64_t count = 0;
  for (const auto& [id, packed] : copies.states) {
    copies_.put(copies.number, id, {message_bytes, packed.bytes()});
    ++count;
  }
  transport_.send(kMaster, to_bytes(messages::BackedUp{copies.number, count}));
}

void Worker::take(const messages::BackupDone& done) { copies_.keep(done.number, done.number); }

// ---- a loss

// Nothing new starts, and what is under way here is left: the master plans again. What is on its way between the workers is
// dropped when it arrives, and restored from copies.
void Worker::take(const messages::Lost& lost) {
  loss_ = lost.number;
  for (const Rank rank : lost.ranks) {
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
  messages::Census census{loss_, {}};
  {
    const std::lock_guard lock(mutex_);
    if (!census_due_ || computing_ || !done_.empty() || !failures_.empty()) return;
    census_due_ = false;
    for (const auto& [id, entry] : states_)
      if (entry.state) census.held.push_back({id, entry.rounds, entry.epoch});
  }
  transport_.send(kMaster, to_bytes(census));
}

void Worker::take(const messages::Resume& resume) {
  const std::vector<StateId>& kept = resume.kept;
  generation_ = resume.generation;
  copies_.keep(resume.backup, resume.next_backup);
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(
        states_, [&](const auto& each) { return !std::binary_search(kept.begin(), kept.end(), each.first); });
  }
  for (Envelope& envelope : std::exchange(early_, {})) handle(std::move(envelope));
}

// ---- restored states

void Worker::take(const messages::Replay& replay, Envelope& envelope) {
  Replay all{std::move(envelope), replay, {}};
  for (const StateId id : replay.copies) all.copies.emplace_back(id, copies_.at(id));
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
  for (Envelope& envelope : std::exchange(early_contexts_, {}))
    take(from_bytes<messages::Context>(envelope.message), envelope);
}

void Worker::run_replay() {
  try {
    replay(replay_piece_.all, replay_piece_.states);
  } catch (...) {
    replay_piece_.error = "lost states cannot be restored: " + exception_text();
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
  bool context_good = true;
  const auto set_context = [&](Bytes context) {
    context_good = true;
    try {
      kernel_->set_context(context);
    } catch (...) {
      context_good = false;
    }
  };
  set_context(all.message.context.bytes());
  for (const messages::Replay::Step& step : all.message.steps) {
    if (replay_stopped_) return;
    if (const auto* context = std::get_if<messages::Replay::NewContext>(&step.what))
      set_context(context->packed.bytes());
    else if (const auto* family = std::get_if<messages::Replay::Family>(&step.what))
      replay_family(*family, states);
    else
      replay_rounds(std::get<messages::Replay::Rounds>(step.what), states, context_good);
  }
}

void Worker::replay_family(const messages::Replay::Family& family, States& states) {
  detail::Object parent = std::move(states.extract(family.parent).mapped());
  std::size_t next = 0;
  for (detail::Object& copy : copies(family.parent, parent.get(), family.children.size() - 1))
    states.emplace(family.children[++next], std::move(copy));
  states.emplace(family.children.front(), std::move(parent));
}

void Worker::replay_rounds(const messages::Replay::Rounds& rounds, States& states, bool context_good) {
  std::vector<SharedInput> inputs;
  for (const Block& input : rounds.shared) inputs.push_back(unpack_input(input.bytes()));
  Buffer output;
  for (std::size_t i = 0; i < rounds.ways.size(); ++i) {
    const recovery::Replay::Way& way = rounds.ways[i];
    const Bytes own = inputs.empty() ? rounds.own.at(i).bytes() : Bytes();
    detail::Object& state = states.at(way.id);
    for (std::uint32_t round = way.from; round < way.to + (way.threw ? 1 : 0) && !replay_stopped_; ++round) {
      const SharedInput* shared = inputs.empty() ? nullptr : &inputs[round - rounds.from];
      if (!context_good || (shared != nullptr && shared->error))
        continue;  // it did not get to the update then
      const detail::CallInfo call{way.id, rounds.first_round + round, rounds.seed};
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
