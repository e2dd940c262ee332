#!/usr/bin/env bash
# Builds the benchmarks and runs them: table, chart and a line of history under build/benchmarks.
#
#   bash tests/benchmarks/run.sh            everything, about a quarter of an hour on two cores
#   bash tests/benchmarks/run.sh --quick    under two minutes, for a look and for CI
#   bash tests/benchmarks/run.sh --help     sections, contestants, where the results go
#
# Debian packages that are missing are installed when this runs as root or may sudo. RONDO_BUILD names another
# build folder than build/.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$here/../.." && pwd)
build=${RONDO_BUILD:-$source/build}

bash "$source/framework/install_packages.sh" libtbb-dev nlohmann-json3-dev python3-mpi4py
generator=()
[[ -f $build/CMakeCache.txt ]] || generator=(-G Ninja)  # a build that is there keeps its own
cmake -S "$source" -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DRONDO_BENCHMARKS=ON
cmake --build "$build" -j "$(nproc)" --target rondo_benchmarks
exec /usr/bin/python3 -B "$here/runner/run.py" --source "$source" --programs "$build/tests/benchmarks" \
  --output "$build/benchmarks" --history "$build/benchmarks/history.jsonl" "$@"
