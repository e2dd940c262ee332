# Builds Rondo and runs its tests; ends with the summary of CTest and a status that is 0 only if every test ran and passed.
#   bash tests/run.sh [build...]
# The builds, in the order in which they run by default:
#   thread        some of the tests, built without MPI, under ThreadSanitizer
#   address       some of the tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   clang         some of the tests, the examples and outside projects, by Clang 16, with shared libraries; no warnings
#   release       everything
#   benchmarks    the quick set: nobody does other work than the others, and no ratio is off its target by more than 1.5
# Installs missing packages first (Debian 12; as root, or with sudo).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Below tests/, what the builds beside the release build have of them: folders, or targets. Under ThreadSanitizer: threads that
# share something. Under AddressSanitizer: memory handled by hand, coroutines, lifetimes. The rest would only take long.
thread_parts=(recovery stream transport property any_order stealing idle error serialization_failure stream_on_ranks
              exception_text check marker meeting launch)
address_parts=(checkpoint engine_chaos property deep_states serialization_failure stream_on_ranks copy_memory exception_text durability
               working_folder serialization_damage stream_threads stream_evaluator stream_coroutines stream_errors
               stream_unread)
# By the other compiler: what compiles differently (headers, templates, coroutines), and what users build.
clang_parts=(headers docs serialization consumer/shared checking_kernel scheduler_property stream_coroutines stream_evaluator)
# Random programs for each property test under a sanitizer, which makes them ten times slower; the release build has them all.
sanitized_seeds=30
# Not optimised further than it takes to run in reasonable time, and several sources at once, as that halves the time to compile;
# with assertions.
sanitized=(-D CMAKE_CXX_FLAGS_RELEASE=-O1 -D CMAKE_UNITY_BUILD=ON -D RONDO_EXAMPLES=OFF -D RONDO_INSTALL=OFF)
# Left out of these parts: what only tries to compile, what crashes on purpose (the sanitizers have their own say then),
# other numbers of ranks than 3, and what runs on so many that it takes long.
parts_exclude='refuses|mistake|^program|np[1267]|np36'

cores=$(nproc)
builds=("$@")
[[ ${#builds[@]} -gt 0 ]] || builds=(thread address clang release benchmarks)

packages=(clang-format doxygen)
if [[ " ${builds[*]} " == *" clang "* ]]; then packages+=(clang-16); fi
bash framework/install_packages.sh "${packages[@]}"
separate_headers=OFF
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  separate_headers=ON  # ccache does not keep what uses a precompiled header
fi

# ThreadSanitizer and AddressSanitizer of GCC 12 do not know the address layouts of newer kernels: they need a fixed one.
fixed_layout=()
if setarch "$(uname -m)" -R true 2>/dev/null; then fixed_layout=(setarch "$(uname -m)" -R); fi
export TSAN_OPTIONS=halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1

# configure FOLDER [options]: a build that is there keeps its generator.
configure() {
  local folder=$1 generator=()
  [[ -f $folder/CMakeCache.txt ]] || generator=(-G Ninja)
  cmake -S . -B "$folder" "${generator[@]}" -D CMAKE_BUILD_TYPE=Release \
    -D CMAKE_DISABLE_PRECOMPILE_HEADERS="$separate_headers" "${@:2}" >/dev/null
}

# run_tests FOLDER AT_A_TIME [options of ctest]: a test that CTest skipped or could not start is a failure too.
run_tests() {
  local folder=$1 log status=0
  log=$(mktemp)
  "${fixed_layout[@]}" ctest --test-dir "$folder" --no-tests=error --output-on-failure --parallel "$2" "${@:3}" |
    tee "$log" || status=1
  if grep --quiet 'tests did not run' "$log"; then status=1; fi
  rm -f "$log"
  return "$status"
}

# test_parts FOLDER PART...: all tests of all parts at once, so that a long one of one part runs beside those of the others.
test_parts() {
  local folder=$1 part targets=() tests=()
  for part in "${@:2}"; do
    if [[ -d tests/$part ]]; then
      targets+=("tests/$part/all")
      mapfile -t -O "${#tests[@]}" tests < <(ctest --test-dir "$folder/tests/$part" --show-only --exclude-regex "$parts_exclude" |
        sed -n 's/^ *Test *#[0-9]*: //p')
    else
      targets+=("${part}_test")
      tests+=("$part" "$part.np3" "$part.np4")
    fi
  done
  cmake --build "$folder" --parallel "$cores" --target "${targets[@]}"
  run_tests "$folder" "$cores" --tests-regex "^($(IFS='|' && echo "${tests[*]//./[.]}"))\$"
}

# test_all FOLDER: tests that wait beside those that compute.
test_all() {
  local folder=$1 log waiting status=0
  log=$(mktemp)
  # from a folder of their own: ctest keeps its notes where it runs
  run_tests "$folder/tests" $((2 * cores)) --label-regex waits >"$log" 2>&1 &
  waiting=$!
  run_tests "$folder" $((cores + 1)) --label-exclude waits || status=1
  wait "$waiting" || status=1
  cat "$log"
  rm -f "$log"
  return "$status"
}

build_and_test() {
  case $1 in
    release)
      configure build
      cmake --build build --parallel "$cores"
      test_all build
      ;;
    thread)
      configure build/thread -D RONDO_SANITIZE=thread -D RONDO_MPI=OFF "${sanitized[@]}"
      RONDO_TEST_SEEDS=$sanitized_seeds test_parts build/thread "${thread_parts[@]}"
      ;;
    address)
      configure build/address -D RONDO_SANITIZE=address,undefined "${sanitized[@]}"
      RONDO_TEST_SEEDS=$sanitized_seeds test_parts build/address "${address_parts[@]}"
      ;;
    clang)
      parts_exclude='np[1267]'
      configure build/clang -D CMAKE_CXX_COMPILER=clang++-16 -D BUILD_SHARED_LIBS=ON -D CMAKE_CXX_FLAGS_RELEASE=-O1 \
        -D CMAKE_COMPILE_WARNING_AS_ERROR=ON -D CMAKE_UNITY_BUILD=ON
      cmake --build build/clang --parallel "$cores" --target framework/all examples/all
      run_tests build/clang "$cores" --tests-regex '^(example[.]|consumer[.](install|find_package|pkg_config|stream))'
      test_parts build/clang "${clang_parts[@]}"
      ;;
    benchmarks)
      # one run on a busy machine says little: a ratio fails that is off in three
      bash tests/benchmarks/run.sh --quick --attempts 3
      ;;
    *)
      echo "tests/run.sh: there is no build '$1'; there are thread, address, clang, release and benchmarks" >&2
      return 1
      ;;
  esac
}

failed=()
for build in "${builds[@]}"; do
  echo "== $build"
  SECONDS=0
  set +e  # bash ignores -e inside conditions, so the status is taken after
  (
    set -e
    build_and_test "$build"
  )
  status=$?
  set -e
  echo "== $build: $SECONDS s, status $status"
  [[ $status -eq 0 ]] || failed+=("$build")
done
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "tests/run.sh: failed: ${failed[*]}" >&2
  exit 1
fi
