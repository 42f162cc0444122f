#include "blas.hpp"

namespace dsk::cuda {

Blas::Blas() {
  if (!library.is_open()) {
    missing = "cuBLASLt was not found: " + library.missing();
    return;
  }
  const bool complete =
      library.bind(create, "cublasLtCreate") && library.bind(destroy, "cublasLtDestroy") &&
      library.bind(get_version, "cublasLtGetVersion") && library.bind(matmul, "cublasLtMatmul") &&
      library.bind(heuristic, "cublasLtMatmulAlgoGetHeuristic") &&
      library.bind(algo_check, "cublasLtMatmulAlgoCheck") &&
      library.bind(desc_init, "cublasLtMatmulDescInit_internal") &&
      library.bind(desc_set, "cublasLtMatmulDescSetAttribute") &&
      library.bind(layout_init, "cublasLtMatrixLayoutInit_internal") &&
      library.bind(preference_init, "cublasLtMatmulPreferenceInit_internal") &&
      library.bind(preference_set, "cublasLtMatmulPreferenceSetAttribute") &&
      library.bind(status_name, "cublasLtGetStatusName");
  std::size_t number = 0;
  if (get_version) number = get_version();
  // 130100 in the form of CUDA 13: 10000 * major + 100 * minor + patch.
  if (number)
    version = std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
              std::to_string(number % 100);
  if (!complete || number < 130000)
    missing = "cuBLASLt is too old: needs 13.0, found " +
              (version.empty() ? "one without a version" : version);
}

const Blas& blas() {
  static const Blas instance;
  return instance;
}

} // namespace dsk::cuda
