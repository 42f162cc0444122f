#!/usr/bin/env bash
# check_size.sh LIBRARY LIMIT_BYTES: size of the library without its symbol table and debug information.
set -eu
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$1"
size=$(stat -c %s "$stripped")
echo "stripped: $size bytes, limit $2"
[ "$size" -lt "$2" ]
