// Carries out what concerns the copies of all states: --rondo-recover.
#pragma once

#include "engine/master/ensemble.hpp"
#include "engine/master/peers.hpp"
#include "engine/messages.hpp"
#include "recovery/recovery.hpp"

namespace rondo::engine {

class Backups {
 public:
  /// The arguments outlive this.
  Backups(Peers& peers, const Ensemble& ensemble, const scheduler::Scheduler& scheduler,
          recovery::Recovery& recovery)
      : peers_(peers), ensemble_(ensemble), scheduler_(scheduler), recovery_(recovery) {}

  void call_began(recovery::Recovery::Call call);
  void placed();
  void resumed(recovery::ReplayLog::Bases bases);
  void take(const messages::BackedUp& backed_up);

 private:
  [[nodiscard]] std::vector<scheduler::Worker> owners() const;
  void perform(const recovery::Commands& commands);

  Peers& peers_;
  const Ensemble& ensemble_;
  const scheduler::Scheduler& scheduler_;
  recovery::Recovery& recovery_;
};

}  // namespace rondo::engine
