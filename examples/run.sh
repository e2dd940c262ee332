# Builds Rondo and runs its main example, a particle filter on the flow of the Nile, on every core of this machine.
#   bash examples/run.sh [options of the example]
# Installs missing packages first (Debian 12; as root, or with sudo).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash framework/install_packages.sh

if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
# A build that is there keeps its generator; ninja configures again by itself where it has to.
[[ -f build/CMakeCache.txt ]] || cmake -S . -B build -G Ninja -D CMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build --parallel "$(nproc)" --target particle_filter

# Rank 0 coordinates and sleeps most of the time, so a worker for every core leaves room for it.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1  # Open MPI refuses root otherwise
export OMPI_MCA_mpi_yield_when_idle=1
exec mpirun -np $(($(nproc) + 1)) --oversubscribe --bind-to none build/examples/particle_filter/particle_filter "$@"
