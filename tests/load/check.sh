#!/usr/bin/env bash
# check.sh DSK ENGINE: the tool against a real server on the loopback: faults by kind, resume after kill -9.
set -u
dsk=$1 engine=$2
work=$(mktemp -d)
exec 3< <(exec "$engine")
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$work"' EXIT
read -r port <&3
url=http://127.0.0.1:$port
bad=0
wrong() { echo "load: $1"; bad=1; }

# fault MODEL NAME [FLAG...]: all of 12 requests end so.
fault() {
  local model=$1 name=$2
  shift 2
  timeout 60 "$dsk" load run --url "$url" --model "$model" --concurrency 4 --requests 12 --input 8 --output 5 "$@" --json \
    --out "$work/report.json" >/dev/null 2>"$work/log"
  grep -q "\"$name\": 12" "$work/report.json" || wrong "$model did not end as 12 times $name: $(cat "$work/log")"
}
fault instant completed
fault stream:200 completed
fault document completed --no-stream
fault http:429 http_429
fault http:500 http_500
fault http:503 http_503
fault cut stream_cut
fault malformed malformed_response
fault document malformed_response
fault long_line line_too_long
fault error error_in_stream
fault empty no_tokens
fault reset connection_lost
fault silent timeout --timeout 0.5
fault endless timeout --timeout 0.5
url=http://127.0.0.1:1 fault instant connection_refused
# A resolver that does not answer at all would make this a timeout.
timeout 3 getent hosts no-such-host.invalid >/dev/null
[ $? = 2 ] && url=http://no-such-host.invalid fault instant host_not_found
if command -v openssl >/dev/null; then
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key" -out "$work/cert" -days 1 -subj /CN=localhost 2>/dev/null
  exec 4< <(exec openssl s_server -accept 127.0.0.1:0 -key "$work/key" -cert "$work/cert" -www 2>&1)
  tls=$!
  tls_port=
  while read -r line <&4; do
    case $line in ACCEPT\ *) tls_port=${line##*:} && break ;; esac
  done
  url=https://127.0.0.1:$tls_port fault instant certificate
  kill $tls
fi

# The key goes to the server and nowhere else.
KEY=sk-very-secret timeout 60 "$dsk" load run --url "$url" --model instant --concurrency 2 --requests 4 --key-env KEY \
  --journal "$work/key-journal" --json >"$work/out" 2>&1
grep -rq very-secret "$work" && wrong "the key was written"

# Killed at 50 moments: every request is sent once, and what was finished stays.
run=(load run --url "$url" --model stream:2000 --rate 1500 --process constant --requests 4000 --input 8 --output 20
  --journal "$work/journal" --out "$work/final.json")
finished=0
for _ in $(seq 50); do
  "$dsk" "${run[@]}" >/dev/null 2>&1 &
  victim=$!
  sleep "0.0$((RANDOM % 9))$((RANDOM % 10))"
  kill -9 $victim 2>/dev/null
  wait $victim 2>/dev/null
  [ -e "$work/journal" ] || continue
  now=$("$dsk" load merge "journal:$work/journal" --json 2>/dev/null | sed -nE 's/.*"completed": ([0-9]+).*/\1/p')
  [ -n "$now" ] || continue # killed before the header was whole
  [ "$now" -ge "$finished" ] || wrong "$finished requests were finished, $now after the next kill"
  finished=$now
done
timeout 120 "$dsk" "${run[@]}" >/dev/null || wrong "the run could not be taken up"
field() { sed -nE "s/.*\"$1\": ([0-9]+).*/\1/p" "$work/final.json" | head -n 1; }
sent=$(field sent) completed=$(field completed) failed=$(field failed) interrupted=$(field interrupted)
[ "$sent" = 4000 ] || wrong "sent is $sent, must be 4000"
[ $((completed + failed + interrupted)) = 4000 ] || wrong "$completed completed, $failed failed and $interrupted interrupted are not 4000"
[ "$failed" = 0 ] || wrong "$failed requests failed"
timeout 60 "$dsk" load merge "journal:$work/journal" --json >"$work/again.json"
for part in requests tokens latency; do
  diff <(sed -n "/\"$part\": {/,/^  }/p" "$work/final.json") <(sed -n "/\"$part\": {/,/^  }/p" "$work/again.json") >/dev/null ||
    wrong "$part of the report is not that of the journal"
done
echo "kill -9 50 times: $completed completed, $interrupted interrupted"
exit $bad
