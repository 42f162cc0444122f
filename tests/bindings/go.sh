#!/usr/bin/env bash
# go.sh WHAT BUILD: the Go package over an install tree of the build folder BUILD. WHAT is one of
#   types    the typed documents are what docs/schema says, and gofmt and vet agree
#   test     go test with the race detector; its JSON lines go to the file named by DSK_REPORT
#   stress   fewer calls of the stress program
#   static   a program without any shared library, as docs/go.md says
#   outside  another module, with its dependencies vendored
#   old      a library of another ABI is refused in one sentence with its file and both versions
#   missing  building without the library says what is missing; running without it gives one sentence with every file tried
#   extender the scheduler extender's tests; their JSON lines go to the file named by DSK_REPORT
#   docs     the programs of docs/go.md are compiled and run
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
. tests/env.sh
what=$1 build=$(cd "$2" && pwd)
prefix=$build/prefix-go
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ ! -e "$prefix/done" ] || [ "$build/lib/libdsk.so" -nt "$prefix/done" ]; then
  cmake --install "$build" --prefix "$prefix" >"$work/install.log" || { cat "$work/install.log"; exit 1; }
  touch "$prefix/done"
fi
libdir=$(dirname "$(find "$prefix" -name libdsk.so | head -n 1)")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir GOFLAGS=-mod=mod GOWORK=off
cd bindings/go

static=(go build -tags dsk_static -ldflags '-linkmode external -extldflags "-static"')
case $what in
  types)
    python3 ../schema/generate.py --check
    unformatted=$(gofmt -l .)
    [ -z "$unformatted" ] || { echo "gofmt -w $unformatted"; exit 1; }
    go vet ./...
    diff <(grep -oE '\bF\(dsk_[a-z_0-9]+\)' library.c | sed -E 's/F\((.*)\)/\1/' | sort) <(sort "$root/tests/abi/exports.txt") ||
      { echo "library.c does not forward what libdsk exports"; exit 1; }
    ;;
  test)
    status=0
    go test -race -count=1 -json ./... >"$DSK_REPORT" || status=$?
    [ $status = 0 ] || grep -o '"Output":".*"' "$DSK_REPORT" | tail -n 60
    exit $status
    ;;
  extender)
    cd "$root/examples/go/extender"
    unformatted=$(gofmt -l .)
    [ -z "$unformatted" ] || { echo "gofmt -w $unformatted"; exit 1; }
    go vet ./...
    status=0
    go test -count=1 -json ./... >"$DSK_REPORT" || status=$?
    [ $status = 0 ] || grep -o '"Output":".*"' "$DSK_REPORT" | tail -n 60
    exit $status
    ;;
  stress) go run ./cmd/stress -calls 50000 ;;
  static)
    grep -qF -- "${static[*]:0:5} '${static[5]}'" "$root/docs/go.md" || { echo "docs/go.md does not show this command"; exit 1; }
    "${static[@]}" -o "$work/stress" ./cmd/stress
    ! readelf -d "$work/stress" | grep NEEDED || { echo "the program needs shared libraries"; exit 1; }
    env -i "$work/stress" -calls 5000
    ;;
  outside)
    mkdir "$work/other" && cd "$work/other"
    cat >go.mod <<EOF
module other
go 1.24
require dsk/bindings/go v0.0.0
replace dsk/bindings/go => $root/bindings/go
EOF
    cat >main.go <<'EOF'
package main

import (
	"fmt"

	dsk "dsk/bindings/go"
)

func main() {
	names, err := dsk.CatalogNames(dsk.CatalogDevice)
	fmt.Println(len(names), err, dsk.Version())
}
EOF
    go mod tidy
    ! grep -E '^\s*(require|[a-z].* v[0-9])' go.mod | grep -v dsk/bindings/go || { echo "the package has dependencies"; exit 1; }
    go mod vendor
    GOFLAGS=-mod=vendor go build -o other .
    ./other | grep -E '^[1-9][0-9]* <nil> [0-9]'
    ;;
  old)
    go build -o "$work/border" ./cmd/border
    cat >"$work/old.c" <<'EOF'
#include <stdint.h>
const char* dsk_version_string(void) { return "0.0.9"; }
uint32_t dsk_version(void) { return 9; }
uint32_t dsk_abi_version(void) { return 0; }
EOF
    echo 'DSK_0 { global: dsk_*; };' >"$work/old.map"
    mkdir "$work/old"
    soname=$(readelf -d "$libdir/libdsk.so" | sed -nE 's/.*\(SONAME\).*\[(.*)\]/\1/p')
    gcc -shared -fPIC -Wl,-soname,"$soname" -Wl,--version-script="$work/old.map" "$work/old.c" -o "$work/old/$soname"
    version=$(head -n 1 "$root/VERSION")
    LD_LIBRARY_PATH=$work/old "$work/border" >"$work/out" 2>&1 && { echo "an old library is taken"; exit 1; }
    cat "$work/out"
    grep -F "libdsk 0.0.9 (ABI 0) was loaded from $work/old/$soname, but this program was built for libdsk $version (ABI" "$work/out"
    [ "$(wc -l <"$work/out")" = 1 ]
    ;;
  missing)
    # A flag of its own, for the build cache would not ask pkg-config again.
    CGO_CFLAGS="-O2 -g -DDSK_ASK_AGAIN=$$" PKG_CONFIG_LIBDIR=$work PKG_CONFIG_PATH=$work go build -o "$work/border" ./cmd/border >"$work/out" 2>&1 && { echo "built without the library"; exit 1; }
    grep -F "Package dsk was not found in the pkg-config search path" "$work/out"
    go build -o "$work/border" ./cmd/border
    LD_LIBRARY_PATH=$work "$work/border" >"$work/out" 2>&1 && { echo "ran without the library"; exit 1; }
    cat "$work/out"
    version=$(head -n 1 "$root/VERSION")
    soname=$(readelf -d "$libdir/libdsk.so" | sed -nE 's/.*\(SONAME\).*\[(.*)\]/\1/p')
    grep -F "libdsk $version (ABI 1) was not found: tried what /etc/ld.so.cache lists, $work/$soname, " "$work/out" | grep -qF "/usr/lib/$soname"
    [ "$(wc -l <"$work/out")" = 1 ]
    ;;
  docs)
    python3 "$root/tests/bindings/blocks.py" "$root/docs/go.md" go "$work/docs"
    for program in "$work"/docs/*/; do
      cat >"$program/go.mod" <<EOF
module program
go 1.24
require dsk/bindings/go v0.0.0
replace dsk/bindings/go => $root/bindings/go
EOF
      echo "== $program"
      (cd "$program" && mv block main.go && go vet . && go run . >out && python3 "$root/tests/bindings/expect.py" out expected)
    done
    ;;
  *) echo "unknown: $what"; exit 2 ;;
esac
