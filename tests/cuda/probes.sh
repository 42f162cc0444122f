#!/usr/bin/env bash
# probes.sh FOLDER OUT: everything that the probes promise, on a machine with one GPU, in one call of about eight minutes:
# before/after, quick twice, both models' linear layers, full as far as time allows, calibrations checked on layers that they
# have not seen, and the same streams and products by hand-written kernels and by PyTorch beside ours. FOLDER holds dsk, its
# libraries, libdsk_backend_cuda.so and (if built) gpu_bench. All results lie in OUT; a summary is printed last.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd) folder=$(cd "$1" && pwd) out=$2
dsk=$folder/dsk
export DSK_BACKEND_PATH=$folder
. "$here/libraries.sh"
LD_LIBRARY_PATH=$folder:$LD_LIBRARY_PATH
device=${DSK_DEVICE_NAME:-h200-sxm}
limit=${DSK_PROBES_LIMIT:-480}
mkdir -p "$out"
cd "$out" || exit 1
say() { echo "== $1 (at $SECONDS s)"; }

{ date -u; nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv; } | tee device.txt
say "before/after"
timeout 60 "$dsk" bench before-after --out before_after.jsonl
say "quick, first run"
begin=$SECONDS
timeout 100 "$dsk" bench quick --out quick-1.jsonl >quick-1.txt
echo "quick took $((SECONDS - begin)) s"
say "quick, second run"
timeout 100 "$dsk" bench quick --out quick-2.jsonl >quick-2.txt
# Only the layers themselves: the names that the suites without a model do not have.
layers() {
  "$dsk" bench quick --model "$1" --tp "$2" --out "layers-$1.jsonl" --only "$3" >"layers-$1.txt"
}
names() { # NAME:NxK...
  local list='' m layer
  for m in 1 16 64 4096; do
    for layer in "$@"; do list+=${list:+,}device/gemm/bf16/${m}x${layer#*:}/graph/${layer%%:*}; done
  done
  echo "$list"
}
say "linear layers that quick does not probe"
layers llama-3.1-8b 1 "$(names qkv:6144x4096 o:4096x4096 gate_up:28672x4096 down:4096x14336)"
layers deepseek-r1 8 "$(names q_a_kv_a:2112x7168 q_b:3072x1536 kv_b:4096x512 o:7168x2048 gate_up:4608x7168 down:7168x2304)"
say "the same streams by hand and by PyTorch"
[ ! -x "$folder/gpu_bench" ] || timeout 60 "$folder/gpu_bench" streams.jsonl streams
timeout 100 python3 "$here/torch_baseline.py" torch.jsonl streams
say "full, for as long as there is time"
timeout $((limit - SECONDS)) "$dsk" bench full --out full.jsonl >full.txt
say "calibration"
for suite in quick-1 full; do
  for model in llama-3.1-8b deepseek-r1; do
    "$dsk" calibrate --device "$device" --from $suite.jsonl --check "layers-$model.jsonl" --out "calibration-$suite-$model.json" >/dev/null &&
      python3 -c '
import json, sys
for product in json.load(open(sys.argv[1]))["products"]:
    print(sys.argv[1], product["type"], "own", product["after"], "unseen", product.get("check"))' "calibration-$suite-$model.json"
  done
done
"$dsk" machine report --from quick-1.jsonl --out-dir report >/dev/null
say "summary"
grep -hE 'memory_|driver_copy|l2_read|8192x8192x8192|kernels|from_host|to_host|sparse' quick-1.txt
echo "-- second run"
grep -hE 'memory_|driver_copy|l2_read|8192x8192x8192' quick-2.txt
grep -hE 'sparse|persistent|all_reduce' full.txt
