#include "recovery/recovery.hpp"

#include <utility>

namespace rondo::recovery {

namespace {

// A worker that is about to begin may be busy with that for so many seconds.
constexpr double kBeginning = 10;

}  // namespace

Recovery::Recovery(const Settings& settings, Workers& workers, double now)
    : settings_(settings),
      began_(now),
      workers_(workers),
      detector_(workers.lost.size(), settings.deadline) {}

// ---- the clock

Commands Recovery::tick(double now, std::optional<Worker> own) {
  if (phase_ == Phase::kGreeting && now - began_ < kBeginning) return {};
  std::vector<bool> ignored = workers_.lost;
  if (own) ignored[index(*own)] = true;
  auto [ask, silent] = detector_.watch(now, ignored);
  Commands commands;
  for (const Worker worker : ask) commands.emplace_back(command::Ping{worker});
  if (!silent.empty()) lose(std::move(silent), commands);
  return commands;
}

double Recovery::patience(double now) const {
  return phase_ == Phase::kGreeting && now - began_ < kBeginning ? 1 : detector_.patience();
}

void Recovery::lose(std::vector<Worker> silent, Commands& commands) {
  for (const Worker worker : silent) workers_.lost[index(worker)] = true;
  commands.emplace_back(command::Forget{silent});
  if (phase_ != Phase::kGreeting) commands.emplace_back(command::TellLoss{++losses_});
  if (phase_ == Phase::kOver) return;
  if (workers_.alive() == 0) {
    commands.emplace_back(command::GiveUp{std::move(silent), std::nullopt});
  } else if (phase_ == Phase::kPlacing) {
    phase_ = Phase::kInterrupted;
  } else if (phase_ == Phase::kWhole || phase_ == Phase::kCounting) {
    if (std::exchange(phase_, Phase::kCounting) == Phase::kWhole) census_ = {};
    census_.begin(silent, workers_.lost.size());
  }
}

// ---- states

void Recovery::dropped(Bytes context) {
  if (phase_ == Phase::kCounting) phase_ = Phase::kWhole;
  backup_.reset();
  next_.reset();
  log_.clear(context);
}

void Recovery::end_placing() {
  if (phase_ == Phase::kPlacing || phase_ == Phase::kInterrupted) phase_ = Phase::kWhole;
}

// ---- a call

Commands Recovery::call_began(const Places& places, Call call) {
  Commands commands;
  if (!next_ && call.first_round - backup_round_ >= settings_.every) commands = begin_backup(places, {});
  outputs_.begin(places.ids.size());
  log_.begin_call(call.first_round, call.seed, {places.ids.begin(), places.ids.end()}, std::move(call.own));
  in_call_ = true;
  return commands;
}

// ---- backups

Commands Recovery::begin_backup(const Places& places, ReplayLog::Bases bases) {
  next_ =
      plan_backup(++backups_, log_.position(in_call_), places.ids, places.owners, workers_, std::move(bases));
  backup_round_ = places.round;
  if (next_->missing == 0) return complete_backup();
  return {command::BackUp{next_->number, next_->owners, next_->others}};
}

Commands Recovery::backed_up(std::uint64_t number, std::uint64_t copies) {
  if (!next_ || number != next_->number) return {};
  next_->missing -= copies;
  return next_->missing == 0 ? complete_backup() : Commands();
}

Commands Recovery::complete_backup() {
  backup_ = std::exchange(next_, std::nullopt);
  log_.trim(backup_->position);
  return {command::BackupDone{backup_->number}};
}

// ---- a loss

void Recovery::count(Worker worker, std::uint64_t loss, std::span<const Held> held) {
  if (phase_ == Phase::kCounting && loss == losses_) census_.count(worker, held);
}

Commands Recovery::settle(std::span<const StateId> ids, const CallState* call) {
  if (phase_ != Phase::kCounting || !census_.is_complete(workers_)) return {};
  phase_ = Phase::kWhole;
  std::optional<Running> running;
  if (call != nullptr) {
    running.emplace(Running{outputs_, call->epoch, {}});
    if (!settings_.rollback) running->threw = call->threw;
  }
  command::Resume resume;
  resume.plan =
      find_states(ids, census_, workers_, backup_ ? &*backup_ : nullptr, log_, running ? &*running : nullptr);
  Commands commands;
  if (resume.plan.gone > 0) {
    commands.emplace_back(command::GiveUp{census_.lost(), resume.plan.gone});
    return commands;
  }
  resume.replays.resize(workers_.lost.size());
  for (std::size_t w = 0; w < resume.replays.size(); ++w)
    if (!resume.plan.missing[w].empty())
      resume.replays[w] = log_.replay(resume.plan.missing[w], backup_->bases, in_call_);
  resume.backup = backup_ ? backup_->number : 0;
  resume.next_backup = next_backup();
  commands.emplace_back(std::move(resume));
  return commands;
}

}  // namespace rondo::recovery
