# What happens to rondo-run and its ranks before the first round, and to mpirun at any time: everything ends, within its limits, and
# with status 0 only if the result is there:
#   bash early.sh EARLY_END JOURNEY RONDO_RUN
set -euo pipefail
program=$1
journey=$2
rondo_run=$3
folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_early.XXXXXX")
running=
trap 'status=$?; if [[ -n $running ]]; then kill -KILL "$running" 2>/dev/null || true; fi; rm -rf "$folder"; exit $status' EXIT
cd "$folder"
patience=${RONDO_TEST_PATIENCE:-1}  # on a machine that others use, too, ranks answer later and end later
export RONDO_RECOVER_DEADLINE=$patience RONDO_MPIRUN_GRACE=$((2 * patience))
limit=$((60 * patience))

fail() {
  echo "early.sh: $what: $1" >&2
  cat output errors >&2 || true
  exit 1
}
# Every process of these programs in this folder.
left() {
  local process
  for process in $(pgrep --full "^($program|$journey)" || true); do
    if [[ $(readlink "/proc/$process/cwd") == "$folder" ]]; then echo "$process"; fi
  done
}
# ends STATUS...: with one of these.
ends() {
  local tries
  status=0
  wait "$running" || status=$?
  running=
  [[ " $* " == *" $status "* ]] || fail "status $status, expected $*"
  for ((tries = 0; tries < 500 * patience; ++tries)); do
    [[ -n $(left) ]] || return 0
    sleep 0.02
  done
  fail "processes stay behind: $(left)"
}

# A rank that is gone or stands still before all have met ends the run when its time is over; one that is lost later is made
# up for.
for signal in KILL STOP; do
  for place in start meeting; do
    what="$signal at $place"
    RONDO_START=$((3 * patience)) timeout -k 5 "$limit" "$rondo_run" -np 4 "$program" $place "$(kill -l $signal)" >output 2>errors &
    running=$!
    # mpirun lets a stopped rank go on before it ends it, and the run may be done in that moment
    if [[ $signal == STOP ]]; then ends 1 0; else ends 1; fi
    if [[ $status -eq 0 ]]; then
      grep -qx 'sum 81 on 3' output || fail "another result"
    else
      grep -q "has not begun after $((3 * patience)) s (RONDO_START)" errors || fail "nothing is told"
    fi
  done
  for place in welcome reset; do
    what="$signal at $place"
    timeout -k 5 "$limit" "$rondo_run" -np 4 "$program" $place "$(kill -l $signal)" >output 2>errors &
    running=$!
    ends 0
    grep -qx 'sum 81 on 2' output || fail "another result"
  done
done

# mpirun passes on what is printed: without it the result is nowhere
begin() {
  rm -f log hold
  touch hold
  timeout -k 5 "$limit" "$rondo_run" -np 3 "$journey" --log=log --hold=hold --result=result "$@" >output 2>errors &
  running=$!
  until [[ -f log ]] && grep -q '^step 0' log; do
    kill -0 "$running" 2>/dev/null || fail "the run did not begin"
    sleep 0.02
  done
  script=$(pgrep --parent "$running")
  mpirun=$(pgrep --parent "$script" --exact mpirun)
}
for signal in KILL SEGV; do
  what="mpirun gets $signal"
  begin
  kill "-$signal" "$mpirun"
  rm hold
  ends $((128 + $(kill -l $signal))) 137  # 137: rank 0 has died of it
  grep -q 'rondo-run: mpirun ' errors || fail "nothing is told"
done
# with a checkpoint to go on from, which rank 0 leaves
what='mpirun is killed, with checkpoints'
begin --rondo-checkpoint=checkpoints --rondo-grace=30
kill -KILL "$mpirun"
rm hold
ends 75 137
echo "early.sh: all as it should be"
