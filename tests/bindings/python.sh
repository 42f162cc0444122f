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
"$python" -m pip install -q --no-deps --no-index --target "$build/python/site" "$build"/python/wheel/dsk-*.whl
ls -l "$build"/python/wheel
