#!/usr/bin/env bash
# Cross-builds library and tool for 64-bit Arm into the build folder $1 and runs tests of them under qemu's user mode: the C ABI's,
# the conformance vectors, and the tool, whose answers are the bytes of this machine's build ($3, when given).
# $2 is where CTest writes its JUnit report. Exit code 77 when the cross compiler cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 report=$2 native=${3:-}
if ! bash tests/install.sh arm64; then
  echo "no cross compiler for 64-bit Arm (g++-aarch64-linux-gnu, qemu-user-static, zlib1g-dev:arm64)"
  exit 77
fi
cmake -S . -B "$build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$PWD/lib/cmake/arm64-linux-gnu.cmake" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE="-O1" -DCMAKE_C_FLAGS_RELEASE="-O1" -DDSK_WERROR=ON -DDSK_BUILD_TESTS=ON \
  -DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON # the load generator's module needs a curl of that architecture
tests=(conformance capi_base_test capi_plan_test capi_step_test capi_simulate_test capi_bench_test)
cmake --build "$build" -j "$(nproc)" --target dsk dsk-cli "${tests[@]}"
readelf -h "$build/lib/libdsk.so" | grep -q AArch64
ctest --test-dir "$build" --no-tests=error --output-on-failure --timeout 120 -j "$(nproc)" --output-junit "$report" -R "^($(IFS='|'; echo "${tests[*]}"))\$"
emulated=(timeout 60 qemu-aarch64-static -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=/usr/aarch64-linux-gnu/lib "$build/lib/cli/dsk")
"${emulated[@]}" version
[ -n "$native" ] || exit 0
for question in "cost --devices 80 --hardware-usd 150000 --power-kw 15 --usd-per-kwh 0.12 --operations 0.15" \
  "memory --model deepseek-r1 --device h200-sxm --engine sglang --tp 8" \
  "explain --model deepseek-r1 --device h200-sxm --engine sglang --tp 8 --batch 64 --context 2048"; do
  # shellcheck disable=SC2086  # words
  diff <("${emulated[@]}" $question --json) <("$native" $question --json) >/dev/null || { echo "not the same bytes: dsk $question"; exit 1; }
done
