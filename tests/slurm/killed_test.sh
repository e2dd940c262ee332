# A test that is killed (CTest does so when its time is up) leaves nothing of its cluster behind.
#   bash killed_test.sh
# Where namespaces are not allowed it says so and passes, but not where CI=true: there it must run.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/cluster.sh"
cluster_or_skip killed_test.sh

folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_killed.XXXXXX")
trap 'rm -rf "$folder"' EXIT
# shellcheck disable=SC2016  # for the inner shell
bash -c 'set -euo pipefail; source "$0"; cluster_up "$1/cluster" 2 2; touch "$1/up"; exec sleep 1000' \
  "$here/cluster.sh" "$folder" &
test=$!
until [[ -f $folder/up ]]; do
  kill -0 "$test" || exit 1
  sleep 0.05
done
mapfile -t processes < <(cat "$folder"/cluster/daemons "$folder"/cluster/pid/node*)
[[ ${#processes[@]} -eq 4 ]] || { echo "killed_test.sh: expected 4 processes, found ${processes[*]}" >&2 && exit 1; }
kill -KILL "$test"
wait "$test" 2>/dev/null || true

gone() {
  local process
  for process in "${processes[@]}"; do
    if kill -0 "$process" 2>/dev/null; then return 1; fi
  done
  [[ ! -d $folder/cluster && $(ip netns list) != *"rondo_${test}_"* ]]
}
end=$((SECONDS + 60))
until gone; do
  ((SECONDS < end)) || { echo "killed_test.sh: there is something left of the cluster" >&2 && exit 1; }
  sleep 0.1
done
echo "killed_test.sh: nothing is left"
