# Runs under mpirun that are interrupted, and go on with other numbers of ranks, end with the result of an uninterrupted run:
#   bash restart.sh JOURNEY mpirun -np
set -euo pipefail
journey=$1
launcher=("${@:2}")
folder=$(mktemp -d "${TMPDIR:-/tmp}/rondo_restart.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
  echo "restart.sh: $1" >&2
  cat output >&2
  exit 1
}

"$journey" --result=result
expected=$(<result)
for first in 1 2 3 7; do
  rm -rf kept log
  # USR2 at step 5, from the rank itself; then KILL at step 8, with a checkpoint every round
  status=0
  "${launcher[@]}" "$first" "$journey" --rondo-checkpoint=kept --kill=5:12 --log=log >output 2>&1 || status=$?
  [[ $status -eq 75 ]] || fail "$first ranks: status $status, expected 75"
  for second in 1 2 3 7; do
    rm -rf used result
    cp -r kept used
    "${launcher[@]}" "$second" "$journey" --rondo-checkpoint=used --result=result --log=log >output 2>&1 ||
      fail "$first ranks, then $second: status $?"
    [[ $(<result) == "$expected" ]] || fail "$first ranks, then $second: result $(<result), expected $expected"
  done
  [[ $(grep --count '^resumed at 6' log) -eq 4 ]] || fail "$first ranks: not every run went on from step 6"
done

# killed without a word, twice
rm -rf kept log
for step in 4 8; do
  "${launcher[@]}" 3 "$journey" --rondo-checkpoint=kept --rondo-checkpoint-every=1r --kill=$step:9 --log=log >output 2>&1 &&
    fail "the run was not killed"
done
"${launcher[@]}" 2 "$journey" --rondo-checkpoint=kept --result=result --log=log >output 2>&1 || fail "status $?"
[[ $(<result) == "$expected" ]] || fail "killed twice: result $(<result), expected $expected"
echo "restart.sh: all ends are the same: $expected"
