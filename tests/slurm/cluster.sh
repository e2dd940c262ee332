# shellcheck shell=bash
# A SLURM cluster on one machine: munged, slurmctld, and nodes that are namespaces, each with its own network, host name,
# processes and /dev/shm, so that one can lose its power or its cable. Needs root. Sourced; everything is started and stopped
# by process id, and lives in one folder.
#
#   cluster_or_skip WHO             ends the process where that cannot be
#   cluster_up FOLDER NODES CPUS    raises it; then `in_cluster sbatch ...` runs a command where it reaches the cluster
#   cluster_kill NAME               the power of a node goes
#   cluster_cut NAME                the cable of a node goes, its processes live on
#   cluster_processes NAME COMMAND  the ids of all processes of this name on a node
#   cluster_commands NAME           the names of all processes on a node
#   cluster_down                    takes down what cluster_up raised

# Whether this user may make namespaces here.
cluster_possible() {
  [[ $(id -u) -eq 0 ]] && unshare --net --uts --mount --pid --fork true 2>/dev/null &&
    ip netns add "rondo_probe_$$" 2>/dev/null && ip netns delete "rondo_probe_$$"
}

# cluster_or_skip WHO: ends this process if there can be no cluster here.
cluster_or_skip() {
  if ! command -v slurmctld munged ip unshare nsenter >/dev/null || ! cluster_possible; then
    echo "##### $1 DID NOT RUN: it needs root, namespaces, and the packages slurm-wlm munge iproute2" >&2
    [[ ${CI:-} != true ]] || exit 1
    exit 0
  fi
}

in_cluster() { SLURM_CONF=$cluster/slurm.conf nsenter --net="/run/netns/${cluster_prefix}_control" "$@"; }

cluster_up() {
  cluster=$1
  local nodes=$2 cpus=$3 i
  cluster_prefix=rondo_$$
  mkdir -p "$cluster"/{state,log,pid,spool,munge,pmix}
  touch "$cluster/daemons"
  cluster_guard
  chmod 755 "$cluster" "$cluster"/*
  head -c 1024 /dev/urandom >"$cluster/munge/key"
  chmod 600 "$cluster/munge/key"
  cluster_configure "$nodes" "$cpus"

  local control=${cluster_prefix}_control
  ip netns add "$control"
  ip -n "$control" link set lo up
  ip -n "$control" link add bridge0 type bridge
  ip -n "$control" address add 10.77.0.254/24 dev bridge0
  ip -n "$control" link set bridge0 up
  munged --foreground --force --key-file="$cluster/munge/key" --socket="$cluster/munge/socket" \
    --pid-file="$cluster/munge/pid" --log-file="$cluster/log/munged.log" --seed-file="$cluster/munge/seed" \
    --num-threads=2 >"$cluster/log/munged.out" 2>&1 &
  echo $! >>"$cluster/daemons"
  cluster_wait "munged" test -S "$cluster/munge/socket"
  # not by in_cluster: a function in the background is a shell of its own, and its process id not that of slurmctld
  # shellcheck disable=SC2016  # for the inner shell
  SLURM_CONF=$cluster/slurm.conf nsenter --net="/run/netns/$control" \
    unshare --uts sh -c 'hostname control && exec slurmctld -D -c -f "$0"' "$cluster/slurm.conf" \
    >"$cluster/log/slurmctld.out" 2>&1 &
  echo $! >>"$cluster/daemons"
  for ((i = 1; i <= nodes; i++)); do
    local net=${cluster_prefix}_node$i
    ip netns add "$net"
    ip -n "$control" link add "port$i" type veth peer name eth0 netns "$net"
    ip -n "$control" link set "port$i" master bridge0 up
    ip -n "$net" address add "10.77.0.$i/24" dev eth0
    ip -n "$net" link set eth0 up
    ip -n "$net" link set lo up
    setsid nsenter --net="/run/netns/$net" unshare --uts --mount --pid --fork --kill-child=KILL --mount-proc \
      bash "$cluster/node.sh" "node$i" >"$cluster/log/node$i.out" 2>&1 </dev/null &
    echo $! >"$cluster/pid/node$i"
  done
  cluster_wait "$nodes idle nodes" cluster_idle "$nodes"
}

cluster_configure() {
  local nodes=$1 cpus=$2 i
  {
    cat <<END
ClusterName=rondo
SlurmctldHost=control(10.77.0.254)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$cluster/munge/socket,cred_expire=5
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool/%n
SlurmctldPidFile=$cluster/pid/slurmctld
SlurmdPidFile=$cluster/pid/slurmd.%n
SlurmctldLogFile=$cluster/log/slurmctld.log
SlurmdLogFile=$cluster/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MinJobAge=3600
JobRequeue=1
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,sched_min_interval=100000,batch_sched_delay=0
MessageTimeout=10
END
    for ((i = 1; i <= nodes; i++)); do
      echo "NodeName=node$i NodeHostname=node$i NodeAddr=10.77.0.$i Port=17000 CPUs=$cpus RealMemory=2000 State=UNKNOWN"
    done
    echo "PartitionName=main Nodes=node[1-$nodes] Default=YES MaxTime=INFINITE State=UP"
  } >"$cluster/slurm.conf"
  echo "PMIxCliTmpDirBase=$cluster/pmix" >"$cluster/mpi.conf"
  {
    echo "127.0.0.1 localhost"
    echo "10.77.0.254 control"
    for ((i = 1; i <= nodes; i++)); do echo "10.77.0.$i node$i"; done
  } >"$cluster/hosts"
  # what runs as process 1 of a node: bash reaps the orphans
  cat >"$cluster/node.sh" <<END
hostname "\$1"
mount -t tmpfs -o size=1g,mode=1777 tmpfs /dev/shm
mount --bind "$cluster/hosts" /etc/hosts
mkdir "$cluster/pmix.\$1"
mount --bind "$cluster/pmix.\$1" "$cluster/pmix"
slurmd -f "$cluster/slurm.conf" -N "\$1"
while :; do
  sleep 100000 &
  wait
done
END
}

# cluster_wait WHAT COMMAND...: until the command is true, for 60 s at the most.
cluster_wait() {
  local what=$1 end=$((SECONDS + 60))
  until "${@:2}" 2>/dev/null; do
    if ((SECONDS >= end)); then
      echo "cluster.sh: waited in vain for $what" >&2
      tail -n 20 "$cluster"/log/* >&2
      return 1
    fi
    sleep 0.05
  done
}

cluster_idle() { [[ $(in_cluster sinfo --noheader --Node --format=%t | grep --count --line-regexp idle) -eq $1 ]]; }

cluster_kill() {
  local process
  process=$(<"$cluster/pid/$1")
  kill -KILL "$process" # the --kill-child of unshare takes the whole node along
  wait "$process" 2>/dev/null || true
  rm "$cluster/pid/$1"
}

cluster_cut() { ip -n "${cluster_prefix}_control" link set "port${1#node}" down; }

# Of a node that has its power: all that share its namespace of processes, each as its id and its name.
cluster_list() {
  local first space process name
  first=$(pgrep --parent "$(<"$cluster/pid/$1")") || return 0
  space=$(readlink "/proc/$first/ns/pid") || return 0
  for process in /proc/[0-9]*; do
    [[ $(readlink "$process/ns/pid" 2>/dev/null) == "$space" ]] || continue
    if name=$(cat "$process/comm" 2>/dev/null); then echo "${process#/proc/} $name"; fi
  done
}
cluster_commands() { cluster_list "$1" | cut --delimiter=' ' --fields=2-; }
cluster_processes() { cluster_list "$1" | sed -n "s/ $2\$//p"; }

cluster_down() {
  local file process net
  for file in "$cluster"/pid/node*; do
    [[ -f $file ]] || continue
    process=$(<"$file")
    kill -KILL "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  while read -r process; do
    kill -TERM "$process" 2>/dev/null || continue # slurmctld takes its helper process along
    timeout 5 tail --pid="$process" --follow /dev/null || kill -KILL "$process" || true
    wait "$process" 2>/dev/null || true
  done <"$cluster/daemons"
  for net in $(ip netns list | awk '{print $1}' | grep "^${cluster_prefix}_"); do ip netns delete "$net"; done
  rm -rf "$cluster"
}

# Should this process be killed, its cluster goes too. Not a child of it: who kills a test, kills its children as well.
cluster_guard() {
  # shellcheck disable=SC2016  # for the inner shell
  setsid --fork bash -c '
    while [[ -d $1 ]] && kill -0 "$3" 2>/dev/null; do sleep 0.5; done
    source "$0"
    cluster=$1
    cluster_prefix=$2
    if [[ -d $cluster ]]; then cluster_down; fi
  ' "$(realpath "${BASH_SOURCE[0]}")" "$cluster" "$cluster_prefix" $$ >/dev/null 2>&1 </dev/null
}
