// How messages leave a thread that communicates, and what MPI has it do until they have.
//
// Where each thread has a core, a message leaves when the thread has come to it, and that is all. Where threads share cores, as
// in mpi/mpi_transport: after a message, MPI looks for the next, finds none, and gives the core away (Machine::yields times,
// with OMPI_MCA_mpi_yield_when_idle); and a message that is too big to leave at once waits in the sender's memory until its receiver
// takes it, and meanwhile the sender looks whether it has, after 100 us, 200 us and so on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "simulation/cores.hpp"
#include "simulation/network.hpp"

namespace rondo::simulation {

class Outgoing {
 public:
  Outgoing(const Machine& machine, Cores& cores, Network& network, std::size_t places)
      : machine_(machine), cores_(cores), network_(network), senders_(places) {}

  // When the thread has done what it was told before.
  void send(Place from, Message* message) {
    if (cores_.shared()) return cores_.then(from, Happening::Kind::kLeaves, from, message);
    network_.send(cores_.free(from), message);
  }
  // The same, but the receiver's bell rings only with all the others', where the master turns to what it receives.
  void hold(Place from, Message* message) {
    if (!cores_.shared()) return send(from, message);
    held_.push_back(message);
  }
  void ring(Place from) {
    for (Message* message : std::exchange(held_, {})) send(from, message);
  }
  void leaves(Message* message) {
    if (message->bytes > machine_.eager_bytes) {
      Sender& sender = senders_[message->from];
      ++sender.unsent;
      sender.nap = machine_.first_look;
      if (!sender.looks)
        cores_.then(message->from, Happening::Kind::kLook, message->from, nullptr, sender.nap);
      sender.looks = true;
    }
    network_.send(cores_.free(message->from), message);
  }
  // Its receiver has the message.
  void taken(const Message& message) {
    Sender& sender = senders_[message.from];
    if (message.bytes > machine_.eager_bytes && sender.unsent > 0) --sender.unsent;
  }
  void look(Place from) {
    Sender& sender = senders_[from];
    cores_.spend(from, machine_.look);
    for (std::uint32_t i = 0; i <= machine_.yields; ++i) cores_.yield(from);
    sender.looks = sender.unsent > 0;
    sender.nap = std::min(sender.nap * 2, machine_.last_look);
    if (sender.looks) cores_.then(from, Happening::Kind::kLook, from, nullptr, sender.nap);
  }
  // The thread has handled the last message, and looks for more.
  void look_round(Place place) {
    for (std::uint32_t i = 0; i < machine_.yields; ++i) cores_.yield(place);
  }

 private:
  struct Sender {
    std::uint32_t unsent = 0;
    bool looks = false;
    Seconds nap{0};
  };
  const Machine& machine_;
  Cores& cores_;
  Network& network_;
  std::vector<Sender> senders_;
  std::vector<Message*> held_;
};

}  // namespace rondo::simulation
