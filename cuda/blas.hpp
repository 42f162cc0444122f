// cuBLASLt, opened at run time.
#pragma once

#include <cublasLt.h>

#include <string>

#include "library.hpp"

namespace dsk::cuda {

struct Blas {
  Library library{{"libcublasLt.so.13", "libcublasLt.so"}};
  std::string version; // "13.1.2", "" when the library is not there
  std::string missing; // why it cannot be used, "" when it can

  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtGetVersion) get_version = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
  decltype(&cublasLtMatmulAlgoCheck) algo_check = nullptr;
  decltype(&cublasLtMatmulDescInit_internal) desc_init = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set = nullptr;
  decltype(&cublasLtMatrixLayoutInit_internal) layout_init = nullptr;
  decltype(&cublasLtMatmulPreferenceInit_internal) preference_init = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
  decltype(&cublasLtGetStatusName) status_name = nullptr;

  Blas();
};

/// Looked up once.
const Blas& blas();

} // namespace dsk::cuda
