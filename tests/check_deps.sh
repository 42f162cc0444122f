#!/usr/bin/env bash
# The dependency rule of docs/architecture.md, checked on every #include. Prints each breach; exit 1 if any.
set -u
cd "$(dirname "$0")/.."
declare -A may=(
  [base]=""
  [catalog]="base"
  [perf]="base catalog"
  [workload]="base catalog perf"
  [sim]="base catalog perf workload"
  [cost]="base catalog perf"
  [calibrate]="base catalog perf"
  [plan]="base catalog perf workload sim cost"
  [emit]="base catalog perf workload sim cost plan"
  [backend]="base"
  [bench]="base backend workload catalog"
  [load]="base workload"
  [tp]="base backend"
  [protocol]=""
  [capi]="base catalog perf workload sim cost plan emit backend bench load calibrate tp protocol"
)
may[tp]+=" protocol"
bad=0
breach() { echo "dependency rule: $1"; bad=1; }
while IFS=: read -r file line; do
  module=${file#lib/}; module=${module%%/*}
  header=${line#*\"}; header=${header%%\"*}
  used=${header%%/*}
  case "$module" in
    cmake) continue ;;
    cli) [[ $header == dsk/* || $header == cli/* ]] || breach "$file includes $header: the tool may use only the public headers"; continue ;;
  esac
  [[ $used == "$module" || $used == dsk ]] && continue
  [[ " ${may[$module]-} " == *" $used "* ]] || breach "$file includes $header: $module may use only: ${may[$module]-nothing}"
done < <(grep -rnE '^\s*#\s*include\s*"' lib --include='*.cpp' --include='*.hpp' | sed -E 's/^([^:]+):[0-9]+:/\1:/')
while IFS=: read -r file line; do
  case "$line" in *'<stddef.h>'* | *'<stdint.h>'* | *'<stdbool.h>'* | *'"dsk/'*) ;; *) breach "$file: $line (a public C header includes only stddef, stdint, stdbool and its own)" ;; esac
done < <(grep -nE '^\s*#\s*include' include/dsk/*.h | sed -E 's/^([^:]+):[0-9]+:/\1:/')
grep -rlE '#\s*include\s*[<"](cuda|cublas|nccl)' lib include 2>/dev/null | while read -r f; do echo "dependency rule: $f includes a CUDA header"; done | grep . && bad=1
grep -rn 'extern "C"' lib --include='*.cpp' --include='*.hpp' | grep -vE '^lib/(capi|load/http)/' && breach 'only lib/capi and the plugin lib/load/http say extern "C"'
grep -rnE '\bcatch \(' lib --include='*.cpp' --include='*.hpp' | grep -vE '^lib/(capi|cli|load/http)/' | grep -v 'const Error& ' | grep . && breach 'only lib/capi catches (a module may catch dsk::Error to add context)'
exit $bad
