#include "engine/server.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "engine/build.hpp"
#include "engine/check.hpp"
#include "engine/session.hpp"

namespace rondo::engine {

MasterWatch::MasterWatch(const WorkerSettings& settings, const Platform& platform, const std::string& node,
                         double now)
    : process_(settings.recover && node == platform.node_name() ? settings.master_process : 0),
      silence_most_(node == platform.node_name() && settings.master_process == platform.process()
                        ? 0
                        : settings.orphan),
      last_(now) {}

void MasterWatch::heard(double now) {
  silence_ = 0;
  last_ = now;
}

std::string MasterWatch::gone(double now) {
  // a worker that was stopped with all the others (a suspended job) has missed nothing
  constexpr double kAwake = 5, kShare = 0.25;
  silence_ += std::min({now - std::exchange(last_, now), kAwake, kShare * silence_most_});
  if (silence_most_ > 0 && silence_ > silence_most_)
    return "has said nothing for " + std::to_string(static_cast<long>(silence_)) + " s (--rondo-orphan)";
  constexpr double kInterval = 0.5;
  if (process_ == 0 || now - looked_ < kInterval) return "";
  looked_ = now;
  return kill(process_, 0) != 0 && errno == ESRCH ? "is gone" : "";
}

Server::Server(transport::Transport& below, const Host& host, const detail::Program& program)
    : transport_(below), host_(host), program_(program) {
  transport_.send(kMaster, to_bytes(messages::Hello{describe(program), host.platform.node_name()}));
  transport_.flush();
}

bool Server::step() {
  while (phase_ == Phase::kGreeting) {
    auto envelope = transport_.receive();
    if (!envelope) return true;
    greet(std::move(*envelope));
  }
  if (phase_ == Phase::kWorking) {
    try {
      work();
    } catch (const std::exception& error) {
      // here, and not when the worker is gone: that would wait for the update that runs
      host_.log.tell(describe(transport_.rank(), error));
      host_.abort(EXIT_FAILURE);
      throw;
    }
  }
  if (phase_ == Phase::kEnding) {
    while (transport_.receive()) {  // what a leader gets is for others
    }
    if (!transport_.is_busy()) phase_ = Phase::kEnded;
  }
  transport_.flush();
  return phase_ != Phase::kEnded;
}

transport::Seconds Server::patience() const {
  transport::Seconds most(1);
  if (phase_ == Phase::kWorking) most = worker_->patience();
  if (phase_ == Phase::kEnding) most = transport::Seconds(1e-3);
  return transport_.patience(most);
}

void Server::greet(transport::Envelope envelope) {
  const auto handler = [&](const auto& message) { take(message); };
  if (!dispatch(messages::ForNewcomer(), envelope.message, handler)) early_.push_back(std::move(envelope));
}

void Server::take(const messages::Mismatch& mismatch) { throw MismatchError(mismatch.text); }

// This rank came too late.
void Server::take(const messages::Leave& leave) {
  status_ = leave.status;
  if (host_.leave != nullptr) host_.leave(status_);
  phase_ = Phase::kEnded;
}

// Rank 0 waits for the hello of other ranks, and wants to know which ranks are there.
void Server::take(const messages::Ping&) {
  messages::Condition condition;
  condition.unwelcomed = true;
  transport_.send(kMaster, to_bytes(messages::Status{condition}));
}

void Server::take(const messages::Welcome& welcome) {
  settings_ = welcome.settings;
  watch_.emplace(settings_, host_.platform, welcome.node, transport_.now().count());
  transport_.begin(welcome.leader, transport::Seconds(welcome.pace));
  worker_.emplace(transport_, host_, make_kernel(program_, settings_.check), settings_);
  phase_ = Phase::kWorking;
}

void Server::work() {
  for (transport::Envelope& envelope : std::exchange(early_, {})) worker_->handle(std::move(envelope));
  while (auto envelope = transport_.receive()) {
    if (envelope->from == kMaster) watch_->heard(transport_.now().count());
    worker_->handle(std::move(*envelope));
  }
  if (worker_->exit_status()) {
    status_ = *worker_->exit_status();
    // not when the update that runs has ended, which nobody waits for any more
    if (worker_->dismissed() && host_.leave != nullptr) host_.leave(status_);
    phase_ = Phase::kEnding;
    return;
  }
  if (const std::string why = watch_->gone(transport_.now().count()); !why.empty()) {
    host_.log.tell("rank " + std::to_string(value(transport_.rank())) + ": rank 0 " + why + "; leaving");
    (host_.orphaned != nullptr ? host_.orphaned : host_.abort)(settings_.orphan_status);
  }
  worker_->poll();
}

}  // namespace rondo::engine
