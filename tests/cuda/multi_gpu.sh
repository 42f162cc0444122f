#!/usr/bin/env bash
# Everything that needs several GPUs, from prebuilt files, in one call of at most ten minutes.
#   usage: multi_gpu.sh FOLDER [OUT] [OPTIONS]   FOLDER holds libdsk_backend_cuda.so and multi_gpu; OUT (default: FOLDER) receives
#   multi_gpu.jsonl and multi_gpu.txt, which holds the table of figures beside goals. OPTIONS go to multi_gpu (its head says
#   which), for example: --ranks 8,2 --skip prefill --budget 300. Exit 0 when nothing was wrong.
# On one GPU: multi_gpu.sh FOLDER OUT --one-device --ranks 2, for the program's own sake: no figure counts there.
set -u
folder=$(cd "$1" && pwd)
out=${2:-$folder}
shift $(($# < 2 ? $# : 2))
mkdir -p "$out"
export DSK_BACKEND_PATH=$folder
# NVLink multicast stays off: on a shared host it can put the links out of service. The program sets this too.
export NCCL_NVLS_ENABLE=0
# cuBLASLt and NCCL from PyPI are beside PyTorch; a system toolkit needs nothing.
for library in $(python3 -c 'import nvidia, os; print(" ".join(os.path.join(p, d, "lib") for p in nvidia.__path__ for d in os.listdir(p)))' 2>/dev/null); do
  LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$library
done
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
{
  date -u
  nvidia-smi --query-gpu=index,name,driver_version,pci.bus_id,clocks.sm,clocks.mem,temperature.gpu,power.draw --format=csv
  nvidia-smi topo -m
  nvidia-smi topo -p2p r
} 2>&1 | tee "$out/multi_gpu.txt"
# What comes before the program is part of the ten minutes.
timeout 598 "$folder/multi_gpu" --budget $((570 - SECONDS)) --out "$out/multi_gpu.jsonl" "$@" 2>&1 | tee -a "$out/multi_gpu.txt"
exit "${PIPESTATUS[0]}"
