#include "simulation/cores.hpp"

#include <algorithm>
#include <iterator>

namespace rondo::simulation {

namespace {
constexpr double kMoment = 1e-10;  // less than that is rounding
}

Cores::Cores(const Machine& machine, std::size_t threads, Agenda& agenda)
    : agenda_(agenda),
      slower_(1 / (1 - machine.waiting)),
      slice_(machine.slice.count()),
      hot_(machine.cache_hot.count()),
      rested_(machine.rested),
      cores_(machine.cores),
      free_(shared() ? 0 : threads),
      threads_(shared() ? threads : 0) {
  for (Thread t = 0; t < threads_.size(); ++t) threads_[t].core = static_cast<Place>(t % cores_.size());
}

// ---- what threads are told

void Cores::spend(Thread thread, Seconds work) {
  if (shared()) return add(thread, {Task::Kind::kWork, work.count() * slower_, {}, 0, nullptr});
  free_[thread] = std::max(free_[thread], agenda_.now().count()) + work.count();
}

void Cores::then(Thread thread, Happening::Kind kind, Place place, Message* message, Seconds later) {
  if (shared()) return add(thread, {Task::Kind::kThen, later.count(), kind, place, message});
  agenda_.plan(free(thread) + later, kind, place, message);
}

void Cores::yield(Thread thread) {
  if (shared()) add(thread, {Task::Kind::kYield, 0, {}, 0, nullptr});
}

bool Cores::busy(Thread thread) const {
  return shared() ? !threads_[thread].tasks.empty() : free_[thread] > agenda_.now().count();
}

Time Cores::free(Thread thread) const {
  return shared() ? agenda_.now() : std::max(Time(free_[thread]), agenda_.now());
}

void Cores::add(Thread thread, const Task& task) {
  One& one = threads_[thread];
  const bool rests = one.tasks.empty();
  one.tasks.push_back(task);
  if (!rests || one.condition == Condition::kWaiting) return;
  if (one.condition == Condition::kRunning)
    plan(one.core);  // it has just done all else, and not fallen asleep
  else
    wake(thread);
}

// ---- the rules

double Cores::mean(const Core& core) const {
  double sum = 0;
  for (const Thread t : core.queue) sum += threads_[t].run;
  if (core.running) sum += threads_[*core.running].run;
  const auto number = static_cast<double>(core.queue.size() + (core.running ? 1 : 0));
  return number > 0 ? sum / number : core.mean;
}

std::optional<Cores::Thread> Cores::pick(const Core& core) const {
  const double most = mean(core) + kMoment;
  std::optional<Thread> best;
  const auto look = [&](Thread t) {
    if (threads_[t].run <= most && (!best || threads_[t].deadline < threads_[*best].deadline)) best = t;
  };
  if (core.running) look(*core.running);  // keeps its core if equal
  for (const Thread t : core.queue) look(t);
  return best;
}

// The running thread's time until now. Whether its slice has ended, and a new one begun.
bool Cores::count(Core& core) {
  const double now = agenda_.now().count(), passed = std::max(now - core.counted, 0.0);
  core.counted = std::max(now, core.counted);
  if (!core.running) return false;
  One& one = threads_[*core.running];
  one.run += passed;
  one.account.ran += Seconds(passed);
  one.ran = now;
  if (!one.tasks.empty() && one.tasks.front().kind == Task::Kind::kWork) one.tasks.front().seconds -= passed;
  if (one.run < one.deadline - kMoment) return false;
  one.deadline = one.run + slice_;
  return true;
}

void Cores::wake(Thread thread) {
  One& one = threads_[thread];
  one.since = agenda_.now().count();
  if (one.condition == Condition::kLeaving) {
    Core& core = cores_[one.core];
    count(core);
    one.run = std::max(one.run, mean(core));  // what it was owed meanwhile is lost
  } else {
    const auto idle = [](const Core& core) { return !core.running; };
    if (!idle(cores_[one.core])) {
      const auto other = std::find_if(cores_.begin(), cores_.end(), idle);
      if (other != cores_.end()) one.core = static_cast<Place>(other - cores_.begin());
    }
    Core& core = cores_[one.core];
    count(core);
    const auto others = static_cast<double>(core.queue.size() + (core.running ? 1 : 0));
    one.run = mean(core) - (others > 0 ? one.owed * (others + 1) / others : 0);  // it moves the mean
    one.deadline = one.run + slice_;
    core.queue.push_back(thread);
  }
  one.condition = Condition::kWaiting;
  Core& core = cores_[one.core];
  if (core.running && pick(core) != thread) return plan(one.core);
  if (core.running)
    put_back(core);
  else
    rouse(core);
  dispatch(one.core);
}

// It begins to wake up.
void Cores::rouse(Core& core) const {
  if (rested_.empty()) return;
  const double rest = agenda_.now().count() - core.rests;
  Machine::Rest before{};
  double wakes = rested_.back().wakes.count();
  for (const Machine::Rest& point : rested_) {
    if (rest < point.rest.count()) {
      const double part = (rest - before.rest.count()) / (point.rest - before.rest).count();
      wakes = before.wakes.count() + part * (point.wakes - before.wakes).count();
      break;
    }
    before = point;
  }
  core.counted = agenda_.now().count() + wakes;
}

// The running thread has done everything.
void Cores::sleep(Core& core) {
  One& one = threads_[*core.running];
  const double owed = mean(core) - one.run;
  ++one.account.slept;
  if (owed < -kMoment && !core.queue.empty()) {
    one.condition = Condition::kLeaving;
    core.queue.push_back(*core.running);
  } else {
    one.condition = Condition::kAsleep;
    one.owed = std::clamp(owed, 0.0, slice_);
    core.mean = mean(core);
  }
  core.running.reset();
}

void Cores::put_back(Core& core) {
  One& one = threads_[*core.running];
  ++one.account.ousted;
  one.condition = Condition::kWaiting;
  one.since = agenda_.now().count();
  core.queue.push_back(*core.running);
  core.running.reset();
}

// A core without a running thread gets one, if there is one.
void Cores::dispatch(Place place) {
  Core& core = cores_[place];
  while (true) {
    if (core.queue.empty()) fetch(place);
    const std::optional<Thread> next = pick(core);
    if (!next) {
      core.rests = agenda_.now().count();
      return;
    }
    One& one = threads_[*next];
    core.mean = mean(core);
    core.queue.erase(std::find(core.queue.begin(), core.queue.end(), *next));
    if (one.condition == Condition::kLeaving) {
      one.condition = Condition::kAsleep;
      one.owed = 0;
      continue;
    }
    one.condition = Condition::kRunning;
    one.account.waited += agenda_.now() - Time(one.since);
    core.running = next;
    core.counted = std::max(core.counted, agenda_.now().count());
    return plan(place);
  }
}

// Takes a thread that waits at another core.
void Cores::fetch(Place place) {
  Core& core = cores_[place];
  for (Core& from : cores_) {
    if (&from == &core || !from.running) continue;
    const auto found = std::find_if(from.queue.begin(), from.queue.end(), [&](Thread t) {
      const One& one = threads_[t];
      return one.condition == Condition::kWaiting && agenda_.now().count() - one.ran >= hot_;
    });
    if (found == from.queue.end()) continue;
    count(from);
    One& one = threads_[*found];
    const double there = mean(from), here = mean(core);
    one.core = place;
    one.run += here - there;
    one.deadline += here - there;
    core.queue.push_back(*found);
    from.queue.erase(found);
    return;
  }
}

void Cores::plan(Place place) {
  Core& core = cores_[place];
  count(core);
  const One& one = threads_[*core.running];
  double left =
      one.tasks.empty() || one.tasks.front().kind != Task::Kind::kWork ? 0 : one.tasks.front().seconds;
  if (!core.queue.empty()) left = std::min(left, one.deadline - one.run);
  core.due = core.counted + std::max(left, 0.0);
  agenda_.plan(Time(core.due), Happening::Kind::kCore, place);
}

void Cores::turn(Place place) {
  Core& core = cores_[place];
  if (!core.running || core.due != agenda_.now().count()) return;
  const bool over = count(core);
  One& one = threads_[*core.running];
  const bool done = one.tasks.empty();
  while (!one.tasks.empty()) {
    Task& task = one.tasks.front();
    if (task.kind == Task::Kind::kWork && task.seconds > kMoment) break;
    const Task past = task;
    one.tasks.pop_front();
    if (past.kind == Task::Kind::kThen)
      agenda_.plan(agenda_.now() + Seconds(past.seconds), past.happening, past.place, past.message);
    if (past.kind != Task::Kind::kYield || core.queue.empty()) continue;
    if (one.run <= mean(core) + kMoment) one.run = std::max(one.run, one.deadline);
    one.deadline = one.run + slice_;
    put_back(core);
    return dispatch(place);
  }
  if (done) {
    sleep(core);
    return dispatch(place);
  }
  if (over && pick(core) != core.running) {
    put_back(core);
    return dispatch(place);
  }
  plan(
      place);  // if it has done everything: once more at this time, when all that has happened has told what is next
}

}  // namespace rondo::simulation
