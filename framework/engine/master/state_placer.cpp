#include "engine/master/state_placer.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <rondo/error.hpp>

#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/messages.hpp"

namespace rondo::engine {

using scheduler::Slot;

void StatePlacer::require_workers() const {
  if (p_.peers.alive() == 0) throw WorkerLost("all workers are lost", p_.peers.rank_of(scheduler::Worker{0}));
}

void StatePlacer::reset(std::size_t count, const Pack& pack) {
  drop_all();
  require_workers();
  std::vector<Buffer> packed(p_.options.recover ? count : 0);
  const std::uint64_t first = p_.ensemble.next_id;
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
  p_.ensemble.next_id += count;
  const auto place_all = [&] {
    std::vector<StateId>& ids = p_.ensemble.ids;
    ids.resize(count);
    for (std::size_t i = 0; i < count; ++i) ids[i] = StateId{first + i};
    const std::vector<scheduler::Worker> owners = p_.scheduler.reset(ids, {});
    place(
        owners, packed.empty() ? pack_state : [&](std::size_t i, Buffer& out) { out.append(packed[i]); });
  };
  try {
    if (!p_.options.recover) return place_all();
    until_placed([&] {
      place_all();
      return true;
    });
  } catch (...) {  // half of them are no ensemble
    drop_all();
    throw;
  }
}

void StatePlacer::drop_all() {
  p_.peers.send_all(to_bytes(messages::DropAll{++p_.ensemble.generation, p_.recovery.next_backup()}));
  p_.ensemble.ids.clear();
  (void)p_.scheduler.reset(p_.ensemble.ids, {});
  p_.recovery.dropped(p_.ensemble.context);
}

void StatePlacer::place(const std::vector<scheduler::Worker>& owners, const Pack& pack) {
  const std::size_t count = owners.size();
  Buffer out;
  for (std::size_t i = 0; i < count; ++i) {
    if (out.empty()) out = to_bytes(messages::Place());
    const auto packed = [&](Buffer& buffer) {
      const std::size_t before = buffer.size();
      pack(i, buffer);
      p_.scheduler.packed(static_cast<Slot>(i), static_cast<double>(buffer.size() - before));
    };
    append(out, messages::Place::Item{p_.ensemble.ids[i], Block(packed)});
    if (i + 1 < count && owners[i + 1] == owners[i] && out.size() < p_.settings.message_bytes) continue;
    p_.peers.send(owners[i], std::exchange(out, {}));
    p_.loop.run_until([&] { return p_.peers.unsent() < p_.settings.unsent_bytes; });
    if (p_.recovery.is_interrupted()) return;
  }
}

void StatePlacer::until_placed(const std::function<bool()>& work) {
  recovery::Recovery& recovery = p_.recovery;
  const auto end = [](recovery::Recovery* all) { all->end_placing(); };
  const std::unique_ptr<recovery::Recovery, decltype(end)> placing(&recovery, end);
  do {
    recovery.begin_placing();
    drop_all();
    const bool placed = work();
    if (recovery.is_interrupted()) continue;
    if (!placed) return;  // copies of states that do not come would be waited for without end
    p_.backups.placed();
    p_.loop.run_until([&] { return recovery.is_interrupted() || !recovery.is_backing_up(); });
  } while (recovery.is_interrupted());
}

void StatePlacer::resample(std::span<const std::uint32_t> offspring) {
  std::vector<StateId>& ids = p_.ensemble.ids;
  const StateId first{p_.ensemble.next_id};
  std::vector<Buffer> outgoing(p_.peers.count());
  std::vector<scheduler::Worker> owners(ids.size());
  for (Slot slot = 0; slot < ids.size(); ++slot) owners[slot] = p_.scheduler.owner(slot);
  const std::vector<scheduler::Copy> copies = p_.scheduler.resample(offspring, first);
  auto copy = copies.begin();
  for (Slot slot = 0; slot < ids.size(); ++slot) {
    const auto end =
        std::find_if(copy, copies.end(), [&](const scheduler::Copy& c) { return c.parent != slot; });
    Buffer& out = outgoing[index(owners[slot])];
    if (out.empty()) out = to_bytes(messages::Resample());
    messages::Resample::Item family{ids[slot], {}};
    for (; copy != end; ++copy)
      family.shares.push_back({p_.peers.rank_of(copy->to), copy->first, copy->count});
    append(out, family);
  }
  if (p_.options.recover) {
    std::vector<StateId> parents;
    for (const scheduler::Copy& each : copies) parents.insert(parents.end(), each.count, ids[each.parent]);
    p_.recovery.resampled(first, std::move(parents));
  }
  ids.resize(p_.scheduler.size());
  for (Slot slot = 0; slot < ids.size(); ++slot) ids[slot] = p_.scheduler.id(slot);
  p_.ensemble.next_id += ids.size();
  for (std::uint32_t w = 0; w < outgoing.size(); ++w)
    if (!outgoing[w].empty()) p_.peers.send(scheduler::Worker{w}, std::move(outgoing[w]));
  p_.peers.flush();
}

void StatePlacer::share(Bytes context) {
  const Buffer out = to_bytes(messages::Context{++p_.ensemble.context_version, context});
  Buffer copy;
  copy.append(context);
  p_.ensemble.context = std::move(copy);
  if (p_.options.recover) p_.recovery.shared(p_.ensemble.context);
  p_.peers.send_tree(out);
  p_.peers.flush();
}

}  // namespace rondo::engine
