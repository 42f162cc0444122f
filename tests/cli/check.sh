#!/usr/bin/env bash
# check.sh DSK: the tool's exit codes, its two streams and its files, as docs/cli.md promises them.
set -u
dsk=$(realpath "$1")
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0

# expect CODE TEXT COMMAND...: the exit code, and a text on standard output (0, 1) or standard error (others).
expect() {
  local code=$1 text=$2 got
  shift 2
  "$dsk" "$@" >"$work/out" 2>"$work/err" </dev/null
  got=$?
  local stream=$work/err
  [ "$code" -gt 1 ] || stream=$work/out
  if [ "$got" != "$code" ] || ! grep -qF -- "$text" "$stream"; then
    echo "dsk $*: exit $got, wanted $code with \"$text\""
    head -c 600 "$stream"
    bad=1
  fi
  if [ "$code" -gt 1 ] && [ -s "$work/out" ]; then
    echo "dsk $*: a failure wrote to standard output"
    bad=1
  fi
}

small=(--model llama-3.1-8b --device h100-sxm --engine vllm --input 1000 --output 100 --rate 1)
expect 0 "Best for each device" plan "${small[@]}"
expect 0 '"feasible": true' plan "${small[@]}" --json
expect 0 'vllm serve' plan "${small[@]}" --emit command
expect 1 "No plan meets every bound" plan "${small[@]}" --tpot-ms 0.01
expect 1 '"feasible": false' plan "${small[@]}" --tpot-ms 0.01 --json
expect 0 "latency" plan --request "$root/examples/requests/llama-8b-chat.json"
expect 1 "output tokens" plan --request "$root/examples/requests/bank.json"
expect 2 "/devices/0" plan --model llama-3.1-8b --device h1000 --input 10 --output 10 --rate 1
expect 2 "exactly one of --model" plan --device h100-sxm --input 10 --output 10 --rate 1
expect 2 "--params is 13X" plan --params 13X --device h100-sxm --input 10 --output 10 --rate 1
expect 2 "--frobnicate" plan --frobnicate
expect 2 "exactly one of rate_per_s and concurrency" plan --model llama-3.1-8b --device h100-sxm --input 10 --output 10
expect 4 "cannot be read" plan --request "$work/missing.json"
printf '{"schema": 1' >"$work/cut.json"
expect 2 "ends too early" plan --request "$work/cut.json"
head -c 100000000 /dev/zero | tr '\0' ' ' >"$work/large.json"
expect 2 "is larger than" plan --request "$work/large.json"
rm "$work/large.json"
expect 0 "kv pool" memory --model deepseek-r1 --device h200-sxm --engine sglang --tp 8
expect 0 "152" memory --params 13B --device a100-sxm-40gb --batch 32 --kv-gb 4
expect 2 "not in the catalogue" memory --model nothing --device h200-sxm
expect 0 "h200-sxm" catalog devices
expect 0 '"as_of"' catalog devices "H200 SXM"
expect 2 "not in the catalogue" catalog devices h2000
expect 0 "libdsk" version

# Whatever is read from a file is refused by the file's name, with line and column or the place in it.
cd "$work"
printf '{"schema": 1,\n "model": 5}' >request.json
printf '{"kind": "calibration",\n "device": "h200-sxm"' >cut.json
printf '{"kind": "calibration", "name": "x", "device": "h200-sxm"}' >calibration.json
printf '{"kind": "machine"}\n\n{"kind": "measurement"\n' >lines.jsonl
printf '[]\n' >array.json
mkdir log
printf '{"model": "llama-3.1-8b", "vllm_version": "0.9.0", "engine_kwargs": {"tensor_parallel_size": "one"}}' >log/meta.json
one=(--model llama-3.1-8b --device h200-sxm)
expect 2 "request.json: /model: model is 5" plan --request request.json
expect 2 "cut.json: request: not valid JSON at line 2, column 22: it ends too early" memory --request cut.json
expect 2 "cut.json: not valid JSON at line 2, column 22: it ends too early" plan "${one[@]}" --input 9 --output 9 --rate 1 --catalog cut.json
expect 2 "calibration.json: /source: source is missing" explain "${one[@]}" --batch 1 --context 9 --catalog calibration.json
expect 2 "calibration.json: /source: source is missing" memory "${one[@]}" --catalog calibration.json
expect 2 "calibration.json: /source: source is missing" simulate "${one[@]}" --input 9 --output 9 --rate 1 --catalog calibration.json
expect 2 "cut.json: not valid JSON at line 2" cost --devices 8 --hardware-usd 9 --power-kw 1 --usd-per-kwh 1 --operations 0.1 --catalog cut.json
expect 2 "calibration.json: /architectures: architectures is missing" memory --model-config calibration.json --device h200-sxm
expect 2 "cut.json: not valid JSON at line 2" memory --model-config cut.json --device h200-sxm
expect 2 "calibration.json: /metadata: metadata is missing" memory "${one[@]}" --safetensors-index calibration.json
expect 2 "cut.json: inventory: not valid JSON at line 2" plan "${small[@]}" --fit cut.json
expect 2 "calibration.json: /nodes: nodes is null" plan "${small[@]}" --fit calibration.json
expect 2 "calibration.json: line 1: the header has no column arrival_s" simulate "${one[@]}" --trace calibration.json
expect 2 "lines.jsonl: not valid JSON at line 3, column 23: it ends too early" calibrate --device h200-sxm --from lines.jsonl
expect 2 "array.json, line 1: " calibrate --device h200-sxm --from array.json
expect 2 "calibration.json: no format has four" calibrate --device h200-sxm --from calibration.json
expect 2 "calibration.json: /completed: completed is missing" calibrate --device h200-sxm --runs calibration.json --deployment request.json
expect 2 "cut.json: not valid JSON at line 2" calibrate --device h200-sxm --runs calibration.json --deployment cut.json
expect 2 "log/meta.json: /engine_kwargs/tensor_parallel_size: is \"one\", must be a number" calibrate --device h200-sxm --runs log
expect 2 "log/meta.json: does not name the device" validate requests log
expect 2 "calibration.json: the header has no column id" validate e2e calibration.json
# A model of one's own may have a name that the catalogue knows a model by.
mkdir -p models/llama3.1-8b
cat >models/llama3.1-8b/config.json <<'END'
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16", "hidden_size": 4096, "num_hidden_layers": 32,
 "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 131072}
END
cat >rows.csv <<'END'
id,source_repo,engine,engine_version,model,weights_dtype,kv_dtype,gpu,gpu_count,tp,pp,dp,ep,scenario,batch_or_concurrency,input_len,output_len,metric,value,notes,flag
a,x,vLLM,0.12.0,llama3.1-8b,bf16,,H100-SXM-80GB,1,1,1,1,1,server,8,1024,128,tpot_ms,8,,
END
expect 0 "1 rows, 1 runs" validate e2e rows.csv --models models --predictions predicted.csv
grep -q '^a,tpot_ms,.*,ok,' predicted.csv || { echo "dsk validate e2e: a model by an alias is not taken"; bad=1; }
expect 2 "calibration.json: the file has no column" validate kernels calibration.json --gpu h200-sxm
expect 2 "calibration.json: holds no row" validate memory calibration.json
expect 2 "calibration.json, line 1: /kind: a line is of kind" machine report --from calibration.json
expect 2 "lines.jsonl: not valid JSON at line 3" machine compare lines.jsonl calibration.json
expect 2 "calibration.json: /kind: kind is \"calibration\", must be load_report" load merge calibration.json
expect 2 "cut.json: report 1: not valid JSON at line 2" load merge cut.json
expect 2 "calibration.json: line 1: timestamp is missing" load run --url http://127.0.0.1:1 --model x --trace calibration.json
# A file of something else is no former run, and stays as it is.
expect 2 "calibration.json: is no run of dsk bench" bench host --out calibration.json
grep -q '"name": "x"' calibration.json || { echo "dsk bench wrote over a file of something else"; bad=1; }
cd "$root"

# Files are whole or absent.
mkdir "$work/plans"
expect 0 "Written to" plan "${small[@]}" --out-dir "$work/plans"
for file in plan.json plan.yaml start.sh; do
  [ -s "$work/plans/$file" ] || { echo "$file was not written"; bad=1; }
done
[ "$(find "$work/plans" -type f | wc -l)" = 3 ] || { echo "a partial file stayed behind"; bad=1; }
printf 'x' >"$work/file"
expect 4 "cannot be made" plan "${small[@]}" --out-dir "$work/file/below"

# Ctrl-C ends a long run with 130, and what is done by then is shown and marked.
"$dsk" simulate --model llama-3.1-8b --device h100-sxm --engine vllm --input 512 --output 128 --rate 20 --requests 100000000 \
  >"$work/out" 2>"$work/err" &
sleep 0.5
kill -INT $!
code=0
wait $! || code=$?
[ $code = 130 ] || { echo "interrupted simulation: exit $code, wanted 130"; bad=1; }
grep -q 'cancelled' "$work/out" || { echo "the partial result is not marked"; bad=1; }
exit $bad
