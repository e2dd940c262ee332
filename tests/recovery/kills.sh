# Real ranks of a real mpirun are killed, crash and stand still, and every run must end in time, with the bytes of a run
# without faults or with WorkerLost, and leave no process behind:
#   bash kills.sh JOURNEY RONDO_RUN RUNS [SEED]
# Three of the four workers of each run, one after the other, at random steps. Then what needs no dice: a rank that never
# goes on again, two ranks at once, mpirun without the script, rank 0 itself.
set -euo pipefail
journey=$1
rondo_run=$2
runs=$3
RANDOM=${4:-$$}
seed=${4:-$$}
folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_kills.XXXXXX")
started=()  # processes of this test
# Most have ended long before, and their ids may be those of others by now; ours are in the folder.
end_ours() {
  local process
  for process in "${started[@]}"; do
    if [[ $(readlink "/proc/$process/cwd") == "$(realpath "$folder")"* ]]; then kill -KILL "$process" 2>/dev/null || true; fi
  done
}
trap 'status=$?; end_ours; rm -rf "$folder"; exit $status' EXIT
cd "$folder"
export RONDO_RECOVER=on RONDO_RECOVER_DEADLINE=1 RONDO_MPIRUN_GRACE=2

fail() {
  echo "kills.sh, seed $seed: $1" >&2
  cat output >&2 || true
  exit 1
}

more=()  # options of the journey
"$journey" --steps=40 --result=reference >output 2>&1 || fail "the run without faults"

# begin LAUNCHER...: starts the journey in a folder of its own, and waits for its first step; sets `run` and `ranks`. Its
# updates wait until the ranks are found.
begin() {
  touch hold
  timeout -k 5 $((60 * ${RONDO_TEST_PATIENCE:-1})) "$@" -np 5 "$journey" --steps=40 --delay=1000 --result=result --log=log --hold=hold "${more[@]}" >output 2>&1 &
  run=$!
  started+=("$run")
  reach 0
  mapfile -t ranks < <(descendants "$run" | while read -r p; do
    [[ $(readlink "/proc/$p/exe" || true) == "$(realpath "$journey")" ]] && echo "$p"
  done)
  started+=("${ranks[@]}")
  [[ ${#ranks[@]} -eq 5 ]] || fail "expected 5 ranks, found ${#ranks[@]}"
  rm hold
}
descendants() {
  local child
  for child in $(pgrep --parent "$1" || true); do
    echo "$child"
    descendants "$child"
  done
}
# Until the journey is at this step.
reach() {
  until [[ -f log ]] && [[ $(grep -c '^step' log) -gt $1 ]]; do
    kill -0 "$run" 2>/dev/null || return 0
    sleep 0.01
  done
}
# Sets `status`; nothing of the run is there any more.
ends() {
  status=0
  wait "$run" || status=$?
  local rank tries
  for rank in "${ranks[@]}"; do
    for ((tries = 0; tries < 500; ++tries)); do
      kill -0 "$rank" 2>/dev/null || break
      sleep 0.01
    done
    [[ $tries -lt 500 ]] || fail "process $rank stays behind"
  done
}
is_same() { [[ $status -eq 0 ]] && cmp --silent result "${1:-$folder/reference}"; }

# Those that rank 0 has given up and that nothing was done to.
wrongly_lost() {
  local rank
  while read -r rank; do
    [[ " ${struck[*]} " == *" $rank "* ]] || echo "$rank"
  done < <(sed -n 's/^rondo: rank \([0-9]*\) says nothing.*/\1/p' output)
}

faults=0
same=0
lost=0
for ((i = 0; i < runs; ++i)); do
  mkdir "$folder/run$i"
  cd "$folder/run$i"
  begin "$rondo_run"
  mapfile -t victims < <(shuf --input-range=1-4 --head-count=3 --random-source=<(yes "$RANDOM"))
  at=$((RANDOM % 6))
  struck=()
  for victim in "${victims[@]}"; do
    reach "$at"
    signals=(KILL KILL SEGV STOP)
    signal=${signals[$((RANDOM % 4))]}
    kill "-$signal" "${ranks[$victim]}" 2>/dev/null || true
    struck+=("$victim")
    faults=$((faults + 1))
    at=$((at + 8 + RANDOM % 4))
    # it goes on when the others have given it up, and leaves
    if [[ $signal == STOP ]]; then
      until grep -q "rank $victim says nothing" output || ! kill -0 "$run" 2>/dev/null; do sleep 0.01; done
      kill -CONT "${ranks[$victim]}" 2>/dev/null || true
    fi
  done
  ends
  if is_same; then
    same=$((same + 1))
  elif grep -q 'rondo::WorkerLost' output; then
    lost=$((lost + 1))
    # the next one is struck eight steps after the run goes on: long after the copies are renewed. So only a machine that is too
    # busy to let a rank answer for a second, which then counts as lost too, makes it two at a time
    [[ -n $(wrongly_lost) ]] || fail "run $i: WorkerLost, though one at a time was struck and nobody else was lost"
    sed "s/^/kills.sh:   /" output
  else
    fail "run $i: status $status, and neither the bytes of the reference nor WorkerLost"
  fi
done
echo "kills.sh: $runs runs, $faults faults: $same ended with the same bytes, $lost with WorkerLost"
[[ $same -gt 0 ]] || fail "no run survived"

# case NAME
case_of() {
  mkdir "$folder/$1"
  cd "$folder/$1"
}

# messages that are on their way when their receiver or their sender dies
case_of big_states
more=(--words=40000 --steps=16)
"$journey" "${more[@]}" --result=big >output 2>&1 || fail "big states without faults"
for victim in 1 2 3 4; do
  rm -f log result
  begin "$rondo_run"
  reach $((victim * 2))
  kill -KILL "${ranks[$victim]}"
  ends
  is_same big || fail "big states, rank $victim: status $status"
done
more=()

case_of never_again
begin "$rondo_run"
kill -STOP "${ranks[2]}"
ends
is_same || fail "a rank that never goes on: status $status"

case_of two_at_once
begin "$rondo_run"
kill -KILL "${ranks[1]}" "${ranks[3]}"
ends
is_same || grep -q 'rondo::WorkerLost' output || fail "two ranks at once: status $status"

case_of mpirun_alone
begin mpirun --enable-recovery
kill -KILL "${ranks[4]}"
ends
is_same || fail "mpirun alone: status $status"

# without checkpoints it is a failure; with them another start goes on
for kept in '' --rondo-checkpoint=kept; do
  case_of "all_workers$kept"
  expected=1
  if [[ -n $kept ]]; then
    more=("$kept" --rondo-checkpoint-every=1r)
    expected=75
  fi
  begin "$rondo_run"
  reach 3
  kill -KILL "${ranks[@]:1}"
  ends
  more=()
  grep -q 'rondo::WorkerLost' output || fail "all workers: status $status"
  [[ $status -eq $expected ]] || fail "all workers, '$kept': status $status, expected $expected"
done

case_of rank_0
begin "$rondo_run"
kill -KILL "${ranks[0]}"
ends
[[ $status -eq 137 ]] || fail "rank 0: status $status"

case_of rank_0_stands_still
export RONDO_ORPHAN=2
begin "$rondo_run"
kill -STOP "${ranks[0]}"
ends
[[ $status -eq 137 ]] || fail "rank 0 stands still: status $status"
grep -Eq 'rank 0 has said nothing for [0-9]+ s' output || fail "rank 0 stands still: nobody tells"
unset RONDO_ORPHAN

case_of the_script_itself
begin "$rondo_run"
script=$(pgrep --parent "$run")
mapfile -t all < <(descendants "$script")
started+=("${all[@]}")
ranks=("${all[@]}") # mpirun is to be gone too
kill -KILL "$script"
ends
[[ $status -eq 137 ]] || fail "the script itself: status $status"

# Ctrl-Z stops the ranks too, and what ends a terminal lets the run leave with its checkpoint
case_of a_terminal
more=(--delay=20000 --rondo-checkpoint=kept --rondo-checkpoint-every=1r)
begin "$rondo_run"
script=$(pgrep --parent "$run")
kill -TSTP "$script"
stopped() { [[ $(cut --delimiter=' ' --fields=3 "/proc/$1/stat") == T ]]; }
for rank in "$script" "${ranks[@]}"; do
  until stopped "$rank"; do sleep 0.01; done
done
kill -CONT "$script"
for rank in "${ranks[@]}"; do
  while stopped "$rank"; do sleep 0.01; done
done
kill -HUP "$script"
ends
more=()
[[ $status -eq 75 ]] || fail "HUP: status $status"
[[ -n $(compgen -G 'kept/checkpoint-*/manifest') ]] || fail "HUP: no checkpoint"

# what fails before Rondo runs it is no success either, though mpirun --enable-recovery calls it one
case_of not_begun
# refuses STATUS COMMAND...
refuses() {
  status=0
  timeout -k 5 $((30 * ${RONDO_TEST_PATIENCE:-1})) "${@:2}" >output 2>&1 || status=$?
  [[ $status -eq $1 ]] || fail "status $status instead of $1: ${*:2}"
}
refuses 1 "$rondo_run" -np 3 false
refuses 127 "$rondo_run" -np 3 ./nonexistent --steps=3
# an argument that is one does not make a program of the word before it
refuses 127 "$rondo_run" --oversubscribe -np 3 --mca mpi_yield_when_idle 1 -x PATH ./nonexistent "$journey"
refuses 0 "$rondo_run" -oversubscribe --map-by slot -np 3 "$journey" --steps=2 --result="$PWD/result"
# where only mpirun knows the place, and where a rank is gone before the others can know
export RONDO_START=2
refuses 1 "$rondo_run" -np 3 --wdir "$PWD" ./nonexistent
# shellcheck disable=SC2016  # for the inner shell
for early in 'exit 3' 'kill -KILL $$'; do
  refuses 1 "$rondo_run" -np 3 bash -c "if [[ \$OMPI_COMM_WORLD_RANK -eq 1 ]]; then $early; fi; exec \"\$@\"" rank "$journey" \
    --result="$PWD/never"
  grep -q 'has not begun after 2 s' output || fail "a rank that ends early ($early) is not told"
done
[[ ! -f never ]] || fail "a run without all of its ranks"
unset RONDO_START
refuses 1 "$rondo_run" -np 3 "$journey" --result=result --rondo-keep=0
refuses 1 "$rondo_run" -np 3 "$journey" --result=never --rondo-recover=off
grep -q 'need on under mpirun --enable-recovery' output || fail "no recovery: not told"
refuses 0 "$rondo_run" -np 3 "$journey" --rondo-help
refuses 2 env RONDO_MARKER=/proc/nowhere/marker "$rondo_run" -np 3 "$journey" --result=result
refuses 0 env RONDO_MARKER=marker "$rondo_run" -np 3 --wdir / "$journey" --steps=2 --result="$PWD/result"
[[ $(readlink marker) -eq 0 && -L marker.rank0 ]] || fail "a marker that the caller names is for the caller"
unset RONDO_RECOVER
refuses 1 mpirun -np 1 env RONDO_RECOVER=on "$journey" --result=result : -np 2 "$journey" --result=result
grep -q 'need the same on all ranks' output || fail "what differs between the ranks is not told"
echo "kills.sh: all as it should be"
