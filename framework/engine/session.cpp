#include "engine/session.hpp"
#include "engine/log.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <rondo/cores.hpp>

#include "checkpoint/posix_storage.hpp"
#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/freed_memory.hpp"
#include "engine/master.hpp"
#include "engine/server.hpp"
#include "engine/signals.hpp"
#include "engine/start_thread.hpp"
#include "transport/in_process.hpp"
#include "transport/relay.hpp"

namespace rondo::engine {

std::string describe(Rank rank, const std::exception& error) {
  return "rank " + std::to_string(value(rank)) + ": " + exception_text_with_type(error);
}

std::string describe(Rank rank) {
  return "rank " + std::to_string(value(rank)) + ": " + exception_text_with_type();
}

void flush_output() {
  std::cout.flush();
  std::fflush(nullptr);
}

// Without a lock: a thread that hangs in a write holds it.
bool is_output_lost() { return std::cout.bad() || ferror_unlocked(stdout) != 0; }

int run_master(transport::Transport& below, const Host& host, const detail::Program& program,
               const Options& options, const Main& main) {
  transport::Relay transport(below);
  const CrashMark mark(kMaster);
  Master master(transport, host, program, options);
  const Doing doing(host.watchdog, "the end of the run");
  int status = EXIT_FAILURE;
  bool caught_by_program = true;
  try {
    master.check_places();
    const Doing in_main(host.watchdog, "the program's main", false);
    status = main(master);
  } catch (const Leave& leave) {
    status = leave.status;
    caught_by_program = false;
  } catch (const WorkerLost& error) {
    host.log.tell(describe(kMaster, error));
    // no error of the program, and another start makes it good
    if (!options.checkpoint.empty()) status = kRequeueStatus;
  } catch (const std::exception& error) {
    host.log.tell(describe(kMaster, error));
  } catch (...) {
    host.log.tell(describe(kMaster));
  }
  if (master.has_left() && caught_by_program) {
    master.tell_caught_leave();
    status = master.leave_status();
  }
  status = master.end_check(status);
  flush_output();
  if (status == EXIT_SUCCESS && is_output_lost()) {
    host.log.tell("rank 0: what the program has printed could not be written to standard output");
    status = EXIT_FAILURE;
  }
  master.close(status);
  return status;
}

int run_worker(transport::Transport& transport, const Host& host, const detail::Program& program) {
  const CrashMark mark(transport.rank());
  Server server(transport, host, program);
  while (server.step()) server.wait();
  return server.status();
}

namespace {

// While it lives, exit() and quick_exit() do not end the process as if all were well: other threads are in the middle of things,
// and their results would be missing silently. _exit() cannot be noticed.
class ExitWatch {
 public:
  explicit ExitWatch(const Host& host) {
    abort = host.abort;
    process = getpid();
    if (std::exchange(registered, true)) return;
    on_exit([](int status, void*) { handle("exit()", status); }, nullptr);
    std::at_quick_exit([] { handle("quick_exit()", EXIT_SUCCESS); });
  }
  ExitWatch(const ExitWatch&) = delete;
  ExitWatch& operator=(const ExitWatch&) = delete;
  ~ExitWatch() { abort = nullptr; }

 private:
  static void handle(const char* what, int status) {
    if (abort == nullptr || process != getpid())
      return;  // not inside a run; a child that the program has forked
    CrashMark::tell_exit(what);
    flush_output();
    abort.load()(status != EXIT_SUCCESS ? status : EXIT_FAILURE);
  }
  static inline std::atomic<void (*)(int)> abort{nullptr};
  static inline pid_t process = 0;
  static inline bool registered = false;
};

}  // namespace

namespace {

std::string name_of_worker(std::uint32_t number, std::uint32_t all) {
  return "worker " + std::to_string(number) + " of " + std::to_string(all) +
         " (each takes two threads; --rondo-workers=N takes fewer)";
}

}  // namespace

int run_threads(const Host& host, const detail::Program& program, const Options& chosen, const Main& main) {
  Options options = chosen;
  // a thread is not lost alone: one that is silent is slow, and nothing ends it while the process goes on
  options.recover_deadline = Options::Seconds(std::numeric_limits<double>::infinity());
  const std::uint32_t workers = options.workers.value_or(cores());
  const std::uint32_t threads = options.master_works ? workers - 1 : workers;
  std::optional<SignalWatch> watch;
  if (!options.checkpoint.empty()) watch.emplace(SignalWatch::Parent::other);
  transport::InProcess places(static_cast<std::int32_t>(threads) + 1);
  const ExitWatch exit_watch(host);
  keep_freed_memory();

  std::mutex one_at_a_time;  // a factory need not be thread-safe
  detail::Program guarded = program;
  guarded.make_kernel = [&] {
    const std::lock_guard lock(one_at_a_time);
    return program.make_kernel();
  };
  enum class Gate : int { closed, open, none };
  std::atomic<Gate> gate{Gate::closed};  // nobody begins before it is known that all can
  std::vector<threads::Thread> servers;
  const auto open_gate = [&](Gate to) {
    gate = to;
    gate.notify_all();
  };
  try {
    for (std::uint32_t i = 1; i <= threads; ++i) {
      const Rank rank{static_cast<std::int32_t>(i)};
      servers.push_back(start_thread(name_of_worker(i, threads), [&, rank] {
        gate.wait(Gate::closed);
        if (gate == Gate::none) return;
        const auto transport = places.open(rank);
        try {
          (void)run_worker(*transport, host, guarded);
        } catch (...) {
          // nothing can wait for this worker any more; other threads are in the middle of things, so no destructors
          host.log.tell(describe(rank));
          host.abort(EXIT_FAILURE);
        }
      }));
    }
  } catch (const Error& error) {
    open_gate(Gate::none);
    host.log.tell(describe(kMaster, error));
    return EXIT_FAILURE;
  }
  open_gate(Gate::open);
  const auto transport = places.open(kMaster);
  int status = EXIT_FAILURE;
  try {
    status = run_master(*transport, host, guarded, options, main);
  } catch (...) {
    host.log.tell(describe(kMaster));
    host.abort(EXIT_FAILURE);
  }
  if (host.watchdog != nullptr) (void)host.watchdog->here({"the end of the workers", true});
  for (threads::Thread& server : servers) server.join();
  return status;
}

int run_alone(Beginning& beginning, const detail::Program& program, const Main& main) {
  beginning.resolve_paths();
  if (beginning.error()) {
    standard_error().tell(describe(kMaster, *beginning.error()));
    return EXIT_FAILURE;
  }
  std::cout << beginning.help() << std::flush;
  if (beginning.options() == nullptr) return EXIT_SUCCESS;
  checkpoint::PosixStorage storage;
  Host host{storage, [](int status) { std::_Exit(status); }};
  host.watchdog = beginning.watchdog();
  host.watchdog->set_rank(kMaster, Vigil::limits_of_master(*beginning.options()));
  return run_threads(host, program, *beginning.options(), main);
}

}  // namespace rondo::engine
