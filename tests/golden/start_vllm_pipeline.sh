#!/bin/sh
set -eu
# Run on each of the 2 nodes of a replica, with the first node's address and the node's rank (0 is the first):
: "${LWS_LEADER_ADDRESS:?address of the first node}" "${LWS_WORKER_INDEX:?rank of this node}"
if [ "$LWS_WORKER_INDEX" = 0 ]; then
  exec vllm serve deepseek-ai/DeepSeek-R1 --tensor-parallel-size 8 --pipeline-parallel-size 2 --kv-cache-dtype fp8 --gpu-memory-utilization 0.82 --max-num-seqs 128 --max-num-batched-tokens 8192 --max-model-len 2560 --nnodes 2 --node-rank "$LWS_WORKER_INDEX" --master-addr "$LWS_LEADER_ADDRESS" --master-port 20000 --host 0.0.0.0 --port 8000
else
  exec vllm serve deepseek-ai/DeepSeek-R1 --tensor-parallel-size 8 --pipeline-parallel-size 2 --kv-cache-dtype fp8 --gpu-memory-utilization 0.82 --max-num-seqs 128 --max-num-batched-tokens 8192 --max-model-len 2560 --nnodes 2 --node-rank "$LWS_WORKER_INDEX" --master-addr "$LWS_LEADER_ADDRESS" --master-port 20000 --headless
fi
