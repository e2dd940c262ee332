# Something hangs for ever, and every limit of the run holds all the same:
#   bash hangs.sh HANGING [mpirun and its arguments]
set -euo pipefail
program=$1
launcher=("${@:2}")
folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_hangs.XXXXXX")
running=
trap 'status=$?; if [[ -n $running ]]; then kill -KILL "$running" 2>/dev/null || true; fi; rm -rf "$folder"; exit $status' EXIT
cd "$folder"

fail() {
  echo "hangs.sh: ${launcher[*]:-threads}: $what: $1" >&2
  cat output >&2 || true
  exit 1
}

# begin PLACE [options]: a run in the background, until it hangs there.
begin() {
  what=$*
  rm -rf checkpoints another output hangs
  "${launcher[@]}" "$program" "$1" --rondo-checkpoint=checkpoints --rondo-checkpoint-every=1r "${@:2}" >output 2>&1 &
  running=$!
  until [[ -f hangs ]]; do
    # a walltime may be over earlier, on a busy machine
    kill -0 "$running" 2>/dev/null || break
    sleep 0.02
  done
}
# ends STATUS REGEX: so it ends, and tells why in one line.
ends() {
  local status=0
  wait "$running" || status=$?
  running=
  [[ $status =~ ^($1)$ ]] || fail "status $status, expected $1"
  grep -Eq -- "$2" output || fail "expected: $2"
}
# The process of rank 0.
rank_0() { if [[ ${#launcher[@]} -eq 0 ]]; then echo "$running"; else pgrep --parent "$running" | head --lines=1; fi; }

# what the disk, and what a function of the program does not come back from
manifest='rank 0 has not come back from the manifest of a checkpoint for [0-9]+ s'
sink='rank 0 has not come back from the sink or the inputs of evolve\(\) for [0-9]+ s'
begin manifest --rondo-grace=0.5
kill -TERM "$(rank_0)"
ends 75 "$manifest, and a signal asks it to leave soon; leaving with status 75"
begin manifest --rondo-round-grace=1s
kill -USR2 "$running"
ends 75 "$manifest, and a signal asks it to leave; leaving with status 75"
begin manifest --rondo-walltime=4s
ends 74 "the walltime \(--rondo-walltime\) is over; leaving with status 74|no time left to end the round"
begin manifest --rondo-stall-abort=4
ends 75 "no progress for [0-9]+ s; $manifest; leaving with status 75"
begin sink --rondo-stall-abort=4 --rondo-stall=0.5
ends 75 "no progress for [0-9]+ s; $sink; leaving with status 75"
grep -q 'for 0 s$' output || fail "--rondo-stall tells nothing"
begin inputs --rondo-grace=0.5
kill -TERM "$(rank_0)"
ends 75 "$sink, and a signal asks it to leave soon"
# main may compute for as long as it likes, but not beyond the walltime or a signal
begin main --rondo-walltime=6s --rondo-stall-abort=4
ends '74|75' "rank 0 has not come back from the program's main for [0-9]+ s, and the walltime|no time left to end the round"
begin main --rondo-grace=0.5
kill -TERM "$(rank_0)"
ends 75 "the program's main for [0-9]+ s, and a signal asks it to leave soon"
# when main has returned its status stays
begin end --rondo-grace=0.5
kill -TERM "$(rank_0)"
ends 7 "$manifest, and a signal asks it to leave soon; leaving with status 7"
begin end --rondo-walltime=4s
ends '7|74' "the walltime \(--rondo-walltime\) is over; leaving with status (7|74)"
# before main begins
begin trial --rondo-stall-abort=4
ends 75 'rank 0 has not come back from a trial of the folder for checkpoints for [0-9]+ s; leaving with status 75'

if [[ ${#launcher[@]} -eq 0 ]]; then
  # what reads the output does not read it
  what=output
  rm -f hangs
  mkfifo pipe
  exec 8<>pipe
  "$program" $what --rondo-checkpoint=other --rondo-grace=0.5 --rondo-workers=2 >pipe 2>output &
  running=$!
  until [[ -f hangs ]]; do sleep 0.02; done
  kill -TERM "$running"
  ends 75 "the program's main for [0-9]+ s, and a signal"
else
  # a rank stands still before MPI has begun, or when the run is over
  begin stop-before --rondo-stall-abort=2
  ends 75 '(this process|rank [01]) has not come back from (MPI_Init|the meeting of all ranks) for [0-9]+ s; leaving with status 75'
  begin stop-after --rondo-stall-abort=4
  ends 75 'rank [01] has not come back from MPI_Finalize for [0-9]+ s; leaving with status 75'
  begin stop-0-after --rondo-orphan=2
  ends 75 'rank [12] has not come back from MPI_Finalize for [0-9]+ s; leaving with status 75'
fi
echo "hangs.sh: ${launcher[*]:-threads}: all as it should be"
