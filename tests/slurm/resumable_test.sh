# What run_resumable.sbatch does with each end of a run, without a cluster: `scontrol` and the launcher are played here.
#   bash resumable_test.sh RUN_RESUMABLE
set -euo pipefail
script=$(realpath "$1")
folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_resumable.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir bin
printf '#!/bin/bash\necho "$@" >>requeued\n' >bin/scontrol
# shellcheck disable=SC2016  # for the inner shell
printf '#!/bin/bash\neval "$1"\n' >bin/play
chmod +x bin/*
export PATH=$folder/bin:$PATH RONDO_SITE=none RONDO_LAUNCHER=play SLURM_JOB_ID=7

fail() {
  echo "resumable_test.sh: $1" >&2
  exit 1
}
# run WHAT: a turn of the job whose run does this; sets `status` and `requeues`, of all turns.
run() {
  status=0
  bash "$script" "$1" 2>output || status=$?
  requeues=0
  if [[ -f requeued ]]; then requeues=$(wc -l <requeued); fi
}
anew() { rm -rf checkpoints requeued; }
# expect STATUS REQUEUES WHAT: how the turn ended, and the requeues of all turns.
expect() { [[ $status -eq $1 && $requeues -eq $2 ]] || fail "$3: status $status, $requeues requeues: $(<output)"; }
# What the played run does besides: it begins under Rondo, and it leaves a checkpoint of so many rounds.
# shellcheck disable=SC2016  # for the inner shell
begins='ln -s "host 1" $RONDO_MARKER.rank0'
cat >bin/checkpoint <<'END'
#!/bin/bash
# checkpoint SEQUENCE ROUNDS: as in framework/checkpoint/format.hpp
folder=$RONDO_CHECKPOINT/$(printf 'checkpoint-%012d' "$1")
mkdir -p "$folder"
{ head -c 24 /dev/zero; printf '%b' "$(printf '\\x%02x\\x%02x' $(($2 % 256)) $(($2 / 256)))"; head -c 100 /dev/zero; } >"$folder/manifest"
END
chmod +x bin/checkpoint

# the program's own ends: with a checkpoint to go on from too
for own in 0 1 3 134 135 139 143; do
  anew
  run "$begins; exit $own"
  expect "$own" 0 "status $own of the program"
  run "$begins; checkpoint 1 4; exit $own"
  expect "$own" 0 "status $own of the program, with a checkpoint"
done

# to be started again; a node is lost; a signal came before the run could listen
for way in 'exit 75' 'exit 205' 'kill -USR1 $$' 'kill -USR2 $$'; do
  anew
  run "$way"
  expect 0 1 "$way"
  [[ $(<requeued) == 'requeue 7' ]] || fail "requeued: $(<requeued)"
done
grep -q 'status 140' output || fail "USR2 before the run listens: $(<output)"

# a rank is killed: once more, if there is something to go on from
anew
run "$begins; exit 137"
expect 137 0 "a rank is killed before the first checkpoint"
run "$begins; checkpoint 1 4; exit 137"
expect 0 1 "a rank is killed"

# ranks that cannot be started: once more, if they could be started before
anew
run 'exit 1'
expect 1 0 "a program that never begins"
run "$begins; checkpoint 1 4; exit 75"
expect 0 1 "the first turn"
run 'exit 1'
expect 0 2 "a launcher that fails in the second turn"

# so many turns in a row without a new round are enough, wherever they come; a checkpoint of the same round is none
# turns FIRST...: with each of these rounds in a new checkpoint, of ever higher numbers; each is requeued
sequence=0
turns() {
  local rounds before
  for rounds in "$@"; do
    before=$requeues
    run "checkpoint $((++sequence)) $rounds; exit 75"
    expect 0 $((before + 1)) "a turn that comes to round $rounds"
  done
}
for limit in '' 2 4; do
  anew
  requeues=0
  if [[ -n $limit ]]; then export RONDO_RESTARTS_MAX=$limit; fi
  turns 1 2 300 301 302 558 # 302 and 558 differ in the second byte alone
  for ((futile = 1; futile < ${limit:-3}; ++futile)); do turns 558; done
  run "checkpoint $((++sequence)) 558; exit 75"
  expect 75 $((5 + ${limit:-3})) "it goes on for ever, limit '$limit'"
  grep -q "${limit:-3} starts in a row have brought no .* giving up" output || fail "gave up without a word: $(<output)"
  # by hand it may be tried again
  turns 558
  unset RONDO_RESTARTS_MAX
done

# turns that SLURM itself requeues, as it does when the first node is lost, count too
anew
status_of_job=0
for turn in 1 2 3; do
  bash "$script" 'touch told; while :; do sleep 0.01; done' 2>output &
  job=$!
  until [[ -f told ]]; do sleep 0.01; done
  rm told
  mapfile -t run_of_job < <(pgrep --parent "$job")
  kill -KILL "$job" "${run_of_job[@]}"
  wait "$job" 2>/dev/null || status_of_job=$?
  [[ $status_of_job -eq 137 ]] || fail "turn $turn was not killed: $status_of_job"
done
run 'touch begun; exit 0'
[[ $status -eq 75 && ! -f begun && ! -f requeued ]] || fail "SLURM's own requeues go on for ever: status $status"

for wrong in 0 never -1; do
  anew
  RONDO_RESTARTS_MAX=$wrong run 'touch begun; exit 75'
  [[ $status -eq 2 && ! -f begun && $(<output) == *"RONDO_RESTARTS_MAX: need "* ]] || fail "RONDO_RESTARTS_MAX=$wrong: $(<output)"
done

# a copy of checkpoints has a folder for each job too, and is enough to go on from
anew
export RONDO_CHECKPOINT_COPY=$folder/scratch
run "echo \"\$RONDO_CHECKPOINT_COPY\" >seen; $begins; exit 137"
expect 137 0 "nothing to go on from in either place"
[[ $(<seen) == "$folder/scratch/7" ]] || fail "the copy goes to $(<seen)"
requeues=0
for round in 1 2 3 4 5; do
  run "RONDO_CHECKPOINT=\$RONDO_CHECKPOINT_COPY/run-0-1 checkpoint $round $round; $begins; exit 137"
  expect 0 "$round" "a rank is killed, and the copy has a new round"
done
unset RONDO_CHECKPOINT_COPY

# without a count there is no further start; one that cannot be read counts for nothing
anew
mkdir --parents checkpoints/7/starts
run 'exit 75'
expect 75 0 "starts cannot be counted"
grep -q 'cannot be counted; giving up' output || fail "gave up without a word: $(<output)"
anew
mkdir --parents checkpoints/7
echo 'abc ' >checkpoints/7/starts
run 'exit 75'
expect 0 1 "a count that is none"
status=0
RONDO_CHECKPOINTS=/proc/nowhere bash "$script" 'touch begun' 2>output || status=$?
[[ $status -eq 2 && ! -f begun && $(<output) == *'RONDO_CHECKPOINTS: need a folder'* ]] || fail "no folder: status $status, $(<output)"

# what a site needs is its own business
anew
# shellcheck disable=SC2016  # for the inner shell
echo 'export SITE_SEES="$NOBODY_SETS_THIS."' >site.env
# shellcheck disable=SC2016  # for the inner shell
RONDO_SITE=$folder/site.env run 'echo "$SITE_SEES" >seen'
expect 0 0 "a site.env that reads what is not set"
[[ $(<seen) == . ]] || fail "site.env was not read"

# scancel: the run gets USR2, may checkpoint, and is not started again
anew
bash "$script" 'trap "rm told; exit 75" USR2; touch told; while :; do sleep 0.01; done' 2>output &
job=$!
until [[ -f told ]]; do sleep 0.01; done
kill -TERM "$job"
status=0
wait "$job" || status=$?
[[ $status -eq 75 && ! -f told && ! -f requeued ]] || fail "cancelled: status $status"
# and a preemption, which looks the same, is nothing against it
read -r counted _ <checkpoints/7/starts
[[ $counted -eq 0 ]] || fail "a turn that was ended by TERM counts"
echo "resumable_test.sh: all as it should be"
