#!/bin/sh
set -eu
exec vllm serve deepseek-ai/DeepSeek-R1 --tensor-parallel-size 8 --enable-expert-parallel --kv-cache-dtype fp8 --gpu-memory-utilization 0.82 --max-num-seqs 128 --max-num-batched-tokens 8192 --max-model-len 2560 --speculative-config '{"method":"mtp","num_speculative_tokens":1}' --host 0.0.0.0 --port 8000
