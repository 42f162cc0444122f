#!/usr/bin/env bash
# how_do_i.sh TOOL: runs each command of docs/how-do-i.md that has no placeholder in capitals. A plan may be infeasible (exit code 1).
set -euo pipefail
tool=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$top/examples" "$work"
cd "$work"
count=0
while IFS= read -r line; do
  if grep -qE '[A-Z]{4,}' <<<"$line"; then continue; fi
  count=$((count + 1))
  code=0
  eval "\"$tool\" ${line#    dsk }" >out.txt 2>err.txt </dev/null || code=$?
  if [ $code -gt 1 ] || [ ! -s out.txt ]; then
    echo "exit code $code:$line"
    cat err.txt
    exit 1
  fi
done < <(grep '^    dsk ' "$top/docs/how-do-i.md")
echo "$count commands"
[ $count -ge 15 ]
