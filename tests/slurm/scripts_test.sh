# What the job scripts do with an odd environment, an odd site.env and wrong arguments, without a cluster: the launcher and
# `scontrol` are played here.
#   bash scripts_test.sh FOLDER_OF_SCRIPTS
set -euo pipefail
scripts=$(realpath "$1")
folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_scripts.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir bin
# what is started, and where its checkpoints go
# shellcheck disable=SC2016  # for the inner shell
printf '#!/bin/bash\necho "$@" >>started\necho "${RONDO_CHECKPOINT:-}" >checkpoint_folder\n' >bin/play
cp bin/play bin/mpirun
# shellcheck disable=SC2016  # for the inner shell
printf '#!/bin/bash\nif [[ $1 == show ]]; then echo node1; else echo "$@" >>requeued; fi\n' >bin/scontrol
chmod +x bin/*
export PATH=$folder/bin:$PATH RONDO_SITE=none RONDO_LAUNCHER=play SLURM_JOB_ID=7 SLURM_NTASKS=4 SLURM_JOB_NUM_NODES=1
export SLURM_JOB_NODELIST=node1
printf -- '--first 1\n\n--third *\n--last 4' >parameters.txt

fail() {
  echo "scripts_test.sh: $1" >&2
  cat output >&2 || true
  exit 1
}
# run SCRIPT ARGUMENTS...: sets `status`; `started` is what was started.
run() {
  rm -rf started checkpoints
  status=0
  bash "$scripts/$1.sbatch" "${@:2}" >output 2>&1 || status=$?
  started=
  if [[ -f started ]]; then started=$(<started); fi
}
# starts WHAT SCRIPT ARGUMENTS...
starts() {
  run "${@:2}"
  [[ $status -eq 0 && $started == "$1" ]] || fail "${*:2}: status $status, started '$started' in place of '$1'"
}
# refuses TEXT SCRIPT ARGUMENTS...: nothing is started, and one line says why.
refuses() {
  run "${@:2}"
  [[ $status -ne 0 && -z $started ]] || fail "${*:2}: status $status, started '$started'"
  [[ $(wc -l <output) -eq 1 && $(<output) == "$2.sbatch: $1"* ]] || fail "${*:2}: expected '$1'"
}

# a task of an array is one line, and nothing else is
for task in 1 3 4; do
  SLURM_ARRAY_TASK_ID=$task starts "./program --all $(sed -n "${task}p" parameters.txt)" array parameters.txt ./program --all
  [[ $(<checkpoint_folder) == checkpoints/sweep/$task ]] || fail "checkpoints go to $(<checkpoint_folder)"
done
for task in '' 0 -1 1,3 '$' 'x' '1p;2' ' 1' 1.5 '1 ' 0x1; do
  SLURM_ARRAY_TASK_ID=$task refuses "SLURM_ARRAY_TASK_ID: need the number of a line" array parameters.txt ./program
done
refuses "SLURM_ARRAY_TASK_ID: need the number of a line" array parameters.txt ./program
for task in 2 5 100; do
  SLURM_ARRAY_TASK_ID=$task refuses "parameters.txt has no line $task" array parameters.txt ./program
done
SLURM_ARRAY_TASK_ID=1 refuses "need a file of parameters that can be read, got './program'" array ./program parameters.txt
SLURM_ARRAY_TASK_ID=1 refuses "need a file and a program" array parameters.txt

# a launcher and a program there must be
for script in run scaling run_resumable; do refuses "need a program" "$script"; done
for script in run run_resumable; do RONDO_LAUNCHER=' ' refuses "RONDO_LAUNCHER: need a command" "$script" ./program; done
RONDO_REPEAT=0 refuses "RONDO_REPEAT: need a whole number" scaling ./program
SLURM_NTASKS_PER_NODE='2(x3)' refuses "need --ntasks-per-node=N" scaling ./program
SLURM_JOB_ID='' refuses "SLURM_JOB_ID: need the number of a job" run_resumable ./program

# a site.env that ends with a command that fails is told, and what it has set counts
begin() { printf '%s\n' "$@" >site.env; }
export SLURM_ARRAY_TASK_ID=1
for script in run run_resumable scaling; do
  # shellcheck disable=SC2016  # for the script
  begin 'RONDO_LAUNCHER="play --site"' '[[ -n ${NOBODY_SETS_THIS} ]] && export OTHER=1'
  expected='--site ./program'
  if [[ $script == scaling ]]; then expected='--host node1:4 -np 4 ./program'; fi
  RONDO_SITE=$PWD/site.env starts "$expected" "$script" ./program
  grep -q "^$script.sbatch: $PWD/site.env: its last command ended with 1; the job goes on" output || fail "$script: a failing site.env is not told"
done
RONDO_SITE=$PWD/nowhere refuses "RONDO_SITE: need a file, or none" run ./program
# and one that ends well is not
begin 'RONDO_LAUNCHER="play --site"'
RONDO_SITE=$PWD/site.env starts '--site ./program' run ./program
[[ ! -s output ]] || fail "something is told of a site.env that is well"

# whatever the shell is told to do with patterns, by site.env or by the environment, the scripts mean the same: a folder without
# checkpoints has none, and one with some has its newest
odd=('shopt -s nullglob' 'shopt -s failglob' 'shopt -s dotglob nocaseglob nocasematch' 'set -f' 'set -e' 'set -C' 'IFS=:' 'GLOBIGNORE=*')
resumable() {
  local requeues
  rm -rf checkpoints requeued
  for requeues in 1 2; do
    RONDO_LAUNCHER=bash bash "$scripts/run_resumable.sbatch" -c 'exit 75' >output 2>&1 || fail "$1: the job ends"
    [[ $(wc -l <requeued) -eq $requeues ]] || fail "$1: not requeued"
  done
  mkdir checkpoints/7/checkpoint-00000000000{1,2}
  # shellcheck disable=SC2094  # two files
  for requeues in 1 2; do { head -c 24 /dev/zero && printf '%b' "\\x0$requeues" && head -c 100 /dev/zero; } >checkpoints/7/checkpoint-00000000000$requeues/manifest; done
  RONDO_LAUNCHER=bash bash "$scripts/run_resumable.sbatch" -c 'exit 75' >output 2>&1 || fail "$1: the job ends, with checkpoints"
  [[ $(<checkpoints/7/starts) == '1 2' ]] || fail "$1: counted $(<checkpoints/7/starts)"
}
resumable plain
for what in "${odd[@]}"; do
  begin "$what"
  RONDO_SITE=$PWD/site.env resumable "site.env with '$what'"
  RONDO_SITE=$PWD/site.env starts './program --first 1' array parameters.txt ./program
  RONDO_SITE=$PWD/site.env starts './program' run ./program
done
export BASHOPTS SHELLOPTS
for option in nullglob failglob; do
  shopt -s "$option"
  resumable "BASHOPTS with $option"
  SLURM_ARRAY_TASK_ID=3 starts './program --third *' array parameters.txt ./program
  shopt -u "$option"
done
echo "scripts_test.sh: all as it should be"
