// Start, end, and what happens to states between the calls. The calls themselves are in master_call.cpp.
#include "engine/master.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <map>
#include <sstream>
#include <utility>

#include "engine/build.hpp"
#include "engine/master_wait.hpp"
#include "engine/session.hpp"
#include "scheduler/reporting.hpp"

namespace rondo::engine {

using transport::Envelope;

namespace {

scheduler::Settings scheduler_settings(const Options& options, std::uint32_t workers) {
  scheduler::Settings settings;
  settings.workers = workers;
  settings.rebalance = options.rebalance;
  settings.batch = options.batch;
  if (options.memory > 0) settings.bytes_max = options.memory;
  return settings;
}

// Of the calling thread.
transport::Seconds processor_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::uint32_t count_workers(const transport::Transport& transport, const Options& options) {
  return static_cast<std::uint32_t>(transport.size()) - (options.master_works ? 0 : 1);
}

}  // namespace

Master::Master(transport::Relay& transport, const Host& host, const detail::Program& program,
               const Options& options)
    : transport_(transport),
      host_(host),
      storage_(host.storage),
      options_(options),
      type_hash_(hash_of_types(program)),
      workers_(count_workers(transport, options)),
      scheduler_(scheduler_settings(options, workers_)),
      seed_(options.seed),
      seen_(workers_),
      lost_(workers_, false) {
  worker_settings_.save_bytes = options.checkpoint_bytes;
  if (options.batch > 0) worker_settings_.report_updates = options.batch;
  worker_settings_.rollback = options.rollback;
  worker_settings_.tree_fanout = options.tree_fanout;
  worker_settings_.recover = options.recover;
  worker_settings_.orphan = options.orphan;
  worker_settings_.master_process = getpid();
  if (!options.rebalance || workers_ == 1) worker_settings_.low = 0;
  worker_settings_.report_interval = scheduler::report_interval(workers_).count();
  worker_settings_.report_bytes = scheduler::report_bytes(workers_);
  heard_ = told_ = saved_at_ = transport_.now().count();
  set_end(heard_);
  handshake(program);
  if (options.master_works)
    own_worker_.emplace(transport_, storage_, program.make_kernel(), worker_settings_);
}

// Every worker says what it is; all of them hear the verdict.
void Master::handshake(const detail::Program& program) {
  greetings_.assign(static_cast<std::size_t>(transport_.size()), "");
  nodes_.assign(greetings_.size(), node_name());
  const auto others = static_cast<std::uint32_t>(transport_.size()) - 1;
  answered_.clear();
  const transport::Seconds begin = processor_time();
  run_until([&] { return answered_.size() == others; });
  const transport::RelayPlan plan = plan_relay(processor_time() - begin);
  std::vector<Rank> leaders = transport::relay_leaders(plan, nodes_.size(), nodes_);
  std::string mismatch;
  const std::string mine = describe(program);
  for (std::uint32_t rank = 1; rank <= others; ++rank)
    if (mismatch.empty() && greetings_[rank] != mine)
      mismatch = "the ranks do not run the same program: rank 0 has " + mine + ", rank " +
                 std::to_string(rank) + " has " + greetings_[rank] + "; start one binary on all of them";
  for (std::uint32_t rank = 1; rank <= others; ++rank) {
    Buffer out = message(mismatch.empty() ? Kind::kWelcome : Kind::kMismatch);
    if (mismatch.empty()) {
      Writer writer(out);
      writer.put(worker_settings_);
      writer.put_text(node_name());
      writer.put(leaders[rank]);
      writer.put(plan.pace.count());
    } else {
      Writer(out).put_text(mismatch);
    }
    send(Rank{static_cast<std::int32_t>(rank)}, std::move(out));
  }
  welcomed_ = mismatch.empty();
  if (welcomed_) return transport_.begin(std::move(leaders));
  while (transport_.unsent() > 0) transport_.wait(transport::Seconds(1e-4));
  throw MismatchError(mismatch);
}

// What a message takes is what the handshake took of the processor, per worker.
transport::RelayPlan Master::plan_relay(transport::Seconds handshake) const {
  const transport::Seconds each = handshake / std::max(workers_, 1U);
  if (options_.recover) return {};  // who is behind a lost leader would be lost with it
  if (options_.relay == Options::kRelayAuto) return transport::plan_relay(workers_, each);
  return options_.relay == 0 ? transport::RelayPlan{} : transport::relay_of(options_.relay, workers_, each);
}

void Master::close(std::int32_t status) {
  // the program has ended by itself: no signal and no walltime takes its status away any more
  leave_by_ = end_ = std::numeric_limits<double>::infinity();
  closing_ = true;
  finish_saving();
  tell_saving_error();
  answered_.clear();
  send_all(message(Kind::kClose));
  run_until([&] { return all_answered(); });
  Buffer out = message(Kind::kExit);
  Writer(out).put(status);
  send_all(out);
  run_until([&] { return transport_.unsent() == 0; });
  transport_.end();
  own_worker_.reset();
}

Rank Master::rank_of(scheduler::Worker worker) const {
  return Rank{static_cast<std::int32_t>(index(worker)) + (options_.master_works ? 0 : 1)};
}

scheduler::Worker Master::worker_of(Rank rank) const {
  return scheduler::Worker{static_cast<std::uint32_t>(value(rank) - (options_.master_works ? 0 : 1))};
}

void Master::send(Rank to, Buffer message) {
  ++profile_.master_messages;
  profile_.master_bytes += message.size();
  transport_.send(to, std::move(message));
}

void Master::send_all(const Buffer& message) {
  for (std::uint32_t w = 0; w < workers_; ++w) {
    if (lost_[w]) continue;
    Buffer copy;
    copy.append(message);
    send(rank_of(scheduler::Worker{w}), std::move(copy));
  }
}

void Master::send_tree(const Buffer& message) {
  if (options_.recover) return send_all(message);  // a tree hangs on its inner ranks
  const auto send_copy = [&](Rank to) {
    Buffer copy;
    copy.append(message);
    send(to, std::move(copy));
  };
  if (options_.master_works) send_copy(kMaster);
  for_each_child(kMaster, transport_.size(), options_.tree_fanout, send_copy);
  transport_.flush();
}

// What the program's functions throw is caught where they are called. Anything else that a message brings about leaves
// nobody who could go on: the job ends, at once and by name.
void Master::or_end(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    std::cerr << describe(kMaster, error);
    leave_at_once(EXIT_FAILURE);
  }
}

void Master::dispatch(Envelope envelope) {
  Reader in(envelope.message);
  const auto kind = in.get<Kind>();
  if (!is_for_master(kind) && own_worker_) return own_worker_->handle(std::move(envelope));
  const double now = transport_.now().count();
  const scheduler::Worker worker = worker_of(envelope.from);
  if (!alive(worker)) {  // it was only slow; its states are elsewhere now
    Buffer out = message(Kind::kLeave);
    Writer(out).put(std::int32_t{EXIT_SUCCESS});
    return transport_.send(envelope.from, std::move(out));
  }
  seen_[index(worker)].heard = now;
  seen_[index(worker)].silent_from = waited_;
  seen_[index(worker)].asked = -1;
  // a report may tell that nothing has been done, and an answer brings nothing forward
  if (kind != Kind::kReport && kind != Kind::kAnswer) heard_ = now;
  ++profile_.master_messages;
  profile_.master_bytes += envelope.message.size();
  switch (kind) {
    case Kind::kHello:
      greetings_[static_cast<std::size_t>(value(envelope.from))] = in.get_text();
      nodes_[static_cast<std::size_t>(value(envelope.from))] = in.get_text();
      node_names_.insert(nodes_[static_cast<std::size_t>(value(envelope.from))]);
      answered_.insert(envelope.from);
      return;
    case Kind::kClosed: answered_.insert(envelope.from); return;
    case Kind::kBackedUp: return take_backed_up(in);
    case Kind::kCensus: return take_census(envelope.from, in);
    case Kind::kFetched: return take_fetched(envelope.from, in);
    case Kind::kSignal: return heed(in.get<Wish>());
    case Kind::kTasksDone: return take_tasks_done(envelope.from, in);
    case Kind::kSaved: return take_saved(in);
    case Kind::kLoaded: return take_loaded(in);
    case Kind::kAnswer: return take_answer(envelope.from, in);
    case Kind::kReport: return take_report(envelope.from, in);
    case Kind::kGave: return take_gave(envelope.from, in);
    case Kind::kFailed: return take_failed(envelope.from, in);
    case Kind::kStopped:
      if (running_ != nullptr && in.get<std::uint64_t>() == epoch_) on(scheduler::event::Stopped{worker});
      return;
    case Kind::kCounted: {
      const auto counters = in.get<WorkerCounters>();
      profile_.transfers += counters.transfers;
      profile_.transfer_bytes += counters.transfer_bytes;
      answered_.insert(envelope.from);
      return;
    }
    default: throw Error("the master got a message of kind " + std::to_string(static_cast<unsigned>(kind)));
  }
}

// ---- states between the calls

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
  for (std::size_t i = 0; i < packed.size(); ++i) pack(i, packed[i]);
  const std::uint64_t first = next_id_;
  next_id_ += count;
  const auto place_all = [&] {
    ids_.resize(count);
    for (std::size_t i = 0; i < count; ++i) ids_[i] = StateId{first + i};
    const std::vector<scheduler::Worker> owners = scheduler_.reset(ids_, {});
    place(
        owners, packed.empty() ? pack : [&](std::size_t i, Buffer& out) { out.append(packed[i]); });
  };
  try {
    if (!options_.recover) return place_all();
    until_placed(place_all);
  } catch (...) {  // half of them are no ensemble
    drop_all();
    throw;
  }
}

// What was sent before and arrives later is dropped too.
void Master::drop_all() {
  Buffer drop = message(Kind::kDropAll);
  Writer(drop).put(++generation_);
  Writer(drop).put(backups_ + 1);
  send_all(drop);
  ids_.clear();
  (void)scheduler_.reset(ids_, {});
  backup_.reset();
  backing_.reset();
  history_.clear(context_bytes_);
}

void Master::place(const std::vector<scheduler::Worker>& owners, const Pack& pack) {
  const std::size_t count = owners.size();
  Buffer out;
  for (std::size_t i = 0; i < count; ++i) {
    if (out.empty()) Writer(out).put(Kind::kPlace);
    Writer writer(out);
    writer.put(ids_[i]);
    const std::size_t before = out.size();
    writer.put_block([&](Buffer& buffer) { pack(i, buffer); });
    scheduler_.packed(static_cast<Slot>(i), static_cast<double>(out.size() - before - sizeof(std::uint64_t)));
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
  std::vector<Buffer> messages(workers_);
  std::vector<scheduler::Worker> owners(ids_.size());
  for (Slot slot = 0; slot < ids_.size(); ++slot) owners[slot] = scheduler_.owner(slot);
  const std::vector<scheduler::Copy> copies = scheduler_.resample(offspring, StateId{next_id_});
  auto copy = copies.begin();
  for (Slot slot = 0; slot < ids_.size(); ++slot) {
    const auto end =
        std::find_if(copy, copies.end(), [&](const scheduler::Copy& c) { return c.parent != slot; });
    Buffer& out = messages[index(owners[slot])];
    Writer writer(out);
    if (out.empty()) writer.put(Kind::kResample);
    writer.put(Family{ids_[slot], static_cast<std::uint32_t>(end - copy)});
    for (; copy != end; ++copy) writer.put(Share{rank_of(copy->to), copy->first, copy->count});
  }
  if (options_.recover) {
    std::vector<StateId> parents;
    for (const scheduler::Copy& each : copies) parents.insert(parents.end(), each.count, ids_[each.parent]);
    history_.resample(StateId{next_id_}, std::move(parents));
  }
  update_ids();
  next_id_ += ids_.size();
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!messages[w].empty()) send(rank_of(scheduler::Worker{w}), std::move(messages[w]));
  transport_.flush();
}

void Master::share(Bytes context) {
  require_idle();
  Buffer out = message(Kind::kContext);
  Writer writer(out);
  writer.put(++context_);
  writer.put_block(context);
  context_bytes_.clear();
  context_bytes_.append(context);
  if (options_.recover) history_.share(context);
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
  if (fetching_.exception) std::rethrow_exception(fetching_.exception);
  if (fetching_.failures.empty()) return;
  const UpdateFailure& first = fetching_.failures.front();
  throw UpdateError("state " + std::to_string(value(first.state)) + " cannot be packed on rank " +
                        std::to_string(value(first.rank)) + ": " + first.text,
                    std::move(fetching_.failures), {});
}

void Master::request(std::span<const StateId> ids) {
  std::map<scheduler::Worker, std::vector<StateId>> wanted;
  for (const StateId id : ids) {
    const auto found = std::lower_bound(ids_.begin(), ids_.end(), id);
    wanted[scheduler_.owner(static_cast<Slot>(found - ids_.begin()))].push_back(id);
  }
  for (const auto& [worker, its] : wanted) {
    Buffer out = message(Kind::kFetch);
    Writer writer(out);
    writer.put(fetching_.request);
    writer.put_all(std::span<const StateId>(its));
    send(rank_of(worker), std::move(out));
  }
}

void Master::take_fetched(Rank from, Reader& in) {
  const bool current = in.get<std::uint64_t>() == fetching_.request;
  while (current && !in.empty()) {
    const auto id = in.get<StateId>();
    const bool packed = in.get<std::uint8_t>() != 0;
    const Bytes bytes = in.get_block();
    --fetching_.missing;
    if (options_.recover) fetching_.outstanding.erase(id);
    if (!packed) {
      fetching_.failures.push_back(
          {id, from, round_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}});
      continue;
    }
    try {
      const auto found = std::lower_bound(ids_.begin(), ids_.end(), id);
      (*fetching_.take)(static_cast<std::size_t>(found - ids_.begin()), bytes);
    } catch (...) {
      if (!fetching_.exception) fetching_.exception = std::current_exception();
    }
  }
}

Profile Master::profile() {
  require_idle();
  profile_.transfers = profile_.transfer_bytes = 0;
  answered_.clear();
  send_all(message(Kind::kCount));
  run_until([&] { return all_answered(); });
  return profile_;
}

}  // namespace rondo::engine
