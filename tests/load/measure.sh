#!/usr/bin/env bash
# measure.sh DSK FAKE_ENGINE [SECONDS]: the generator on processor 0 against the test server on processor 1. For an idle machine
# with two processors; about a minute with the 10 seconds that each of five runs takes by default. Prints what docs/results/load.md
# quotes.
set -eu
dsk=$1 engine=$2 seconds=${3:-10}
ulimit -n "$(ulimit -Hn)"
work=$(mktemp -d)
exec 3< <(exec taskset -c 1 "$engine")
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
read -r port <&3

# run NAME MODEL SECONDS FLAG...: a report in $work/NAME.json.
run() {
  local name=$1 model=$2 seconds=$3
  shift 3
  taskset -c 0 "$dsk" load run --url "http://127.0.0.1:$port" --model "$model" --input 8 --duration "$seconds" --json --out "$work/$name.json" "$@" \
    >/dev/null
}
# of NAME EXPRESSION: a figure of a report.
of() { python3 -c "import json,sys; r=json.load(open('$work/$1.json')); print($2)"; }
counts="f\"{r['requests']['completed']} completed, {r['requests']['failed']} failed\""
delay="f\"send delay p50 {r['latency']['send_delay_ms']['p50']:.3f} p99 {r['latency']['send_delay_ms']['p99']:.3f} max {r['latency']['send_delay_ms']['max']:.3f} ms\""

uptime
run short instant "$seconds" --concurrency 64 --requests 100000000 --output 1
rate=$(of short "r['rates']['requests_per_s']")
echo "short requests, 64 at once: $rate requests/s, $(of short "$counts")"
half=$(of short "max(1, round(r['rates']['requests_per_s'] / 2))")
run half instant "$seconds" --rate "$half" --process constant --requests 100000000 --output 1
echo "short requests, $half a second: $(of half "$delay"), $(of half "$counts")"
run ten instant "$seconds" --rate 5000 --process constant --requests 100000000 --output 1
echo "short requests, 5000 a second (half of 10,000): $(of ten "$delay"), $(of ten "$counts")"
tokens=$((20 * seconds))
run streams stream:20 $((3 * seconds)) --concurrency 5000 --requests 5000 --output "$tokens"
echo "5000 streams at 20 tokens/s: $(of streams "f\"{1e3 / r['latency']['tpot_ms']['mean']:.2f} tokens/s a stream (slowest 1 %: {1e3 / r['latency']['tpot_ms']['p99']:.2f}), ITL p99 {r['latency']['itl_ms']['p99']:.1f} ms, {r['max_in_flight']} at once\""), $(of streams "$counts")"
# Half of it: 2,500 streams of five seconds, each replaced by the next.
run half_streams stream:20 "$seconds" --rate 500 --process constant --requests 100000000 --output 100
echo "2500 streams, 500 new ones a second: $(of half_streams "$delay"), $(of half_streams "$counts")"
