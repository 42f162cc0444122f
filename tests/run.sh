#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test. The last line is "N passed, N failed, N skipped"; each skip's
# reason and each failure's output stand above it. Exit code 0 only when nothing failed.
#
#   DSK_FUZZ_SECONDS=10   how long each fuzz target searches
set -u
cd "$(dirname "$0")/.."
. tests/env.sh
fuzz_seconds=${DSK_FUZZ_SECONDS:-10}
logs=build/logs
mkdir -p "$logs"
rm -rf "$logs/java"

passed=0 failed=0 skipped=0 complete=no
finish() {
  if [ $complete = no ]; then
    echo "FAILED: the run did not reach its end"
    failed=$((failed + 1))
  fi
  echo "took $SECONDS s"
  echo "$passed passed, $failed failed, $skipped skipped"
  [ $failed = 0 ] || exit 1
  exit 0
}
trap finish EXIT
trap 'exit 130' INT TERM

stage() { echo "== $1 (at $SECONDS s)"; }

log_of() { echo "$logs/${1//[^A-Za-z0-9_.-]/_}.log"; }

# count NAME CODE: one test that ended. Exit code 77 skips it; the last line of its output is the reason.
count() {
  local name=$1 code=$2 log
  log=$(log_of "$name")
  case $code in
    0) passed=$((passed + 1)) ;;
    77)
      skipped=$((skipped + 1))
      echo "skipped: $name: $(tail -n 1 "$log")"
      ;;
    *)
      failed=$((failed + 1))
      echo "FAILED: $name (exit $code)"
      tail -n 60 "$log" | sed 's/^/    /'
      ;;
  esac
  return "$code"
}

# check NAME COMMAND...: one test.
check() {
  local name=$1
  shift
  "$@" >"$(log_of "$name")" 2>&1
  count "$name" $?
}

# begin NAME COMMAND...: one test beside those that were begun, as many at a time as there are cores; `collect` counts them.
begun=()
begin() {
  local name=$1 log
  log=$(log_of "$name")
  shift
  while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
  rm -f "$log.code"
  { "$@" >"$log" 2>&1; echo $? >"$log.code"; } &
  begun+=("$name")
}
collect() {
  wait
  for name in "${begun[@]}"; do count "$name" "$(cat "$(log_of "$name").code" || echo 1)"; done
  begun=()
}

# add KIND FILE: the counts of a runner's report.
add() {
  local counts
  if ! counts=$(python3 tests/count.py "$1" "$2" 2>"$logs/count.log"); then
    cat "$logs/count.log"
    echo "FAILED: $1 left no report"
    failed=$((failed + 1))
    return
  fi
  cat "$logs/count.log"
  read -r p f s <<<"$counts"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# build PRESET TARGET [ARGUMENT...]: configures and builds with the parts that this tree has.
build() {
  local preset=$1 target=$2
  shift 2
  [ -e lib/cli/CMakeLists.txt ] || set -- "$@" -DDSK_BUILD_CLI=OFF
  [ ! -e examples/CMakeLists.txt ] || set -- "$@" -DDSK_BUILD_EXAMPLES=ON
  check "configure $preset" cmake --preset "$preset" "$@" && check "build $preset" cmake --build --preset "$preset" -j "$(nproc)" --target "$target"
}

# run_ctest NAME ARGUMENT...
run_ctest() {
  local report="$PWD/$logs/ctest-$1.xml" log="$logs/ctest-$1.log"
  shift
  rm -f "$report"
  ctest "$@" --no-tests=error --output-on-failure -j "$(nproc)" --output-junit "$report" --test-output-size-passed 10000000 --test-output-size-failed 10000000 >"$log" 2>&1 ||
    sed -n '/^The following tests FAILED/q;p' "$log" | grep -vE ' Start |   Passed ' | tail -n 200 | sed 's/^/    /'
  add ctest "$report"
}

stage "install"
check "install" bash tests/install.sh || exit 1

stage "rules"
check "dependency rule" bash tests/check_deps.sh
check "formatting" bash tests/check_format.sh

cuda=()
if [ -d cuda ]; then
  stage "CUDA toolkit"
  if check "CUDA toolkit" bash tests/install_cuda.sh; then
    mapfile -t cuda < <(bash tests/install_cuda.sh)
    cuda+=(-DDSK_CUDA=ON)
  fi
fi

# Its download and its disk's waits pass while the compilers work.
begin "PyTorch for the system's Python" bash tests/install.sh torch

stage "GCC, optimised${cuda:+, with the CUDA plugin}"
if build release all "${cuda[@]}"; then
  run_ctest release --preset release
  stage "packages"
  for consumer in find_package pkg-config pkg-config-static deb; do
    check "package $consumer" tests/package/check.sh $consumer build/release
  done
  if [ -e lib/cli/CMakeLists.txt ]; then
    check "package tool" tests/package/check.sh tool build/release
    check "quickstart" env DSK_BUILD=build/release DSK_OUT=build/quickstart-out bash examples/quickstart.sh
  fi
fi

collect # apt-get works alone, and more is installed later

stage "Clang with AddressSanitizer and UndefinedBehaviorSanitizer"
if build fuzz all; then
  run_ctest fuzz --preset fuzz
  stage "fuzzing, $fuzz_seconds s a target"
  for program in build/fuzz/tests/fuzz/fuzz_*; do
    [ -x "$program" ] && [ ! -d "$program" ] || continue
    name=$(basename "$program")
    found=build/fuzz/found/$name
    mkdir -p "$found/corpus"
    begin "$name" "$program" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$found/" \
      -print_final_stats=1 "$found/corpus" "tests/fuzz/corpus/${name#fuzz_}"
  done
  collect
fi

stage "Clang with ThreadSanitizer, the library as a part of another project"
thread=(-G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang-14 -DCMAKE_CXX_COMPILER=clang++-14
  -DCMAKE_C_FLAGS=-fsanitize=thread -DCMAKE_CXX_FLAGS=-fsanitize=thread -DDSK_SANITIZE=thread -DCMAKE_UNITY_BUILD=ON -DDSK_WERROR=ON -DDSK_BUILD_TESTS=ON)
if check "configure subproject" cmake -S tests/package -B build/tsan -DDSK_SOURCE="$PWD" "${thread[@]}" &&
  check "build subproject" cmake --build build/tsan -j "$(nproc)" --target thread_tests consumers; then
  run_ctest tsan --test-dir build/tsan -R '^consumer_'
  run_ctest tsan-threads --test-dir build/tsan -L threads
fi

stage "64-bit Arm, under qemu"
if check "cross build for 64-bit Arm" bash tests/arm64.sh build/arm64 "$PWD/$logs/ctest-arm64.xml" build/release/lib/cli/dsk; then
  add ctest "$logs/ctest-arm64.xml"
fi

if [ -e tests/k8s/go.mod ]; then
  stage "manifests against the Kubernetes types"
  manifests=$PWD/build/quickstart-out/plan.yaml
  [ -e "$manifests" ] && export DSK_MANIFESTS=$manifests
  (cd tests/k8s && go vet ./... && go test -count=1 -json ./...) >"$logs/go.json" 2>"$logs/go.log" ||
    { cat "$logs/go.log"; grep -o '"Output":".*"' "$logs/go.json" | tail -n 60; }
  add go "$logs/go.json"
fi

stage "Go package"
for part in types static outside old missing docs stress; do
  check "Go package, $part" bash tests/bindings/go.sh $part build/release
done
for part in test extender; do
  DSK_REPORT=$PWD/$logs/go-$part.json bash tests/bindings/go.sh $part build/release >"$logs/go-$part.log" 2>&1 || tail -n 80 "$logs/go-$part.log"
  add go "$logs/go-$part.json"
done

stage "Java package"
if check "Java package, build" bash tests/bindings/java.sh build build/release; then
  for part in test jni package old docs stress spring; do
    check "Java package, $part" env DSK_REPORTS="$PWD/$logs/java" bash tests/bindings/java.sh $part build/release
  done
  for report in "$logs"/java/TEST-*.xml; do add pytest "$report"; done
fi

if [ -n "$(find tests bindings -name 'test_*.py' 2>/dev/null)" ]; then
  stage "pytest"
  if check "Python packages" bash tests/install.sh python; then
    check "Python wheel" bash tests/bindings/python.sh build/release
    DSK_BUILD=$PWD/build/release PYTHONPATH=$PWD/build/release/python/site "$DSK_CACHE/python/bin/python" -m pytest -q -rs \
      --junitxml="$logs/pytest.xml" --ignore=bindings/python/tests/test_torch.py tests bindings/python/tests >"$logs/pytest.log" 2>&1 ||
      tail -n 100 "$logs/pytest.log"
    add pytest "$logs/pytest.xml"
    # The same wheel in another Python, with PyTorch and an older numpy.
    PYTHONPATH=$PWD/build/release/python/site /usr/bin/python3 -m pytest -q -rs --junitxml="$logs/torch.xml" \
      bindings/python/tests/test_torch.py bindings/python/tests/test_tp.py >"$logs/torch.log" 2>&1 || tail -n 100 "$logs/torch.log"
    add pytest "$logs/torch.xml"
  fi
fi

if [ -e tests/cuda/single_gpu.sh ]; then
  stage "GPU"
  # Exit code 77 skips, and the last line says why.
  check "CUDA kernels and plans on one GPU" bash -c '
    command -v nvidia-smi >/dev/null && nvidia-smi -L | grep -q GPU || { echo "no NVIDIA GPU on this machine"; exit 77; }
    mkdir -p build/gpu && find build/release -name libdsk_backend_cuda.so -o -name gpu_suite -type f | xargs cp -t build/gpu &&
    bash tests/cuda/single_gpu.sh build/gpu'
fi

complete=yes
