# What signals and the end of the time do to a run, on threads and under mpirun:
#   bash signals.sh JOURNEY [mpirun and its arguments]
# Each run ends with its status, and with the result of an uninterrupted run once it has been started again.
set -euo pipefail
journey=$1
launcher=("${@:2}")
folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_signals.XXXXXX")
running=
trap 'status=$?; if [[ -n $running ]]; then kill -KILL "$running" 2>/dev/null || true; fi; rm -rf "$folder"; exit $status' EXIT
cd "$folder"
steps=12

fail() {
  echo "signals.sh: ${launcher[*]:-threads}: $1" >&2
  cat output >&2 || true
  exit 1
}

# begin [options]: a run in the background, in a folder of its own, until a round has begun that waits for `go`.
begin() {
  rm -rf checkpoints log result output
  touch hold
  "${launcher[@]}" "$journey" --steps=$steps --log=log --result=result --hold=hold --rondo-checkpoint=checkpoints \
    --rondo-workers=2 "$@" >output 2>&1 &
  running=$!
  until [[ -f log ]] && grep -q '^step 0' log; do
    kill -0 "$running" 2>/dev/null || fail "the run did not begin"
    sleep 0.02
  done
}

go() { rm hold; }

# ends STATUS: the run does, with this status.
ends() {
  local status=0
  wait "$running" || status=$?
  running=
  rm -f hold
  [[ $status -eq $1 ]] || fail "status $status, expected $1"
}

resumes() {
  "${launcher[@]}" "$journey" --steps=$steps --log=log --result=result --rondo-checkpoint=checkpoints --rondo-workers=3 \
    >output 2>&1 || fail "the second start ended with $?"
  grep -q "^$1" log || fail "the second start did not say '$1'"
  [[ $(<result) == "$expected" ]] || fail "result $(<result), expected $expected"
}

# Until the process has taken a signal: two of a kind at once would be one.
taken() {
  until [[ ! -d /proc/$running ]] || ! grep -Eq '^(SigPnd|ShdPnd):.*[1-9a-f]' "/proc/$running/status"; do sleep 0.01; done
}

"$journey" --steps=$steps --result=result
expected=$(<result)

# USR1: a checkpoint, and on
begin
kill -USR1 "$running"
taken
[[ ${#launcher[@]} -eq 0 ]] || until grep -q 'Forwarding signal' output; do sleep 0.02; done
go
ends 0
[[ $(<result) == "$expected" ]] || fail "USR1 has changed the result"
compgen -G 'checkpoints/*/*' >/dev/null || fail "USR1 left no checkpoint"

# USR2: a checkpoint after the round, and the status that asks for a restart
begin
kill -USR2 "$running"
taken
[[ ${#launcher[@]} -eq 0 ]] || until grep -q 'Forwarding signal' output; do sleep 0.02; done
go
ends 75
resumes resumed

# USR2, where the round does not end: after a while it is left, and the last checkpoint stands; here there is none
begin --rondo-round-grace=1s
kill -USR2 "$running"
ends 75
grep -q 'no time left to end the round; .*leaving with status 75' output || fail "USR2 in a round that does not end: nothing was told"
resumes started

# a program that catches whatever is thrown leaves all the same, with all that a checkpoint needs
for swallow in goes-on returns throws; do
  begin --swallow=$swallow
  kill -USR2 "$running"
  taken
  [[ ${#launcher[@]} -eq 0 ]] || until grep -q 'Forwarding signal' output; do sleep 0.02; done
  go
  ends 75
  grep -q 'has caught what safe_point() threw' output || fail "$swallow: not told"
  [[ $(grep --count '^step' log) -le 2 && ! -f result ]] || fail "$swallow: it has gone on"
  resumes resumed
done

# TERM, where the round ends in time. An mpirun that gets it has status 1 whatever its ranks do, and kills them soon.
for signal in TERM INT; do
  begin --rondo-grace=60
  if [[ ${#launcher[@]} -eq 0 ]]; then
    kill "-$signal" "$running"
    taken
    go
    ends 75
    resumes resumed
  else
    ranks=("$(pgrep --parent "$running" | tail --lines=1)")
    kill "-$signal" "${ranks[0]}" # one of the ranks: it tells rank 0
    go
    ends 75
    resumes 'resumed\|started'
  fi
done

# TERM, where the round does not end: the last checkpoint stands, here there is none
begin
kill -TERM "$running"
if [[ ${#launcher[@]} -eq 0 ]]; then ends 75; else ends 1; fi
grep -qE 'no time left to end the round|the launcher ends the run' output || fail "nothing was told"
# under mpirun the status is not the one that the run would have
if [[ ${#launcher[@]} -eq 0 ]]; then told=1; else told=0; fi
[[ $(grep --count 'leaving with status 75' output) -eq $told ]] || fail "the status is told wrongly"
resumes started

# the walltime ends within the first round: a restart would get no further
begin --rondo-walltime=2s
ends 74
resumes started

# the walltime is over before all steps are done: rounds end, and the run leaves in order
begin --rondo-walltime=6s --delay=40000
go
ends 75
grep -q 'checkpoint after round' output || fail "the run did not leave in order"
resumes resumed

# the same if it is main itself that takes long: two of its steps would not end in time
begin --rondo-walltime=6s --between=2500000
go
ends 75
grep -q 'checkpoint after round' output || fail "what main takes between the rounds does not count"
resumes resumed

# a second INT leaves at once
if [[ ${#launcher[@]} -eq 0 ]]; then
  begin --rondo-grace=1000
  kill -INT "$running"
  taken
  kill -INT "$running"
  ends 130
fi
echo "signals.sh: ${launcher[*]:-threads}: all as it should be"
