#!/usr/bin/env bash
# python.sh BUILD: makes the Python wheel over an install tree of the build folder BUILD, in BUILD/python, and unpacks it into
# BUILD/python/site, where the tests find it. `tests/install.sh python` comes first.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/env.sh
build=$(cd "$1" && pwd)
python=$DSK_CACHE/python/bin/python
cmake --install "$build" --prefix "$build/python/prefix" >/dev/null
rm -rf "$build/python/wheel" "$build/python/site"
"$python" -m pip wheel . -q --no-build-isolation --no-deps --no-index -w "$build/python/wheel" -C build-dir="$build/python/build" \
  -C cmake.source-dir=bindings/python -C cmake.define.dsk_ROOT="$build/python/prefix" -C cmake.define.DSK_WERROR=ON
# What is tested is what may be given away: the wheel with the oldest system that it runs on in its name, at most 10 MB. The load
# generator's module takes the system's libcurl, with its TLS library and certificates, and says so where there is none.
rm -rf "$build/python/manylinux"
PATH="$(dirname "$python"):$PATH" "$python" -m auditwheel repair --exclude "libcurl*.so.4" -w "$build/python/manylinux" "$build"/python/wheel/dsk-*.whl >"$build/python/manylinux.log" 2>&1 || { cat "$build/python/manylinux.log"; exit 1; }
wheel=$(echo "$build"/python/manylinux/dsk-*-manylinux_*.whl)
[ "$(stat -c %s "$wheel")" -le 10000000 ] || { echo "$wheel is above 10 MB"; exit 1; }
"$python" -m pip install -q --no-deps --no-index --target "$build/python/site" "$wheel"
ls -l "$build"/python/manylinux
