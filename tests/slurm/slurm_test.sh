# The job scripts on a real SLURM, one machine playing a cluster:
#   bash slurm_test.sh JOURNEY SCENARIO
# Where namespaces are not allowed it says so and passes, but not where CI=true: there it must run.
set -euo pipefail
journey=$1
scenario=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/cluster.sh"

cluster_or_skip "slurm_test.sh $scenario"

folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_slurm.XXXXXX")
cluster_up_begun=
finish() {
  local status=$?
  if [[ $status -ne 0 && -d $folder/job ]]; then tail -n 40 "$folder"/job/{output-*,log} "$folder"/cluster/log/slurm{ctld,d.*}.log >&2 || true; fi
  if [[ -n $cluster_up_begun ]]; then cluster_down; fi
  rm -rf "$folder"
  exit "$status"
}
trap finish EXIT

fail() {
  echo "slurm_test.sh $scenario: $1" >&2
  exit 1
}

up() {
  cluster_up_begun=yes
  cluster_up "$folder/cluster" "$@"
}

# What a job needs on this machine: it runs as root, with fewer cores than SLURM is told.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMPI_MCA_mpi_yield_when_idle=1
# jobs of two clusters may have the same numbers and node names, and by these Open MPI names what it keeps
export OMPI_MCA_orte_tmpdir_base=$folder/ompi
mkdir "$folder/ompi"
# all communication between nodes over their own network
export OMPI_MCA_btl_tcp_if_include=eth0 OMPI_MCA_oob_tcp_if_include=eth0

mkdir -p "$folder/job"
cp -r "$here/../../slurm" "$folder/job/slurm"
cd "$folder/job"
cp slurm/site.env.example slurm/site.env
steps=12
if [[ $scenario == recover* ]]; then steps=40; fi
"$journey" --steps=$steps --result=expected --rondo-workers=2

# submit OPTIONS... SCRIPT ARGUMENTS...: sets `job` and `output`.
submit() {
  job=$(in_cluster sbatch --parsable --output="$PWD/output-%j" "$@")
  output=output-$job
}
state() { in_cluster squeue --noheader --states=all --jobs="$job" --format=%T; }
# counted TEXT FILE N: the file has so many lines with the text at least.
counted() { [[ -f $2 && $(grep --count -- "$1" "$2") -ge $3 ]]; }
complete_checkpoint() { compgen -G 'checkpoints/*/checkpoint-*/manifest' >/dev/null; }

# Until the job is in one of these states (as in "COMPLETED|FAILED"), for so many seconds.
reach() {
  local wanted=$1 end=$((SECONDS + $2)) now
  while true; do
    now=$(state)
    [[ ! $now =~ ^($wanted)$ ]] || return 0
    [[ ! $now =~ ^(FAILED|CANCELLED|TIMEOUT|NODE_FAIL|COMPLETED)$ ]] || break
    ((SECONDS < end)) || break
    sleep 0.1
  done
  cat output-* >&2
  fail "the job is $now, expected $wanted"
}
same() { cmp --silent expected result || fail "result $(cat result), expected $(<expected)"; }
# Three nodes of two ranks, all in the middle of a round. That every state of a node has a copy on another one is what the
# end of the run shows.
recovering_job() {
  up 3 4
  sed -i 's|^RONDO_LAUNCHER=.*|RONDO_LAUNCHER=slurm/rondo-run|' slurm/site.env
  export RONDO_RECOVER_DEADLINE=3
  submit --no-kill --nodes=3 --ntasks-per-node=2 slurm/run.sbatch "$journey" --steps=$steps --result=result --log=log \
    --hold=hold --pause=5
  wait_for counted 'step 5' log 1
  for node in node1 node2 node3; do
    if no_ranks "$node"; then fail "no ranks are seen on $node"; fi
  done
}
gives_up_node2() {
  for rank in 2 3; do wait_for counted "rank $rank says nothing" "$output" 1; done
}
# left NODE COMMAND...: whether a process on the node has another name than these.
left() {
  local command
  for command in $(cluster_commands "$1"); do
    [[ " ${*:2} " == *" $command "* ]] || return 0
  done
  return 1
}
# nothing_left NODE...: nothing of the program, its launcher or the job.
nothing_left() {
  local node
  for node in "$@"; do
    if left "$node" bash sleep slurmd; then return 1; fi
  done
}
no_ranks() { [[ " $(cluster_commands "$1" | tr '\n' ' ') " != *" journey "* ]]; }
wait_for() {
  local end=$((SECONDS + 60))
  until "$@"; do
    ((SECONDS < end)) || fail "waited in vain for: $*"
    sleep 0.05
  done
}

case $scenario in
  two_nodes) # 2 nodes of 2 ranks end as the local run does
    up 2 4
    submit --nodes=2 --ntasks-per-node=2 slurm/run.sbatch "$journey" --result=result
    reach COMPLETED 60
    same
    ;;
  srun) # the same where srun starts the ranks
    up 2 4
    in_cluster srun --mpi=list 2>&1 | grep -q pmix || fail "this SLURM has no PMIx"
    sed -i 's/^RONDO_LAUNCHER=.*/RONDO_LAUNCHER="srun --mpi=pmix"/' slurm/site.env
    submit --nodes=2 --ntasks-per-node=2 slurm/run.sbatch "$journey" --result=result
    reach COMPLETED 60
    same
    # and where it starts processes that cannot see each other: none of them is a run
    rm result
    sed -i 's/^RONDO_LAUNCHER=.*/RONDO_LAUNCHER="srun --mpi=none"/' slurm/site.env
    submit --nodes=2 --ntasks-per-node=2 slurm/run.sbatch "$journey" --result=result --rondo-checkpoint=checkpoints
    reach FAILED 60
    counted 'srun has started 4 processes, but Open MPI' "$output" 1 || fail "nothing is told of the processes"
    [[ ! -e result && ! -e checkpoints ]] || fail "processes that cannot see each other have run"
    # a batch script that starts one process runs it, whatever number of tasks it was given
    submit --nodes=2 --ntasks-per-node=2 --wrap "'$journey' --result=result --rondo-workers=2"
    reach COMPLETED 60
    same
    ;;
  walltime) # warned before the limit, twice: each time it leaves, and goes on in another turn
    up 2 4
    touch hold
    submit --nodes=2 --ntasks-per-node=2 --time=1 --signal=B:USR2@55 slurm/run_resumable.sbatch "$journey" \
      --result=result --log=log --hold=hold
    for turn in 1 2; do
      wait_for counted 'Forwarding signal' "$output" "$turn"
      rm hold # so the round ends
      wait_for counted 'back into the queue' "$output" "$turn"
      [[ $turn -eq 2 ]] || touch hold
    done
    reach COMPLETED 60
    [[ $(grep --count resumed log) -ge 2 ]] || fail "resumed less than twice"
    same
    ;;
  requeue) # an operator's scontrol requeue in the middle of a round, and in the next turn a rank that is killed
    up 2 4
    submit --nodes=2 --ntasks-per-node=2 slurm/run_resumable.sbatch "$journey" --result=result --log=log --hold=hold \
      --pause=5 --rondo-checkpoint-every=1r
    wait_for counted 'step 5' log 1
    wait_for complete_checkpoint
    in_cluster scontrol requeue "$job"
    reach PENDING 20
    wait_for counted resumed log 1
    victim=$(cluster_processes node2 journey | head --lines=1)
    kill -KILL "$victim"
    wait_for counted 'status 137 after start 2; back into the queue' "$output" 1
    rm hold
    reach COMPLETED 60
    counted resumed log 2 || fail "it began anew"
    same
    ;;
  node_lost) # the power of a node goes in the middle of a round; the others take its place
    up 3 4
    submit --nodes=2 --ntasks-per-node=2 slurm/run_resumable.sbatch "$journey" --result=result --log=log --hold=hold \
      --pause=5 --rondo-checkpoint-every=1r
    wait_for counted 'step 5' log 1
    wait_for complete_checkpoint
    cluster_kill node2
    wait_for counted 'back into the queue' "$output" 1
    rm hold
    reach COMPLETED 90
    counted resumed log 1 || fail "it began anew"
    same
    ;;
  first_node_lost) # the node of rank 0 and of the batch script: SLURM requeues by itself
    up 3 4
    submit --nodes=2 --ntasks-per-node=2 slurm/run_resumable.sbatch "$journey" --result=result --log=log --hold=hold \
      --pause=5 --rondo-checkpoint-every=1r
    wait_for counted 'step 5' log 1
    wait_for complete_checkpoint
    cluster_kill node1
    rm hold
    reach COMPLETED 120
    counted resumed log 1 || fail "it began anew"
    same
    ;;
  recover) # the power of a node goes in the middle of a round, and the run goes on without it, in the same job
    recovering_job
    cluster_kill node2
    gives_up_node2
    rm hold
    reach COMPLETED 60
    same
    wait_for nothing_left node1 node3
    ;;
  recover_cut) # the same for a cable: nobody closes a connection, and the ranks behind it go by themselves
    export RONDO_ORPHAN=5
    recovering_job
    cluster_cut node2
    gives_up_node2
    rm hold
    reach COMPLETED 60
    same
    wait_for nothing_left node1 node3
    wait_for no_ranks node2
    ;;
  many_ranks) # 36 ranks, far more than this machine has cores
    up 2 18
    submit --nodes=2 --ntasks-per-node=18 slurm/run.sbatch "$journey" --result=result
    reach COMPLETED 100
    same
    ;;
  sweep_and_scaling) # the other two scripts
    up 2 4
    printf -- '--result=result-1 --steps=12\n--result=result-2 --steps=13\n' >parameters.txt
    submit --array=1-2 --ntasks=2 slurm/array.sbatch parameters.txt "$journey"
    wait_for test -s result-1
    wait_for test -s result-2
    cmp expected result-1 || fail "the sweep's first run has another result"
    if cmp --silent expected result-2; then fail "the sweep's second run has the result of the first"; fi
    submit --nodes=2 --ntasks-per-node=2 slurm/scaling.sbatch "$journey" --result=result
    reach COMPLETED 60
    same
    [[ $(wc -l <"scaling-$job.csv") -eq 3 ]] || fail "scaling has not two results: $(cat scaling-*.csv)"
    grep -q '<polyline' "scaling-$job.svg" || fail "there is no plot"
    ;;
  *) fail "there is no such scenario" ;;
esac
echo "slurm_test.sh $scenario: as it should be"
