# Sourced: cuBLASLt, NCCL and cuSPARSELt from PyPI lie beside PyTorch; a system toolkit needs nothing.
for library in $(python3 -c 'import nvidia, os; print(" ".join(os.path.join(p, d, "lib") for p in nvidia.__path__ for d in os.listdir(p)))' 2>/dev/null); do
  LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$library
done
export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
