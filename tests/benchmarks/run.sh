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

packages=(g++ cmake ninja-build libboost-mpi-dev libboost-serialization-dev libboost-program-options-dev libopenmpi-dev
  openmpi-bin libtbb-dev librandom123-dev libxxhash-dev nlohmann-json3-dev python3 python3-mpi4py)

install_missing() {
  command -v dpkg-query >/dev/null || return 0
  local package missing=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" = 0 ]; then
    apt-get install -y --no-install-recommends "${missing[@]}"
  elif sudo -n true 2>/dev/null; then
    sudo apt-get install -y --no-install-recommends "${missing[@]}"
  else
    echo "missing packages, and no right to install them: ${missing[*]}" >&2
  fi
}

install_missing
cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRONDO_BENCHMARKS=ON
cmake --build "$build" -j "$(nproc)" --target rondo_benchmarks
exec /usr/bin/python3 -B "$here/runner/run.py" --source "$source" --programs "$build/tests/benchmarks" \
  --output "$build/benchmarks" --history "$build/benchmarks/history.jsonl" "$@"
