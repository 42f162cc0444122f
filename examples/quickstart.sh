#!/usr/bin/env bash
# From a fresh clone to a plan: installs what is missing, builds the library and the tool, and plans DeepSeek-R1 for an SLA
# on three kinds of GPU. Leaves plan.json, plan.yaml (Kubernetes) and the engine's start command in out/.
#
#   DSK_BUILD=DIR  use the tool that is built there already      DSK_OUT=DIR  write there instead of out/
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${DSK_BUILD-}" ]; then
  bash tests/install.sh build
  DSK_BUILD=build/quickstart
  # -O1: a first look should not wait for the optimiser; tests/run.sh builds what is installed.
  cmake -S . -B $DSK_BUILD -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG" >/dev/null
  # Where libcurl is, the load generator's module too.
  targets=(dsk-cli)
  if cmake --build $DSK_BUILD --target help | grep -q '^dsk_load_http:'; then targets+=(dsk_load_http); fi
  cmake --build $DSK_BUILD --target "${targets[@]}"
fi

out=${DSK_OUT-out}
"$DSK_BUILD/lib/cli/dsk" plan \
  --model-config examples/models/deepseek-r1/config.json \
  --device h200-sxm --device h20 --device b200 \
  --input 2048 --output 512 --rate 10 --ttft-ms 2000 --tpot-ms 50 \
  --out-dir "$out"
