// What happens to states between the calls: they are placed, multiplied and fetched.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/master.hpp"
#include "engine/master_wait.hpp"

namespace rondo::engine {

void Master::require_idle() const {
  if (running_ != nullptr)
    throw InputError("the master is inside a call: the sink and the inputs of evolve() cannot use it", {});
}

void Master::update_ids() {
  ids_.resize(scheduler_.size());
  for (Slot slot = 0; slot < ids_.size(); ++slot) ids_[slot] = scheduler_.id(slot);
}

void Master::reset(std::size_t count, const Pack& pack) {
  require_idle();
  finish_saving();  // it still wants the states
  drop_all();
  require_workers();
  std::vector<Buffer> packed(options_.recover ? count : 0);
  const std::uint64_t first = next_id_;
  const Pack pack_state = [&](std::size_t i, Buffer& out) {
    const CrashMark::Handling handling("while packing", StateId{first + i});
    try {
      pack(i, out);
    } catch (...) {
      throw Error("state " + std::to_string(i) +
                  " of those given to reset() cannot be packed: " + exception_text());
    }
  };
  for (std::size_t i = 0; i < packed.size(); ++i) pack_state(i, packed[i]);
  next_id_ += count;
  const auto place_all = [&] {
    ids_.resize(count);
    for (std::size_t i = 0; i < count; ++i) ids_[i] = StateId{first + i};
    const std::vector<scheduler::Worker> owners = scheduler_.reset(ids_, {});
    place(
        owners, packed.empty() ? pack_state : [&](std::size_t i, Buffer& out) { out.append(packed[i]); });
  };
  try {
    if (!options_.recover) return place_all();
    until_placed([&] {
      place_all();
      return true;
    });
  } catch (...) {  // half of them are no ensemble
    drop_all();
    throw;
  }
}

// What was sent before and arrives later is dropped too.
void Master::drop_all() {
  send_all(to_bytes(messages::DropAll{++generation_, backups_ + 1}));
  ids_.clear();
  (void)scheduler_.reset(ids_, {});
  backup_.reset();
  backing_.reset();
  replay_log_.clear(context_bytes_);
}

void Master::place(const std::vector<scheduler::Worker>& owners, const Pack& pack) {
  const std::size_t count = owners.size();
  Buffer out;
  for (std::size_t i = 0; i < count; ++i) {
    if (out.empty()) out = to_bytes(messages::Place());
    const auto packed = [&](Buffer& buffer) {
      const std::size_t before = buffer.size();
      pack(i, buffer);
      scheduler_.packed(static_cast<Slot>(i), static_cast<double>(buffer.size() - before));
    };
    append(out, messages::Place::Item{ids_[i], Block(packed)});
    if (i + 1 < count && owners[i + 1] == owners[i] && out.size() < worker_settings_.message_bytes) continue;
    send(rank_of(owners[i]), std::exchange(out, {}));
    run_until([&] { return transport_.unsent() < worker_settings_.unsent_bytes; });
    if (again_) return;
  }
}

void Master::hint(std::span<const double> seconds) {
  require_idle();
  for (Slot slot = 0; slot < seconds.size(); ++slot) scheduler_.hint(slot, scheduler::Seconds(seconds[slot]));
}

void Master::resample(std::span<const std::uint32_t> offspring) {
  require_idle();
  std::vector<Buffer> outgoing(workers_);
  std::vector<scheduler::Worker> owners(ids_.size());
  for (Slot slot = 0; slot < ids_.size(); ++slot) owners[slot] = scheduler_.owner(slot);
  const std::vector<scheduler::Copy> copies = scheduler_.resample(offspring, StateId{next_id_});
  auto copy = copies.begin();
  for (Slot slot = 0; slot < ids_.size(); ++slot) {
    const auto end =
        std::find_if(copy, copies.end(), [&](const scheduler::Copy& c) { return c.parent != slot; });
    Buffer& out = outgoing[index(owners[slot])];
    if (out.empty()) out = to_bytes(messages::Resample());
    messages::Resample::Item family{ids_[slot], {}};
    for (; copy != end; ++copy) family.shares.push_back({rank_of(copy->to), copy->first, copy->count});
    append(out, family);
  }
  if (options_.recover) {
    std::vector<StateId> parents;
    for (const scheduler::Copy& each : copies) parents.insert(parents.end(), each.count, ids_[each.parent]);
    replay_log_.resample(StateId{next_id_}, std::move(parents));
  }
  update_ids();
  next_id_ += ids_.size();
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!outgoing[w].empty()) send(rank_of(scheduler::Worker{w}), std::move(outgoing[w]));
  transport_.flush();
}

void Master::share(Bytes context) {
  require_idle();
  const Buffer out = to_bytes(messages::Context{++context_, context});
  context_bytes_.clear();
  context_bytes_.append(context);
  if (options_.recover) replay_log_.share(context);
  send_tree(out);
  transport_.flush();
}

// Asks for as much at a time as all ranks may keep unsent, so that neither side holds everything twice.
void Master::fetch(std::span<const std::size_t> positions, const Take& take) {
  require_idle();
  fetching_ = {};
  fetching_.request = ++requests_;
  fetching_.take = &take;
  for (std::size_t at = 0; at < positions.size();) {
    std::vector<StateId> wanted;
    double bytes = 0;
    for (;
         at < positions.size() && (bytes == 0 || bytes < static_cast<double>(worker_settings_.unsent_bytes));
         ++at) {
      const auto slot = static_cast<Slot>(positions[at]);
      wanted.push_back(ids_[slot]);
      bytes += scheduler_.bytes(slot) + sizeof(StateId);
      ++fetching_.missing;
    }
    if (options_.recover) fetching_.outstanding.insert(wanted.begin(), wanted.end());
    request(wanted);
    run_until([&] { return fetching_.missing == 0; });
  }
  if (fetching_.failures.empty()) return;
  std::sort(fetching_.failures.begin(), fetching_.failures.end(),
            [](const UpdateFailure& one, const UpdateFailure& other) { return one.state < other.state; });
  const UpdateFailure& first = fetching_.failures.front();
  std::string text = "state " + std::to_string(value(first.state)) + " on rank " +
                     std::to_string(value(first.rank)) + ": " + first.text;
  if (fetching_.failures.size() > 1)
    text += " (and " + std::to_string(fetching_.failures.size() - 1) + " more)";
  throw UpdateError(text, std::move(fetching_.failures), {});
}

void Master::request(std::span<const StateId> ids) {
  std::map<scheduler::Worker, std::vector<StateId>> wanted;
  for (const StateId id : ids) {
    const auto found = std::lower_bound(ids_.begin(), ids_.end(), id);
    wanted[scheduler_.owner(static_cast<Slot>(found - ids_.begin()))].push_back(id);
  }
  for (const auto& [worker, its] : wanted) {
    send(rank_of(worker), to_bytes(messages::Fetch{fetching_.request, its}));
  }
}

void Master::take(Rank from, const messages::Fetched& fetched) {
  if (fetched.request != fetching_.request) return;
  for (const auto& [id, packed, block] : fetched.states) {
    const Bytes bytes = block.bytes();
    --fetching_.missing;
    if (options_.recover) fetching_.outstanding.erase(id);
    if (!packed) {
      const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      fetching_.failures.push_back({id, from, round_, "it cannot be packed: " + std::string(text)});
      continue;
    }
    const CrashMark::Handling handling("while unpacking", id);
    try {
      const auto found = std::lower_bound(ids_.begin(), ids_.end(), id);
      (*fetching_.take)(static_cast<std::size_t>(found - ids_.begin()), bytes);
    } catch (...) {
      fetching_.failures.push_back({id, kMaster, round_, "it cannot be unpacked: " + exception_text()});
    }
  }
}

Profile Master::profile() {
  require_idle();
  profile_.transfers = profile_.transfer_bytes = 0;
  await(Kind::kCounted);
  send_all(to_bytes(messages::Count()));
  run_until([&] { return all_answered(); });
  return profile_;
}

}  // namespace rondo::engine
