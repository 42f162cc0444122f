#!/usr/bin/env bash
# test.sh MULTI_GPU PLUGINS: the whole run at small sizes on the CPU, and on the devices of a plugin in PLUGINS that are the CPU
# behind streams and graphs; then with too little time. Ranks are threads of one process, one thread for all, and processes.
# Prints what is wrong; exit 1 if anything is.
set -u
program=$1
export DSK_BACKEND_PATH=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
bad=0
wrong() { echo "multi_gpu: $1"; bad=1; }

"$program" --backend cpu --small --ranks 4,2 --budget 300 --out "$folder/run.jsonl" >"$folder/run.txt" 2>&1 || wrong "the run failed"
grep -q '"kind":"unfinished"' "$folder/run.jsonl" && wrong "something was left out"
grep -q '^nothing was wrong' "$folder/run.txt" || wrong "no verdict"
python3 - "$folder/run.jsonl" <<'PY' || wrong "the lines are not what they have to be"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
kinds = {line["kind"] for line in lines}
for kind in ("machine", "backend", "peer_copy", "check", "all_reduce", "reduce_norm", "row_linear", "model_chain", "prefill_row",
             "prefill_column", "figure", "skipped", "part"):
    assert kind in kinds, kind
goals = {line["goal"].split()[0] for line in lines if line["kind"] == "figure"}
# G3 and G8 are sizes that a small run leaves out, as are all above 128 KiB.
assert goals == {"G1", "G2", "G9", "G10", "G11", "G12", "G13", "G14", "G15", "G16"}, goals
assert not any("met" in line for line in lines), "a CPU meets no goal of a GPU"
assert all(line["rests_on"] for line in lines if line["kind"] == "figure")
checks = [line for line in lines if line["kind"] == "check"]
assert all(line["cases"] > 0 and line["wrong"] == 0 for line in checks)
assert {(line["layout"], line["transport"]) for line in checks if line["part"] in ("check", "processes")} == {
    ("threads", "threads"), ("one thread", "threads"), ("processes", "tcp")}
assert {line["ranks"] for line in checks} == {2, 4}
killed = [line["what"] for line in lines if line["kind"] == "figure" and "kill -9" in line["what"]]
assert len(killed) == 8, killed  # two figures, the last rank and rank 0, on 4 and on 2 ranks
PY

# The same with streams, graphs and a rival library: all that the run does on GPUs but for the kernels.
"$program" --backend pretended --small --ranks 2 --budget 200 --out "$folder/devices.jsonl" >"$folder/devices.txt" 2>&1 ||
  wrong "the run on pretended devices failed"
grep -q '"kind":"unfinished"' "$folder/devices.jsonl" && wrong "something was left out on pretended devices"
python3 - "$folder/devices.jsonl" <<'PY' || wrong "the lines of the pretended devices are not what they have to be"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
checks = [line for line in lines if line["kind"] == "check"]
assert all(line["cases"] > 0 and line["wrong"] == 0 for line in checks)
kinds = {(line["part"], line["layout"], line["transport"]) for line in checks}
for part in ("check", "all-reduce", "replays"):
    assert {(part, "threads", "peer"), (part, "threads", "nccl")} <= kinds, kinds
assert {("processes", "processes", "nccl"), ("loss", "processes", "nccl"), ("loss", "threads", "peer")} <= kinds, kinds
assert [line["reason"] for line in lines if line["kind"] == "skipped"] == ["the own protocol runs inside one process"]
assert all(line["anchor"] == "nccl" for line in lines if line["kind"] == "all_reduce")
assert ("all-reduce", "threads", "peer+nccl") in kinds, kinds
assert all(line["chosen_graph_us"] is None or line["chosen_graph_us"] > 0 for line in lines if line["kind"] == "all_reduce")
PY

# All ranks of a part on one thread, as on one device.
"$program" --backend pretended --small --one-device --ranks 2 --budget 100 --skip topology,prefill --out "$folder/one.jsonl" >"$folder/one.txt" 2>&1 ||
  wrong "the run with one thread failed"
grep -q '"layout":"threads"' <(grep -v '"part":"loss"' "$folder/one.jsonl") && wrong "a rank had a thread of its own"

# The table says what is met and what is missed, and a wrong check makes the run wrong.
figure='"kind":"figure","goal":"G1","ranks":8,"what":"all-reduce","unit":"us","anchor":18.3,"anchor_name":"NCCL","at_most":3.2,"published":3.49,"rests_on":"x"'
printf '{%s,"value":3.1,"met":true}\n{%s,"value":4.5,"met":false}\n' "$figure" "$figure" >"$folder/table.jsonl"
"$program" --table "$folder/table.jsonl" >"$folder/table.txt" || wrong "a missed goal is no wrong result"
grep -q '3.1 us; goal <= 3.2: met; best published 3.49; NCCL 18.3' "$folder/table.txt" || wrong "the table does not say what is met"
grep -q '4.5 us; goal <= 3.2: MISSED' "$folder/table.txt" || wrong "the table does not say what is missed"
echo '{"kind":"check","part":"check","layout":"threads","transport":"peer","ranks":8,"cases":5,"wrong":1,"worst_share_of_allowed":null}' >>"$folder/table.jsonl"
"$program" --table "$folder/table.jsonl" >>"$folder/table.txt" && wrong "a wrong check is passed over"

start=$SECONDS
"$program" --backend cpu --small --ranks 4 --budget 1 --only all-reduce,prefill --out "$folder/short.jsonl" >"$folder/short.txt" 2>&1 ||
  wrong "a run out of time is not wrong by itself"
[ $((SECONDS - start)) -le 30 ] || wrong "a budget of 1 s took $((SECONDS - start)) s"
# As on a loaded machine: a part that has begun finds no time for its first case.
"$program" --backend cpu --small --ranks 4,2 --budget 0.25 --only all-reduce --out "$folder/none.jsonl" >"$folder/none.txt" 2>&1 ||
  wrong "a part without time for one case is not wrong by itself"
grep -q '"kind":"unfinished"' "$folder/none.jsonl" || wrong "a part without time does not say so"
"$program" --backend cpu --only nonsense >"$folder/bad.txt" 2>&1
[ $? = 2 ] || wrong "a part that does not exist is accepted"
grep -q 'no part "nonsense"' "$folder/bad.txt" || wrong "the sentence does not name the part"
if [ $bad = 1 ]; then tail -n 100 "$folder"/*.txt; fi
exit $bad
