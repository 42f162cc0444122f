#!/usr/bin/env bash
# compare.sh REF: builds the library of a git ref (the last release's tag) and of this tree with debug information, and holds
# them against each other with abidiff (Debian: abigail-tools). Any difference other than a member behind the last one of a
# struct, or a new function, is a failure; so is a ref that does not build.
set -euo pipefail
cd "$(dirname "$0")/../.."
ref=${1:?the git ref to compare with}
command -v abidiff >/dev/null || { echo "abidiff is missing: apt-get install abigail-tools"; exit 1; }
work=$(mktemp -d)
trap 'git worktree remove --force "$work/old" 2>/dev/null; rm -rf "$work"' EXIT
git worktree add --quiet --detach "$work/old" "$ref"
for side in old new; do
  tree=$PWD
  [ $side = old ] && tree=$work/old
  cmake -S "$tree" -B "$work/build-$side" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DDSK_BUILD_CLI=OFF >/dev/null
  cmake --build "$work/build-$side" --target dsk >/dev/null
done
cat >"$work/allowed" <<'END'
[suppress_type]
  type_kind = struct
  has_data_member_inserted_at = end
END
# --drop-private-types: what is behind an opaque handle is nobody's business.
abidiff --no-added-syms --suppressions "$work/allowed" --drop-private-types \
  --headers-dir1 "$work/old/include" --headers-dir2 include \
  "$work/build-old/lib/libdsk.so" "$work/build-new/lib/libdsk.so"
