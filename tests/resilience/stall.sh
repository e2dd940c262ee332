# Ranks that stop, under mpirun:
#   bash stall.sh JOURNEY mpirun -np 3
# One that only stands still is named by rank 0, and ends the job after a while; one that dies ends it at once.
set -euo pipefail
journey=$1
launcher=("${@:2}")
folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_stall.XXXXXX")
running=
trap 'status=$?; if [[ -n $running ]]; then kill -KILL "$running" 2>/dev/null || true; fi; rm -rf "$folder"; exit $status' EXIT
cd "$folder"

fail() {
  echo "stall.sh: $1" >&2
  cat output >&2
  exit 1
}

begin() {
  rm -rf checkpoints log output
  touch hold
  "${launcher[@]}" "$journey" --log=log --result=result --hold=hold --rondo-checkpoint=checkpoints "$@" >output 2>&1 &
  running=$!
  until [[ -f log ]] && grep -q '^step 0' log; do
    kill -0 "$running" 2>/dev/null || fail "the run did not begin"
    sleep 0.02
  done
  first=$(pgrep --parent "$running" | head --lines=1)
  last=$(pgrep --parent "$running" | tail --lines=1)
}

ends() {
  local status=0
  wait "$running" || status=$?
  running=
  [[ $status -eq $1 ]] || fail "status $status, expected $1"
}

says_75() { grep -q 'leaving with status 75' output; }
says() { grep -Eq "$1" output || fail "expected: $1"; }

begin --rondo-stall=1 --rondo-stall-abort=8
ends 75
says 'rank [0-9]+: state [0-9]+ has been in update for [0-9]+ s'

begin --rondo-stall=1 --rondo-stall-abort=8
kill -STOP "$last"
rm hold
ends 75
says 'rank [0-9]+: does not answer, silent for [0-9]+ s; rank 0 waits for [0-9]+ of its states'

# a stopped rank that goes on again is no loss
begin --rondo-stall=1
kill -STOP "$last"
rm hold
until grep -q 'does not answer' output; do sleep 0.05; done
kill -CONT "$last"
ends 0

# nor is a job that is suspended for longer than all of its patience, and resumed
begin --rondo-stall-abort=6 --rondo-orphan=4
mapfile -t ranks < <(pgrep --parent "$running")
kill -STOP "${ranks[@]}"
sleep 8
kill -CONT "${ranks[@]}"
rm hold
ends 0

begin --rondo-stall=1
kill -KILL "$last"
ends 137
if says_75; then fail "it has not left with status 75"; fi

# rank 0 stands still: the others end the job
begin --rondo-orphan=3
kill -STOP "$first"
rm hold
ends 75
says 'rank [12]: rank 0 has said nothing for [0-9]+ s \(--rondo-orphan\); leaving'

# an update that takes longer is no silence
begin --rondo-orphan=5
end=$((SECONDS + 7))
until ((SECONDS >= end)); do sleep 0.1; done
rm hold
ends 0
echo "stall.sh: all as it should be"
