#!/usr/bin/env bash
# Finds or installs a CUDA 13 toolkit for compiling and linking; no GPU and no driver are needed. Prints the CMake arguments,
# one a line, on stdout:
#
#   mapfile -t cuda < <(tests/install_cuda.sh)
#   cmake --preset cuda "${cuda[@]}"
#
# A toolkit of the machine (nvcc 13 or newer with cuBLAS, on PATH or in /usr/local/cuda) is used as it is. Otherwise the
# toolkit, cuBLAS and NCCL come from PyPI's wheels into the cache folder: 1.2 GB, once.
set -euo pipefail
cd "$(dirname "$0")"
. ./env.sh

wheels=(nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96
  nvidia-cuda-cccl==13.0.85 nvidia-cuda-profiler-api==13.0.85 nvidia-nvtx==13.0.85
  nvidia-cublas==13.1.2.11 nvidia-nccl-cu13==2.28.9)
venv=$DSK_CACHE/cuda-13.0

machine_toolkit() {
  local nvcc root
  nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
  [ -x "$nvcc" ] || return 1
  version_at_least "$("$nvcc" --version | sed -nE 's/.*release ([0-9.]+),.*/\1/p')" 13.0 || return 1
  root=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
  compgen -G "$root/lib64/libcublasLt.so*" >/dev/null || return 1
  echo "$root"
}

# install STAMP WHEEL...: once; a run that was cut short starts over.
install() {
  local stamp=$venv/$1 site lib
  shift
  [ -e "$stamp" ] && return
  echo "installing: $*" >&2
  [ -x "$venv/bin/python" ] || python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install -q --no-deps "$@" >&2
  # The wheels leave out what a linker and CMake look for: lib64 and the unversioned library names.
  site=$(echo "$venv"/lib/python3*/site-packages/nvidia)
  for lib in "$site"/cu13/lib "$site"/nccl/lib; do
    [ -d "$lib" ] || continue
    find "$lib" -name 'lib*.so.*' | while read -r file; do
      [ -e "${file%.so.*}.so" ] || ln -s "$(basename "$file")" "${file%.so.*}.so"
    done
  done
  if [ -d "$site/cu13" ] && [ ! -e "$site/cu13/lib64" ]; then ln -s lib "$site/cu13/lib64"; fi
  touch "$stamp"
}

exec 9>"$DSK_CACHE/lock"
flock 9
if root=$(machine_toolkit); then
  nccl=$root
  if [ ! -e "$root/include/nccl.h" ] && [ ! -e /usr/include/nccl.h ]; then
    install nccl-only nvidia-nccl-cu13==2.28.9
    nccl=$(echo "$venv"/lib/python3*/site-packages/nvidia/nccl)
  elif [ ! -e "$root/include/nccl.h" ]; then
    nccl=/usr
  fi
else
  install toolkit-1 "${wheels[@]}"
  root=$(echo "$venv"/lib/python3*/site-packages/nvidia/cu13)
  nccl=$(echo "$venv"/lib/python3*/site-packages/nvidia/nccl)
fi
echo "-DCMAKE_CUDA_COMPILER=$root/bin/nvcc"
echo "-DCUDAToolkit_ROOT=$root"
echo "-DDSK_NCCL_ROOT=$nccl"
