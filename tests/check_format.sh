#!/usr/bin/env bash
# Every C and C++ source is as clang-format-14 lays it out. Prints the first breach of each file; exit 1 if any.
# `tests/check_format.sh fix` rewrites them instead.
set -u
cd "$(dirname "$0")/.."
mapfile -t files < <(find include lib cuda tests examples bench bindings \( -name '*.c' -o -name '*.h' -o -name '*.cpp' -o -name '*.hpp' -o -name '*.cu' -o -name '*.cuh' \) 2>/dev/null)
if [ "${1-}" = fix ]; then exec clang-format-14 -i "${files[@]}"; fi
clang-format-14 --dry-run -Werror -ferror-limit=1 "${files[@]}"
