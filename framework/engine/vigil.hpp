// Decides when a process must end because the thread that looks after the limits of the run does not come back to do so: from a
// disk that hangs, from a function of the program, or from MPI, which waits for a rank that stands still.
//
// Pure: time and signals are given. That thread (the watched one) says where it is; look() is asked now and then by another
// one, and holds the walltime, the signals and --rondo-stall-abort where the watched thread cannot.
//
// While the watched thread comes by, it looks after the limits itself, and look() says nothing. When main has returned nothing
// takes its status away any more, but the limits of time and the signals still end the process.
#pragma once

#include <limits>
#include <optional>
#include <string>

#include "engine/options.hpp"
#include "engine/signals.hpp"
#include "engine/walltime.hpp"

namespace rondo::engine {

class Vigil {
 public:
  // Which limits hold; seconds, 0: none.
  struct Limits {
    bool signals = false;    // are heeded
    double grace = 0;        // after TERM
    double round_grace = 0;  // after USR2, where there is no walltime
    double stall = 0;        // until a line tells where the watched thread is
    double stall_abort = 0;
    int stall_status = 1;
    double look = 1;  // between two looks
  };
  // For rank 0, and for a process whose rank is not known yet.
  [[nodiscard]] static Limits limits_of_master(const Options& options);
  // For another rank: it waits for rank 0 no longer than --rondo-orphan, where it cannot listen to it (in MPI).
  [[nodiscard]] static Limits limits_of_worker(const Options& options);

  // Where the watched thread is. `what` is what it does, for a message ("MPI_Finalize").
  struct Place {
    const char* what = "the start of the run";
    bool counts = true;  // towards stall and stall_abort: it should come back soon
  };

  Vigil(const Limits& limits, double now) : limits_(limits), here_(now), looked_(now) {}

  void set_limits(const Limits& limits) { limits_ = limits; }
  // "rank 3", for messages.
  void set_name(std::string name) { name_ = std::move(name); }
  // The watched thread is back, and goes there. Returns where it was.
  Place here(double now, Place place);
  // The run must have left by then, with this status.
  void leave_by(double at, int status, std::string source);
  // Main has returned, or has thrown to leave: this is the status of every end from now on but for a stall.
  void main_has_ended(int status) { ended_ = status; }
  // The watched thread ends the process itself, which takes a moment.
  void leaves(double now) { left_ = now; }

  // What to print, and the status to end with, if it is time to.
  struct Verdict {
    std::string line;
    std::optional<int> status;
  };
  // `asked` is the highest wish since the process has listened to signals. A look that comes much later than it was to (patience())
  // tells that everything was suspended meanwhile, which counts for no limit but the walltime.
  [[nodiscard]] std::optional<Verdict> look(double now, StopRequest asked);
  // Seconds until the next look.
  [[nodiscard]] double patience() const { return limits_.look; }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  void heed(double now, StopRequest asked);
  void allow_for_suspension(double now);
  [[nodiscard]] std::optional<Verdict> watch_time(double now) const;
  [[nodiscard]] std::optional<Verdict> watch_progress(double now);
  [[nodiscard]] std::string whereabouts(double now) const;

  Limits limits_;
  std::string name_ = "this process";
  Place place_;
  double here_;
  double looked_;
  double told_ = -kNever;
  double left_ = kNever;
  std::optional<int> ended_;
  // Walltime and signals; the earlier one counts.
  double end_ = kNever;
  int end_status_ = kNothingSavedStatus;
  std::string end_source_;
  double leave_at_ = kNever;
  StopRequest stop_request_ = StopRequest::kNone;
};

}  // namespace rondo::engine
