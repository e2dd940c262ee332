// Start, end, and the way of every message. States between the calls are in master_states.cpp, the calls in master_call.cpp.
#include "engine/master.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <utility>

#include "engine/build.hpp"
#include "engine/check.hpp"
#include "engine/master_wait.hpp"
#include "engine/observer.hpp"
#include "engine/session.hpp"
#include "scheduler/reporting.hpp"

namespace rondo::engine {

using transport::Envelope;

namespace {

scheduler::Settings scheduler_settings(const Options& options, std::uint32_t workers) {
  scheduler::Settings settings;
  settings.workers = workers;
  settings.rebalance = !options.batch.is_off();
  settings.batch = options.batch.value_or(0);
  settings.rotate = options.check;
  if (options.memory) settings.bytes_max = static_cast<double>(*options.memory);
  settings.tolerance = options.tuning.tolerance.value_or(settings.tolerance);
  return settings;
}

// Of --rondo-orphan: as often rank 0 speaks to all workers.
constexpr double kSpokenShare = 0.25;

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
      program_(program),
      workers_(count_workers(transport, options)),
      scheduler_(scheduler_settings(options, workers_)),
      seed_(options.seed),
      random_(Random::of_main(options.seed)),
      seen_(workers_),
      peers_{std::vector<bool>(workers_, false), std::vector<std::uint32_t>(workers_, 0)},
      detector_(workers_, options.recover_deadline.count()) {
  worker_settings_.save_bytes = options.checkpoint_memory;
  if (options.batch.value_or(0) > 0) worker_settings_.report_updates = options.batch.value_or(0);
  worker_settings_.rollback = options.rollback;
  worker_settings_.check = options.check;
  worker_settings_.tree_fanout = options.fanout;
  worker_settings_.recover = options.recover;
  worker_settings_.orphan = seconds_or(options.orphan, 0);
  worker_settings_.orphan_status = options.checkpoint.empty() ? EXIT_FAILURE : kRequeueStatus;
  worker_settings_.master_process = host_.platform.process();
  const Options::Tuning& tuning = options.tuning;
  worker_settings_.low = tuning.low.value_or(worker_settings_.low);
  if (options.batch.is_off() || workers_ == 1) worker_settings_.low = 0;
  worker_settings_.report_interval =
      tuning.report_interval.value_or(scheduler::report_interval(workers_).count());
  worker_settings_.message_bytes = tuning.message_bytes.value_or(worker_settings_.message_bytes);
  worker_settings_.unsent_bytes = tuning.unsent_bytes.value_or(worker_settings_.unsent_bytes);
  worker_settings_.report_bytes = scheduler::report_bytes(workers_);
  last_progress_ = told_ = saved_at_ = transport_.now().count();
  speak_at_ = last_progress_ + kSpokenShare * seconds_or(options.orphan, scheduler::kNever.count());
  set_end(last_progress_);
  run_ = host_.platform.draw_run();
  handshake(program);
  if (host_.observer != nullptr) host_.observer->begins(scheduler_);
  if (!options.master_works) return;
  own_worker_.emplace(transport_, host_, make_kernel(program, options.check), worker_settings_);
  for (Envelope& early : std::exchange(early_, {})) own_worker_->handle(std::move(early));
}

// Every worker says what it is; all of them hear the verdict.
void Master::handshake(const detail::Program& program) {
  greetings_.assign(static_cast<std::size_t>(transport_.size()), "");
  nodes_.assign(greetings_.size(), host_.platform.node_name());
  const auto others = static_cast<std::uint32_t>(transport_.size()) - 1;
  await(Kind::kHello);
  const transport::Seconds begin = host_.platform.processor_time();
  run_until([&] { return all_greeted(); });
  const transport::RelayPlan plan = plan_relay(host_.platform.processor_time() - begin);
  for (std::uint32_t w = 0; w < workers_; ++w) {
    const auto node =
        node_names_.find(nodes_[static_cast<std::size_t>(value(rank_of(scheduler::Worker{w})))]);
    peers_.nodes[w] = static_cast<std::uint32_t>(std::distance(node_names_.begin(), node));
  }
  std::vector<Rank> leaders = transport::relay_leaders(plan, nodes_.size(), nodes_);
  std::string mismatch;
  const std::string mine = describe(program);
  for (std::uint32_t rank = 1; rank <= others && mismatch.empty(); ++rank)
    if (!greetings_[rank].empty())
      mismatch = difference(mine, Rank{static_cast<std::int32_t>(rank)}, greetings_[rank]);
  for (std::uint32_t rank = 1; rank <= others; ++rank) {
    if (!alive(worker_of(Rank{static_cast<std::int32_t>(rank)}))) continue;
    worker_settings_.workers_here = workers_on(nodes_[rank]);
    send(Rank{static_cast<std::int32_t>(rank)},
         mismatch.empty() ? to_bytes(messages::Welcome{worker_settings_, host_.platform.node_name(),
                                                       leaders[rank], plan.pace.count()})
                          : to_bytes(messages::Mismatch{mismatch}));
  }
  worker_settings_.workers_here = workers_on(host_.platform.node_name());
  welcomed_ = mismatch.empty();
  if (welcomed_) return transport_.begin(std::move(leaders));
  while (transport_.unsent() > 0) transport_.wait(transport::Seconds(1e-4));
  throw MismatchError(mismatch);
}

bool Master::all_greeted() const {
  for (std::int32_t rank = 1; rank < transport_.size(); ++rank)
    if (alive(worker_of(Rank{rank})) && !answered_.contains(Rank{rank})) return false;
  return true;
}

std::uint32_t Master::workers_on(const std::string& node) const {
  const auto all = std::ranges::count(nodes_, node);
  return static_cast<std::uint32_t>(all -
                                    (node == host_.platform.node_name() && !options_.master_works ? 1 : 0));
}

// What a message takes is what the handshake took of the processor, per worker.
transport::RelayPlan Master::plan_relay(transport::Seconds handshake) const {
  const transport::Seconds each = handshake / std::max(workers_, 1U);
  if (options_.recover) return {};  // the ranks behind a lost leader would be lost with it
  if (options_.relay.is_automatic()) return transport::plan_relay(workers_, each);
  return options_.relay.is_off()
             ? transport::RelayPlan{}
             : transport::relay_of(static_cast<std::uint32_t>(options_.relay.value_or(0)), workers_, each);
}

void Master::close(std::int32_t status) {
  // the program has ended by itself: no signal and no walltime takes its status away any more
  leave_by_ = std::numeric_limits<double>::infinity();
  walltime_ = {};
  closing_ = true;
  if (host_.watchdog != nullptr) host_.watchdog->main_has_ended(status);
  finish_saving();
  tell_saving_error();
  await(Kind::kClosed);
  send_all(to_bytes(messages::Close()));
  run_until([&] { return all_answered(); });
  send_all(to_bytes(messages::Exit{status}));
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
    if (peers_.lost[w]) continue;
    Buffer copy;
    copy.append(message);
    send(rank_of(scheduler::Worker{w}), std::move(copy));
  }
}

// A worker considers rank 0 gone after --rondo-orphan seconds of silence, and a call may take longer without any message to it.
void Master::speak() {
  const double now = transport_.now().count();
  if (!options_.orphan || !welcomed_ || closing_ || now < speak_at_) return;
  speak_at_ = now + kSpokenShare * seconds_or(options_.orphan, scheduler::kNever.count());
  send_all(to_bytes(messages::Ping()));
}

void Master::send_tree(const Buffer& message) {
  if (options_.recover) return send_all(message);  // a tree hangs on its inner ranks
  const auto send_copy = [&](Rank to) {
    Buffer copy;
    copy.append(message);
    send(to, std::move(copy));
  };
  if (options_.master_works) send_copy(kMaster);
  for_each_child(kMaster, transport_.size(), options_.fanout, send_copy);
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
  const Kind kind = kind_of(envelope.message);
  if (!messages::ForMaster::has(kind) && options_.master_works) {
    // what is said to all workers before this one is there, or when it has gone
    if (own_worker_) return own_worker_->handle(std::move(envelope));
    if (!closing_) early_.push_back(std::move(envelope));
    return;
  }
  const double now = transport_.now().count();
  const scheduler::Worker worker = worker_of(envelope.from);
  if (!alive(worker))  // it was only slow; its states are elsewhere now
    return transport_.send(envelope.from, to_bytes(messages::Leave{EXIT_SUCCESS}));
  seen_[index(worker)].heard = now;
  detector_.heard(worker);
  // a report may tell that nothing has been done, and an answer brings nothing forward
  if (kind != Kind::kReport && kind != Kind::kStatus) last_progress_ = now;
  ++profile_.master_messages;
  profile_.master_bytes += envelope.message.size();
  const bool known = engine::dispatch(messages::ForMaster(), envelope.message,
                                      [&](const auto& message) { take(envelope.from, message); });
  if (!known) throw Error("the master got a message of kind " + std::to_string(static_cast<unsigned>(kind)));
}

void Master::take(Rank from, const messages::Hello& hello) {
  const auto rank = static_cast<std::size_t>(value(from));
  greetings_[rank] = hello.build;
  nodes_[rank] = hello.node;
  node_names_.insert(hello.node);
  (void)count_answer(from, Kind::kHello);
}

void Master::take(Rank from, const messages::Closed&) { (void)count_answer(from, Kind::kClosed); }

void Master::take(Rank, const messages::Signal& signal) { heed(signal.wish); }

void Master::take(Rank from, const messages::Counted& counted) {
  if (!count_answer(from, Kind::kCounted)) return;
  profile_.transfers += counted.counters.transfers;
  profile_.transfer_bytes += counted.counters.transfer_bytes;
}

}  // namespace rondo::engine
