# Names that --rondo-marker must not take:
#   bash marker.sh JOURNEY RONDO_RUN mpirun -np 2
# A file, a folder or a link of the user stays as it is, and the run does not begin; a marker of an earlier run is replaced.
set -euo pipefail
journey=$1
rondo_run=$2
launcher=("${@:3}")
folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_marker.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
  echo "marker.sh: $1" >&2
  cat output >&2 || true
  exit 1
}

# starts STATUS command: it does, and its output is in the file.
starts() {
  local status=0
  "${@:2}" >output 2>&1 || status=$?
  [[ $status -eq $1 ]] || fail "${*:2}: status $status, expected $1"
}

mine() { [[ $(<results.txt) == mine && $(readlink latest) == results.txt && -d folder && $(<taken.rank0) == mine ]]; }

echo mine >results.txt
echo mine >taken.rank0
ln -s results.txt latest
mkdir folder
for name in results.txt latest folder taken "$folder/results.txt"; do
  starts 1 "${launcher[@]}" "$journey" --steps=2 --rondo-marker="$name"
  grep -q 'rondo::OptionError: --rondo-marker: need a NAME that is free' output || fail "$name: not told"
  mine || fail "$name: something has been replaced"
  starts 2 env RONDO_MARKER="$name" "$rondo_run" "${launcher[@]:1}" "$journey" --steps=2
  grep -q '^rondo-run: RONDO_MARKER: need a name that is free' output || fail "rondo-run: $name: not told"
  mine || fail "rondo-run: $name: something has been replaced"
done

# an earlier run's, twice, relative and absolute
for name in marker marker "$folder/marker"; do
  starts 0 "${launcher[@]}" "$journey" --steps=2 --rondo-marker="$name"
  [[ $(readlink marker) -eq 0 && -L marker.rank0 ]] || fail "$name: no marker"
done
starts 0 env RONDO_MARKER=marker "$rondo_run" "${launcher[@]:1}" "$journey" --steps=2
[[ $(readlink marker) -eq 0 && -L marker.rank0 ]] || fail "rondo-run: no marker"
echo "marker.sh: all as it should be"
