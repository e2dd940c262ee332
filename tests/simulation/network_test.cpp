// Messages between two places arrive in the order in which they were sent, whatever their sizes, and whatever others send meanwhile.
#include "simulation/network.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace rondo::simulation {
namespace {

TEST(Network, ASmallMessageDoesNotOvertakeABigOneOfItsSender) {
  constexpr Place kSender = 0, kReceiver = 1;
  constexpr Place kOthers = 25'000;  // more pairs than are looked through for those that say nothing any more
  const Machine machine;
  Agenda agenda;
  Network network(machine, 1, agenda);
  const auto send = [&](Place from, Place to, double bytes) {
    Message* message = agenda.message(from, to);
    message->bytes = bytes;
    network.send(agenda.now(), message);
    return message;
  };
  const Message* const big = send(kSender, kReceiver, 1e9);
  for (Place other = 0; other < kOthers; ++other) send(kReceiver + 1 + other, kReceiver, 1);
  const Message* const small = send(kSender, kReceiver, 1);

  std::vector<const Message*> arrived;
  while (!agenda.empty()) arrived.push_back(agenda.next().message);
  ASSERT_EQ(arrived.size(), kOthers + 2U);
  EXPECT_EQ(arrived[kOthers], big);
  EXPECT_EQ(arrived[kOthers + 1], small);
}

}  // namespace
}  // namespace rondo::simulation
