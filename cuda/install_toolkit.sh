#!/usr/bin/env bash
# Installs the parts of CUDA 13.0 that the plugin needs to compile and link, from PyPI, into FOLDER (a virtual
# environment). Needs no GPU and no root. Prints the CMake argument that uses it.
#   usage: cuda/install_toolkit.sh [FOLDER]      default: build/cuda-toolkit
set -euo pipefail
folder=${1:-build/cuda-toolkit}
if ! command -v python3 >/dev/null; then echo "install_toolkit: python3 is missing" >&2; exit 1; fi
[[ -x $folder/bin/python ]] || python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check \
  nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-cuda-runtime==13.0.96 \
  nvidia-cuda-cccl==13.0.85 nvidia-cuda-profiler-api==13.0.85 nvidia-nvtx==13.0.85 \
  nvidia-cublas==13.1.2.11 nvidia-nccl-cu13==2.28.9
root=$(echo "$folder"/lib/python3*/site-packages/nvidia/cu13)
[[ -d $root ]] || { echo "install_toolkit: the wheels did not bring $root" >&2; exit 1; }
# The wheels have lib where CMake looks for lib64, and only the versioned names of the libraries.
[[ -e $root/lib64 ]] || ln -s lib "$root/lib64"
for file in "$root"/lib/*.so.*; do
  plain=${file%%.so.*}.so
  [[ -e $plain ]] || ln -s "$(basename "$file")" "$plain"
done
root=$(realpath "$root")
echo "-DCMAKE_CUDA_COMPILER=$root/bin/nvcc"
