#!/usr/bin/env bash
# check.sh DSK FAKE_NVML_FOLDER: the tool on this machine and beside a made-up GPU.
set -u
dsk=$1 fake=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
wrong() { echo "bench: $1"; bad=1; }
holds() { grep -qF -- "$2" "$1" || wrong "$3: \"$2\" is not in $(head -c 2000 "$1")"; }

LD_LIBRARY_PATH=$fake timeout 60 "$dsk" monitor --json --samples 1 >"$work/monitor" || wrong "monitor failed"
holds "$work/monitor" '"name":"dsk_gpu_power_watts","gpu":"0","value":412.5' "monitor"
holds "$work/monitor" '"name":"dsk_gpu_throttled","gpu":"0","reason":"heat (hardware)","value":1' "monitor"
holds "$work/monitor" '"name":"dsk_gpu_throttled","gpu":"0","reason":"power brake","value":0' "monitor"
LD_LIBRARY_PATH=$fake timeout 60 "$dsk" monitor --json --samples 2 --interval 0.1 >"$work/links" || wrong "monitor failed"
holds "$work/links" '"name":"dsk_gpu_nvlink_transmit_bytes_total","gpu":"0","value":2097152' "NVLink, first sample"
holds "$work/links" '"name":"dsk_gpu_nvlink_transmit_bytes_total","gpu":"0","value":4194304' "NVLink, second sample"
holds "$work/links" '"name":"dsk_gpu_nvlink_receive_bytes_total","gpu":"0","value":1048576' "NVLink, received"
LD_LIBRARY_PATH=$fake timeout 60 "$dsk" machine show >"$work/machine" || wrong "machine failed"
holds "$work/machine" '"name":"Fake \"GPU\""' "machine"
holds "$work/machine" '"driver_version":"580.1.2"' "machine"

# Prometheus scrapes: the first answer is a whole page, and the tool ends after it.
exec 3< <(timeout 60 "$dsk" monitor --listen 0 --samples 1)
read -r _ _ _ port <&3
exec 4<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n' >&4
cat <&4 >"$work/metrics"
holds "$work/metrics" '# TYPE dsk_cpu_seconds_total counter' "metrics"
holds "$work/metrics" 'HTTP/1.1 200 OK' "metrics"

# A suite goes on where it was stopped: half a line at the end is written again, the rest stays.
one=host/memory_read/threads1
timeout 100 "$dsk" bench host --only $one --out "$work/run" >/dev/null || wrong "bench host failed"
cp "$work/run" "$work/before"
printf '{"kind":"measurem' >>"$work/run"
timeout 100 "$dsk" bench host --only $one --out "$work/run" >/dev/null || wrong "bench host did not go on"
cmp -s "$work/run" "$work/before" || wrong "what was measured was measured again"
[ "$(wc -l <"$work/run")" = 2 ] || wrong "the run has $(wc -l <"$work/run") lines, must have 2"
# A probe that could not be run then is tried again; a reason stands once in the table.
timeout 100 "$dsk" bench before-after --backend absent --out "$work/absent" >"$work/out" || wrong "before-after failed"
[ "$(grep -c 'there is no backend plugin' "$work/out")" = 1 ] || wrong "the reason stands more than once"
holds "$work/out" 'not run: as above' "before-after"
cp "$work/absent" "$work/before"
timeout 100 "$dsk" bench before-after --backend absent --out "$work/absent" >"$work/out" || wrong "before-after did not go on"
cmp -s "$work/absent" "$work/before" || wrong "a probe that was not run is kept beside its second try"
timeout 100 "$dsk" bench host --only $one --out "$work/run" >"$work/out" || wrong "bench host did not go on"
holds "$work/out" "1 of 1 are in $work/run already" "a run that is whole"
timeout 100 "$dsk" bench before-after --backend absent >"$work/out" || wrong "before-after failed"
holds "$work/out" 'not run: there is no backend plugin' "before-after"
timeout 60 "$dsk" bench run --iterations 5 --json -- true >"$work/out" || wrong "bench run failed"
holds "$work/out" '"samples":5,' "bench run"
timeout 60 "$dsk" bench run --iterations 5 -- false >"$work/out" 2>&1
[ $? = 4 ] || wrong "a command that fails must end with code 4"
timeout 60 "$dsk" machine report --from "$work/run" --out-dir "$work/report" >/dev/null || wrong "machine report failed"
holds "$work/report/report.html" "$(sha256sum <"$work/report/report.jsonl" | cut -d' ' -f1)" "report"
exit $bad
