#!/bin/sh
set -eu
mkdir -p /etc/dsk
cat > /etc/dsk/trtllm.yaml <<'DSK_END'
kv_cache_config:
  dtype: "fp8"
enable_attention_dp: true
speculative_config:
  decoding_type: "MTP"
  num_nextn_predict_layers: 3
DSK_END
exec trtllm-serve serve deepseek-ai/DeepSeek-R1 --backend pytorch --tp_size 8 --ep_size 8 --kv_cache_free_gpu_memory_fraction 0.82 --max_batch_size 128 --max_num_tokens 8192 --max_seq_len 2560 --enable_chunked_prefill --config /etc/dsk/trtllm.yaml --host 0.0.0.0 --port 8000
