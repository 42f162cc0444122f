#!/usr/bin/env bash
# check.sh LIBRARY: the shared library exports the names in exports.txt and no others; each is declared in a public header
# and pinned in layout.c; nothing but the C and C++ runtimes is needed at run time. Prints each breach; exit 1 if any.
set -u
library=$(readlink -f "$1")
cd "$(dirname "$0")"
bad=0
breach() { echo "ABI: $1"; bad=1; }

difference=$(diff <(LC_ALL=C sort exports.txt) <(nm -D --defined-only "$library" | awk '$2 != "A" {print $3}' | sed 's/@.*//' | LC_ALL=C sort))
[ -z "$difference" ] || breach "exported symbols differ from exports.txt (<: promised, >: exported)
$difference"

declared=$(sed -nE 's/^.*\b(dsk_[a-z0-9_]+)\(.*$/\1/p' ../../include/dsk/*.h)
while read -r name; do
  grep -qx "$name" <<<"$declared" || breach "$name is exported but no public header declares it"
  grep -q "\b$name," layout.c || breach "$name is exported but layout.c does not pin its type"
done <exports.txt

while read -r needed; do
  case $needed in
    libc.so.6 | libm.so.6 | libstdc++.so.6 | libgcc_s.so.1 | ld-linux*.so.* | libpthread.so.0 | libdl.so.2) ;;
    *) breach "the library needs $needed at run time" ;;
  esac
done < <(readelf -d "$library" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')

soname=$(readelf -d "$library" | sed -nE 's/.*\(SONAME\).*\[(.*)\]/\1/p')
version=$(cut -d. -f1-2 ../../VERSION)
[ "$soname" = "libdsk.so.$version" ] || breach "the soname is $soname, must be libdsk.so.$version"
exit $bad
