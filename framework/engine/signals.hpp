// Signals that ask a run to save itself or to leave.
//
// USR1: checkpoint at the next safe point and go on. USR2: checkpoint at the next safe point and leave. TERM and INT: the
// same, within the short time that a launcher leaves; a second INT ends the process at once. A handler only sets a flag; a
// worker that gets a signal tells the master by a message.
//
// An mpirun that gets TERM or INT itself has status 1, whatever its ranks do in the second that it leaves them; and one that
// has lost a rank tells the others so by TERM, and has the status of that rank.
#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <string>

namespace rondo::engine {

// What a signal asks for; a higher one includes the lower ones.
enum class StopRequest : std::uint32_t { kNone, kCheckpoint, kLeave, kLeaveSoon };

// The status of a process that left in order to be started again: EX_TEMPFAIL of sysexits.h.
inline constexpr int kRequeueStatus = 75;
// The status of a process that left without a checkpoint of its own, so that a restart would be no better: EX_IOERR.
inline constexpr int kNothingSavedStatus = 74;

// Thrown through the program's main when it is to leave. No std::exception, so that nobody takes it for an error.
struct Leave {
  int status = kRequeueStatus;
};

// Handles these signals as long as it lives. One that is made while another one lives changes nothing: a process has one set of
// handlers, from the moment when it begins its run.
class SignalWatch {
 public:
  enum class Parent { other, launcher };
  explicit SignalWatch(Parent parent);
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;
  ~SignalWatch();

  // The highest wish since the last call. From any thread.
  [[nodiscard]] static StopRequest take();
  // The highest wish since the first watch began, taken or not. From any thread.
  [[nodiscard]] static StopRequest asked();
  // Whether the launcher has told this process to end: it was told to itself, or a rank has died.
  [[nodiscard]] static bool by_launcher();
  // "leaving with status 75", if that will be the status of the run.
  [[nodiscard]] static std::string leaving(int status);

 private:
  static constexpr std::array kSignals = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGHUP};
  std::array<struct sigaction, kSignals.size()> before_{};
  const bool is_first_;
};

}  // namespace rondo::engine
