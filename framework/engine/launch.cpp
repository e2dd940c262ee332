#include "engine/launch.hpp"

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace rondo::engine {

namespace {

struct Known {
  const char* launcher;
  const char* processes;
  const char* rank;
};
// The first one whose variables are there. The daemons of mpirun and mpiexec may be started by srun and leave its variables to the
// ranks, so srun comes last.
constexpr std::array<Known, 6> kKnown = {
    {{"Open MPI's mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
     {"MVAPICH's mpirun_rsh", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"},
     {"an mpiexec that speaks PMI (as that of MPICH)", "PMI_SIZE", "PMI_RANK"},
     {"flux run", "FLUX_JOB_SIZE", "FLUX_TASK_RANK"},
     {"jsrun", "JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK"},
     // not SLURM_NTASKS, which a batch script has too
     {"srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"}}};
constexpr const Known& kSrun = kKnown.back();

std::optional<std::uint64_t> number(const char* text) {
  std::uint64_t result = 0;
  if (text == nullptr) return std::nullopt;
  const char* const end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, result);
  if (error != std::errc() || at != end) return std::nullopt;
  return result;
}

}  // namespace

Launch read_launch(const Variable& variable) {
  Launch launch;
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_NAMESPACE", "PMIX_RANK", "PMI_SIZE", "PMI_FD",
                           "PMI_PORT", "PMI_CONTROL_PORT", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_SIZE"})
    launch.connects = launch.connects || variable(name) != nullptr;
  for (const Known& known : kKnown) {
    const auto processes = number(variable(known.processes));
    if (!processes) continue;
    launch.launcher = known.launcher;
    launch.processes = *processes;
    launch.tells = number(variable(known.rank)).value_or(0) == 0;
    // srun --mpi=pmi2 sets both
    if (known.processes == std::string_view("PMI_SIZE") && number(variable(kSrun.processes)) == processes)
      launch.launcher = kSrun.launcher;
    return launch;
  }
  if (const auto rank = number(variable("PMIX_RANK"))) {
    launch.launcher = "a launcher that speaks PMIx";
    launch.processes = *rank + 1;  // at least
    launch.tells = *rank == 1;     // rank 0 cannot know that there are others
  }
  return launch;
}

Launch read_launch() {
  return read_launch([](const char* name) -> const char* { return std::getenv(name); });
}

bool is_cut_off(const Launch& launch, std::uint64_t seen) { return seen == 1 && launch.processes > 1; }

std::string cut_off(const Launch& launch, const std::string& library) {
  const std::string started =
      launch.launcher + " has started " + std::to_string(launch.processes) + " processes, but ";
  const std::string rest =
      "; if each is to be a run of its own, start them with --rondo-alone or RONDO_ALONE=on";
  if (library.empty())
    return started +
           "this build of Rondo has no MPI, so that each would be a run of its own: use one built with "
           "RONDO_MPI=ON" +
           rest;
  return started + library +
         ", which this program uses, sees each of them alone: use the launcher of that MPI" +
         (launch.launcher == kSrun.launcher ? ", or an srun --mpi=... that it supports (pmix for Open MPI)"
                                            : "") +
         rest;
}

}  // namespace rondo::engine
