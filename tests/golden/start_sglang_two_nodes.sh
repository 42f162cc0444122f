#!/bin/sh
set -eu
# Run on each of the 2 nodes of a replica, with the first node's address and the node's rank (0 is the first):
: "${LWS_LEADER_ADDRESS:?address of the first node}" "${LWS_WORKER_INDEX:?rank of this node}"
exec python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-R1 --tp-size 16 --dp-size 16 --enable-dp-attention --ep-size 16 --kv-cache-dtype fp8_e4m3 --mem-fraction-static 0.82 --max-running-requests 2048 --chunked-prefill-size 131072 --context-length 2560 --enable-metrics --host 0.0.0.0 --port 8000 --nnodes 2 --node-rank "$LWS_WORKER_INDEX" --dist-init-addr "$LWS_LEADER_ADDRESS:20000"
