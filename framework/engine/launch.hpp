// How this process was started: by which launcher, and as one of how many processes.
//
// A launcher tells that in environment variables. MPI tells how many processes it sees. Where a launcher has started several
// processes and MPI sees only one, each of them would be a run of its own: they would print the same result several times and
// mix their checkpoints. That happens when the launcher and the program use different MPIs, or srun offers no PMIx.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace rondo::engine {

struct Launch {
  std::string launcher;         // "srun"; empty: none that is known
  std::uint64_t processes = 1;  // that were started together
  bool tells = true;            // of them, this one prints what is wrong with all
  bool connects = false;        // the launcher offers its processes a way to find each other
};

// The value of an environment variable, or null.
using Variable = std::function<const char*(const char* name)>;

// The launcher that is nearest to this process decides: a batch script is no launcher, but mpirun or srun inside of it is one.
[[nodiscard]] Launch read_launch(const Variable& variable);
[[nodiscard]] Launch read_launch();

// Whether this is one of several processes that were started together, though `seen` of them find each other.
[[nodiscard]] bool is_cut_off(const Launch& launch, std::uint64_t seen);
// The line that says so. `library` names the MPI of this program; empty: it has none.
[[nodiscard]] std::string cut_off(const Launch& launch, const std::string& library);

}  // namespace rondo::engine
