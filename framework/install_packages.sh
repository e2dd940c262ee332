# Installs what Rondo, its tests and its examples need on Debian 12: only what is missing, quietly; nothing if all is
# there. Called by examples/run.sh and tests/run.sh, and by tests/benchmarks/run.sh with more packages as arguments.
set -euo pipefail

packages=(
  g++ cmake ninja-build make pkgconf
  libopenmpi-dev openmpi-bin
  libboost-serialization-dev libboost-program-options-dev libboost-mpi-dev
  librandom123-dev libxxhash-dev
  libgtest-dev slurm-wlm munge iproute2 shellcheck python3
  "$@"
)

if ! command -v apt-get >/dev/null; then
  echo "rondo: no apt-get here; what the build needs are the equivalents of: ${packages[*]}" >&2
  exit 0  # they may be there under other names; if not, CMake names the first that is missing
fi

installed=" $(dpkg-query --show --showformat '${Package}:${db:Status-Status} ' "${packages[@]}" 2>/dev/null || true)"
missing=()
for package in "${packages[@]}"; do
  [[ $installed == *" $package:installed "* ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "rondo: packages are missing, and this user is neither root nor has sudo. Let root run:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

echo "rondo: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
    apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >>"$log" 2>&1
}
# A list of some other archive that cannot be fetched is no reason to stop: the install decides.
apt update || true
apt install --yes --no-install-recommends "${missing[@]}" || {
  cat "$log" >&2
  exit 1
}
