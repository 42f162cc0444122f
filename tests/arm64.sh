#!/usr/bin/env bash
# Cross-builds library and tool for 64-bit Arm into the build folder $1 and runs tests of them under qemu's user mode:
#   the conformance vectors (the same bytes as on every machine), the C programs, the tool.
# $2 is where CTest writes its JUnit report. Exit code 77 when the cross compiler cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 report=$2
if ! bash tests/install.sh arm64; then
  echo "no cross compiler for 64-bit Arm (g++-aarch64-linux-gnu, qemu-user-static, zlib1g-dev:arm64)"
  exit 77
fi
cmake -S . -B "$build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$PWD/lib/cmake/arm64-linux-gnu.cmake" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_CXX_FLAGS_RELEASE="-O1" -DCMAKE_C_FLAGS_RELEASE="-O1" -DDSK_WERROR=ON -DDSK_BUILD_TESTS=ON -DCMAKE_UNITY_BUILD=ON -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
  -DCMAKE_CXX_FLAGS=-Wno-subobject-linkage `# a unity file is not a header, as GCC takes it to be` \
  -DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON # the load generator's module needs a curl of that architecture
cmake --build "$build" -j "$(nproc)" --target dsk dsk-cli conformance capi_base_test capi_plan_test capi_step_test capi_simulate_test capi_typed_test
readelf -h "$build/lib/libdsk.so" | grep -q AArch64
ctest --test-dir "$build" --no-tests=error --output-on-failure -j "$(nproc)" --output-junit "$report" \
  -R '^(conformance|capi_(base|plan|step|simulate|typed)_test)$'
qemu-aarch64-static -L /usr/aarch64-linux-gnu "$build/lib/cli/dsk" version
