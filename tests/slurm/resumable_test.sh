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

for own in 0 1 3 143; do
  anew
  run "exit $own"
  [[ $status -eq $own && $requeues -eq 0 ]] || fail "status $own of the program: $status, $requeues requeues"
done

# to be started again; a node is lost; USR2 came before the run could listen
for way in 'exit 75' 'exit 205' 'kill -USR2 $$'; do
  anew
  run "$way"
  [[ $status -eq 0 && $requeues -eq 1 ]] || fail "$way: status $status, $requeues requeues"
  [[ $(<requeued) == 'requeue 7' ]] || fail "requeued: $(<requeued)"
done
grep -q 'status 140' output || fail "USR2 before the run listens: $(<output)"

# three turns without a new checkpoint are one too many, wherever they come
export RONDO_RESTARTS_MAX=2
anew
for turn in 1 2 3 4 5; do
  run "mkdir -p \$RONDO_CHECKPOINT/checkpoint-$turn && touch \$RONDO_CHECKPOINT/checkpoint-$turn/manifest; exit 75"
  [[ $status -eq 0 && $requeues -eq $turn ]] || fail "it goes forward, and gave up in turn $turn"
done
run 'exit 75'
[[ $status -eq 0 && $requeues -eq 6 ]] || fail "gave up after one turn without a new checkpoint"
run 'exit 75'
[[ $status -eq 75 && $requeues -eq 6 ]] || fail "went on for ever: status $status, $requeues requeues"
grep -q 'giving up' output || fail "gave up without a word: $(<output)"
unset RONDO_RESTARTS_MAX
for turn in 1 2 3; do
  run 'exit 75'
  [[ $status -eq 0 ]] || fail "gave up without a limit"
done

# scancel: the run gets USR2, may checkpoint, and is not started again
anew
bash "$script" 'trap "rm told; exit 75" USR2; touch told; while :; do sleep 0.01; done' 2>output &
job=$!
until [[ -f told ]]; do sleep 0.01; done
kill -TERM "$job"
status=0
wait "$job" || status=$?
[[ $status -eq 75 && ! -f told && ! -f requeued ]] || fail "cancelled: status $status"
echo "resumable_test.sh: all as it should be"
