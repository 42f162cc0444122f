#!/usr/bin/env bash
# Runs everything that needs a GPU, on one GPU, from prebuilt files.
#   usage: single_gpu.sh FOLDER [OUT]   FOLDER holds libdsk_backend_cuda.so, gpu_suite and (if built) gpu_bench;
#   OUT (default: FOLDER) receives suite.txt, bench.jsonl and sanitizer.txt. Exit 0 when everything passed.
# Optional in FOLDER: nccl/libnccl.so.2, an NCCL (2.30 or newer) that lets several ranks share a GPU.
set -u
folder=$(cd "$1" && pwd)
out=${2:-$folder}
export DSK_BACKEND_PATH=$folder
. "$(dirname "${BASH_SOURCE[0]}")/libraries.sh"
failed=0
step() { # NAME COMMAND...: runs, keeps the output, says how long it took
  local name=$1 start=$SECONDS
  shift
  "$@" 2>&1 | tee -a "$out/suite.txt"
  local status=${PIPESTATUS[0]}
  echo "== $name: exit $status after $((SECONDS - start)) s" | tee -a "$out/suite.txt"
  [[ $status == 0 ]] || failed=1
}
: >"$out/suite.txt"
{ date -u; nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv; } | tee -a "$out/suite.txt"
limit=${DSK_SUITE_TIMEOUT:-240}
products='products of every*' # most of the time is the check on the host, so several processes share them
step suite timeout "$limit" "$folder/gpu_suite" -tce="$products" --duration=true
parts=$(($(nproc) / 2 > 1 ? $(nproc) / 2 : 1))
run_parts() {
  local pids=() failures=0
  for ((i = 0; i < parts; ++i)); do
    DSK_TEST_PART=$i/$parts timeout "$limit" "$folder/gpu_suite" -tc="$products" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failures=1; done
  return $failures
}
step products run_parts
if [[ -e $folder/nccl/libnccl.so.2 ]]; then
  step nccl env DSK_TEST_NCCL=1 NCCL_MULTI_RANK_GPU_ENABLE=1 NCCL_NVLS_ENABLE=0 NCCL_MAX_CTAS=2 CUDA_MODULE_LOADING=EAGER CUDA_DEVICE_MAX_CONNECTIONS=32 \
    LD_LIBRARY_PATH="$folder/nccl:$LD_LIBRARY_PATH" timeout 120 "$folder/gpu_suite" -tc='*virtual ranks*' --duration=true
fi
if [[ -x $folder/gpu_bench ]]; then step bench timeout "${DSK_BENCH_TIMEOUT:-300}" "$folder/gpu_bench" "$out/bench.jsonl" ${DSK_BENCH_MODE:-}; fi
if [[ ${DSK_BENCH_TORCH:-} ]]; then step torch timeout 120 python3 "$(dirname "${BASH_SOURCE[0]}")/torch_baseline.py" "$out/torch.jsonl"; fi
if [[ ${DSK_SANITIZER:-} ]] && command -v compute-sanitizer >/dev/null; then
  for tool in $DSK_SANITIZER; do
    step "sanitizer $tool" timeout "${DSK_SANITIZER_TIMEOUT:-120}" compute-sanitizer --tool "$tool" --error-exitcode 9 "$folder/gpu_suite" -tc="${DSK_SANITIZER_CASES:-*sanitizers*}"
    if [[ -x $folder/gpu_bench ]]; then
      step "sanitizer $tool, products of few rows" timeout "${DSK_SANITIZER_TIMEOUT:-120}" compute-sanitizer --tool "$tool" --error-exitcode 9 "$folder/gpu_bench" "$out/tour.jsonl" tour
    fi
  done
fi
exit $failed
