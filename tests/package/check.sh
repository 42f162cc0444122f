#!/usr/bin/env bash
# check.sh CONSUMER BUILD: one way of using an install tree of the build folder BUILD, which is moved before it is used.
#   find_package      CMake targets, shared and static, from C11 and C++17
#   pkg-config        shared from C11 and C++17
#   pkg-config-static a C11 program without any shared library
#   tool              the installed tool, when the build has one
#   deb               the Debian packages: what they depend on, and a program against their files
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cmake --install "$build" --prefix "$work/staged" >install.log
mv staged moved
prefix=$work/moved
libdir=$(dirname "$(find "$prefix" -name 'libdsk.so' | head -n 1)")
export PKG_CONFIG_PATH=$libdir/pkgconfig
warnings=(-Wall -Wextra -Werror -pedantic)

project() {
  cmake -S "$here" -B "$work/consumer" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@" >configure.log || { cat configure.log; exit 1; }
  cmake --build "$work/consumer" >build.log || { cat build.log; exit 1; }
  ctest --test-dir "$work/consumer" --output-on-failure --no-tests=error -R '^consumer_'
}

case $1 in
  find_package) project -DCMAKE_PREFIX_PATH="$prefix" ;;
  pkg-config)
    # shellcheck disable=SC2046  # the flags are words
    gcc -std=c11 "${warnings[@]}" "$here/consumer.c" $(pkg-config --cflags --libs dsk) -o c
    # shellcheck disable=SC2046
    g++ -std=c++17 "${warnings[@]}" "$here/consumer.cpp" $(pkg-config --cflags --libs dsk) -o cpp
    LD_LIBRARY_PATH=$libdir ./c
    LD_LIBRARY_PATH=$libdir ./cpp
    ;;
  pkg-config-static)
    # shellcheck disable=SC2046
    gcc -std=c11 "${warnings[@]}" -DDSK_STATIC "$here/consumer.c" -static $(pkg-config --static --cflags --libs dsk) -o c
    ./c
    ;;
  tool)
    # The tool must find its library from where it lies, without LD_LIBRARY_PATH.
    "$prefix/bin/dsk" version
    ;;
  deb)
    cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/packages" >cpack.log || { cat cpack.log; exit 1; }
    for package in libdsk0 libdsk-dev dsk-tools; do
      file=$(echo packages/"$package"_*.deb)
      dpkg-deb -f "$file" Package Version Depends
      dpkg-deb -x "$file" root
    done
    dpkg-deb -f packages/libdsk0_*.deb Depends | grep -q 'libc6 (>=' || { echo "libdsk0 names no C library"; exit 1; }
    for package in libdsk-dev dsk-tools; do
      dpkg-deb -f packages/"$package"_*.deb Depends | grep -q 'libdsk0 (=' || { echo "$package does not ask for its library"; exit 1; }
    done
    export PKG_CONFIG_PATH=$work/root/usr/lib/pkgconfig
    # shellcheck disable=SC2046
    gcc -std=c11 "${warnings[@]}" "$here/consumer.c" $(pkg-config --cflags --libs dsk) -o c
    LD_LIBRARY_PATH=$work/root/usr/lib ./c
    root/usr/bin/dsk version
    ;;
  *) echo "unknown consumer $1"; exit 1 ;;
esac
