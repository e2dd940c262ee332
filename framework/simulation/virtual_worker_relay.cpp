// A virtual worker as the leader of a group, which takes messages to and from the master together (transport/relay).
#include <utility>

#include "simulation/virtual_worker.hpp"

namespace rondo::simulation {

using Kind = Message::Kind;

std::optional<Place> VirtualWorker::leader() const {
  const std::uint32_t group = common_->settings.relay.group;
  if (group == 0) return std::nullopt;
  return self_ / group * group;
}

// A bundle of the master's, or a word of a member to the master.
void VirtualWorker::relay(Message* message) {
  if (message->kind != Kind::kBundle) return put_up(message);
  for (Message* part : message->parts) {
    if (part->to == self_) {
      ++waiting_;
      spend(common_->settings.machine.leader_part);
      common_->cores.then(self_, Happening::Kind::kHandled, self_, part);
    } else {
      send(part);
    }
  }
  common_->agenda.release(message);
}

void VirtualWorker::put_up(Message* message) {
  spend(common_->settings.machine.leader_part +
        Seconds(message->bytes / common_->settings.machine.master_bandwidth));
  message->via.reset();
  if (bundle_ == nullptr) bundle_ = this->message(Kind::kBundle, common_->master), bundle_->bytes = 0;
  bundle_->parts.push_back(message);
  bundle_->bytes += message->bytes;
  send_up();
}

void VirtualWorker::bundle_due() {
  relay_planned_ = false;
  send_up();
}

// Now, if the last bundle is long enough ago or this one is full; otherwise then.
void VirtualWorker::send_up() {
  const Time now = common_->agenda.now(), due = sent_up_ + common_->settings.relay.pace;
  if (bundle_ == nullptr) return;
  if (now < due && bundle_->bytes < transport::Relay::kBundleBytes) {
    if (!relay_planned_) common_->agenda.plan(due, Happening::Kind::kBundleDue, self_);
    relay_planned_ = true;
    return;
  }
  sent_up_ = now;
  send(std::exchange(bundle_, nullptr));
}

}  // namespace rondo::simulation
