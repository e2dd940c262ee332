#include "recovery/replay_log.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace rondo::recovery {

namespace {

Buffer copy_of(Bytes bytes) {
  Buffer copy;
  copy.append(bytes);
  return copy;
}

}  // namespace

void ReplayLog::resample(StateId first, std::vector<StateId> parents) {
  operations_.emplace_back(Resample{value(first), std::move(parents)});
}

void ReplayLog::share(Bytes context) { operations_.emplace_back(copy_of(context)); }

void ReplayLog::begin_call(std::uint64_t first_round, std::uint64_t seed, std::vector<StateId> ids,
                           std::vector<Buffer> own) {
  operations_.emplace_back(Call{first_round, seed, std::move(ids), std::move(own), {}, {}});
}

void ReplayLog::add_input(Bytes shared) {
  std::get<Call>(operations_.back()).shared.push_back(copy_of(shared));
}

void ReplayLog::end_early(std::vector<Progress> progress) {
  std::get<Call>(operations_.back()).progress = std::move(progress);
}

Bytes ReplayLog::own_input(std::size_t i) const { return std::get<Call>(operations_.back()).own.at(i); }

std::uint32_t ReplayLog::shared_inputs() const {
  return static_cast<std::uint32_t>(std::get<Call>(operations_.back()).shared.size());
}

Bytes ReplayLog::shared_input(std::uint32_t round) const {
  return std::get<Call>(operations_.back()).shared.at(round);
}

std::uint64_t ReplayLog::position(bool in_call) const {
  return forgotten_ + operations_.size() - (in_call ? 1 : 0);
}

void ReplayLog::trim(std::uint64_t position) {
  for (; forgotten_ < position; ++forgotten_) {
    if (auto* context = std::get_if<Buffer>(&operations_.front())) context_ = std::move(*context);
    operations_.pop_front();
  }
}

void ReplayLog::clear(Bytes context) {
  forgotten_ += operations_.size();
  operations_.clear();
  context_ = copy_of(context);
}

StateId ReplayLog::ancestor(StateId id) const {
  for (auto each = operations_.rbegin(); each != operations_.rend(); ++each)
    if (const auto* resample = std::get_if<Resample>(&*each))
      id = resample->parents.at(value(id) - resample->first);
  return id;
}

Replay ReplayLog::replay(std::span<const Target> targets, const Bases& bases, bool in_call) const {
  // backwards: which states are wanted at each operation
  std::map<StateId, Progress> last;  // of the running call
  std::vector<StateId> wanted;
  for (const Target& target : targets) {
    wanted.push_back(target.id);
    if (in_call) last.emplace(target.id, target.progress);
  }
  std::sort(wanted.begin(), wanted.end());
  std::vector<std::map<StateId, std::vector<StateId>>> families(operations_.size());
  std::vector<std::vector<StateId>> updated(operations_.size());
  for (std::size_t i = operations_.size(); i-- > 0;) {
    if (const auto* resample = std::get_if<Resample>(&operations_[i])) {
      for (const StateId child : wanted)
        families[i][resample->parents.at(value(child) - resample->first)].push_back(child);
      wanted.clear();
      for (const auto& [parent, children] : families[i]) wanted.push_back(parent);
    } else {
      updated[i] = wanted;
    }
  }

  Replay replay{std::move(wanted), Bytes(context_), {}};
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    if (const auto* context = std::get_if<Buffer>(&operations_[i])) {
      replay.steps.emplace_back(Replay::Context{Bytes(*context)});
      continue;
    }
    const auto* const call = std::get_if<Call>(&operations_[i]);
    if (call == nullptr) {
      for (auto& [parent, children] : families[i])
        replay.steps.emplace_back(Replay::Family{parent, std::move(children)});
      continue;
    }
    Replay::Call again{call->first_round, call->seed, call->rounds(), {}, {}, {}};
    std::uint32_t to = 0;
    for (const StateId id : updated[i]) {
      const auto position = static_cast<std::size_t>(
          std::lower_bound(call->ids.begin(), call->ids.end(), id) - call->ids.begin());
      Progress begin, end{call->rounds(), false};
      if (const auto base = bases.find(id); i == 0 && base != bases.end()) begin = base->second;
      if (!call->progress.empty()) end = call->progress.at(position);
      if (in_call && i + 1 == operations_.size()) end = last.at(id);
      const Replay::Way way{id, begin.rounds, end.rounds, end.threw && !begin.threw};
      if (way.from == way.to && !way.threw) continue;
      again.from = std::min(again.from, way.from);
      to = std::max(to, way.to + (way.threw ? 1 : 0));
      again.ways.push_back(way);
      if (!call->own.empty()) again.own.emplace_back(call->own.at(position));
    }
    if (again.ways.empty()) continue;
    for (std::uint32_t round = again.from; call->own.empty() && round < to; ++round)
      again.shared.emplace_back(call->shared.at(round));
    replay.steps.emplace_back(std::move(again));
  }
  return replay;
}

}  // namespace rondo::recovery
