#!/usr/bin/env bash
# probes.sh DSK PLUGIN_FOLDER OUT: everything that the probes promise, on a machine with one GPU, in one call of about eight
# minutes: before/after, quick twice, both models' linear layers, full as far as time allows, calibrations checked on layers
# that they have not seen, and PyTorch's own figures beside ours. All results lie in OUT; a summary is printed last.
set -u
dsk=$1 out=$3
export DSK_BACKEND_PATH=$2
device=${DSK_DEVICE_NAME:-h200-sxm}
mkdir -p "$out"
cd "$out" || exit 1
say() { echo "== $1 (at $SECONDS s)"; }

say "before/after"
timeout 60 "$dsk" bench before-after --out before_after.jsonl
say "quick, first run"
timeout 100 "$dsk" bench quick --out quick-1.jsonl | tee quick-1.txt | tail -n 3
echo "quick took $SECONDS s in all"
say "quick, second run"
timeout 100 "$dsk" bench quick --out quick-2.jsonl >quick-2.txt
# Only the layers themselves: the names that the suites without a model do not have.
layers() {
  "$dsk" bench quick --model "$1" --tp "$2" --out "layers-$1-all.jsonl" --only "$3" >"layers-$1.txt"
  cat "layers-$1-all.jsonl"
}
say "linear layers that quick does not probe"
for m in 1 16 64 4096; do
  for layer in qkv:6144x4096 o:4096x4096 gate_up:28672x4096 down:4096x14336; do
    names="${names-}${names:+,}device/gemm/bf16/${m}x${layer#*:}/graph/${layer%%:*}"
  done
done
layers llama-3.1-8b 1 "$names" >llama.jsonl
names=
for m in 1 16 64 4096; do
  for layer in q_a_kv_a:2112x7168 q_b:3072x1536 kv_b:4096x512 o:7168x2048 gate_up:4608x7168 down:7168x2304; do
    names="$names${names:+,}device/gemm/bf16/${m}x${layer#*:}/graph/${layer%%:*}"
  done
done
layers deepseek-r1 8 "$names" >deepseek.jsonl
say "full, for as long as there is time"
timeout $((470 - SECONDS)) "$dsk" bench full --out full.jsonl >full.txt
say "calibration"
for suite in quick-1 full; do
  for model in llama deepseek; do
    echo "$suite, checked on $model:"
    "$dsk" calibrate --device "$device" --from $suite.jsonl --check $model.jsonl --out calibration-$suite-$model.json
  done
done
say "PyTorch on the same card"
python3 - <<'PY' 2>&1 | tee torch.txt
try:
    import torch
except ImportError:
    raise SystemExit("PyTorch is not installed here")
def median_ms(work, rounds=30):
    for _ in range(5): work()
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(rounds)]
    for begin, end in events:
        begin.record(); work(); end.record()
    torch.cuda.synchronize()
    return sorted(b.elapsed_time(e) for b, e in events)[rounds // 2]
n = 1 << 30
a = torch.randint(0, 1 << 30, (n // 4,), dtype=torch.int32, device="cuda")
b = torch.empty_like(a)
print("copy of 1 GiB: %.1f GB/s" % (2 * n / median_ms(lambda: b.copy_(a)) / 1e6))
print("fill of 1 GiB: %.1f GB/s" % (n / median_ms(lambda: b.fill_(3)) / 1e6))
x = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
y = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
print("bf16 8192^3: %.1f TFLOP/s" % (2 * 8192**3 / median_ms(lambda: x @ y) / 1e9))
h = torch.empty(n // 4, dtype=torch.int32, pin_memory=True)
print("from pinned host: %.1f GB/s" % (n / median_ms(lambda: b.copy_(h, non_blocking=True), 10) / 1e6))
PY
"$dsk" machine report --from quick-1.jsonl --out-dir report >/dev/null
say "summary"
grep -hE 'memory_|driver_copy|l2_read|8192x8192x8192|kernels|persistent|from_host|to_host' quick-1.txt
echo "-- second run"
grep -hE 'memory_|driver_copy|l2_read|8192x8192x8192' quick-2.txt
