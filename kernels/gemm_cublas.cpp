#include <cublas_v2.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "kernels/gemm.hpp"
#include "src/support/check.hpp"

namespace recpo::kernels {

namespace {

void check_status(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw_error(ExitCode::kInternal, "cuBLAS: {} failed: {}", what, cublasGetStatusString(status));
}

// One handle a process, destroyed before Kokkos gives the device back.
cublasHandle_t handle() {
  static cublasHandle_t handle = [] {
    RECPO_REQUIRE(Kokkos::is_initialized());
    cublasHandle_t created = nullptr;
    check_status(cublasCreate(&created), "cublasCreate");
    Kokkos::push_finalize_hook([created] { cublasDestroy(created); });
    return created;
  }();
  return handle;
}

template <class T>
struct CublasTypes;
template <>
struct CublasTypes<float> {
  static constexpr cudaDataType kData = CUDA_R_32F;
  static constexpr cublasComputeType_t kCompute = CUBLAS_COMPUTE_32F;  // not TF32
};
template <>
struct CublasTypes<double> {
  static constexpr cudaDataType kData = CUDA_R_64F;
  static constexpr cublasComputeType_t kCompute = CUBLAS_COMPUTE_64F;
};
template <>
struct CublasTypes<Bfloat16> {
  static constexpr cudaDataType kData = CUDA_R_16BF;
  static constexpr cublasComputeType_t kCompute = CUBLAS_COMPUTE_32F;
};

cublasOperation_t cublas_op(Op op) { return op == Op::kTranspose ? CUBLAS_OP_T : CUBLAS_OP_N; }

template <class Call>
bool same_shape(const Call& x, const Call& y) {
  return x.op_a == y.op_a && x.op_b == y.op_b && x.m == y.m && x.n == y.n && x.k == y.k && x.alpha == y.alpha &&
         x.beta == y.beta && x.lda == y.lda && x.ldb == y.ldb && x.ldc == y.ldc;
}

// How far the operands of one call lie behind those of the call before, in elements.
struct Strides {
  long long a = 0, b = 0, c = 0;
  bool operator==(const Strides&) const = default;
};

template <class Call>
Strides strides_between(const Call& x, const Call& y) {
  return {y.a - x.a, y.b - x.b, y.c - x.c};
}

// Calls from the first on that differ only by constant strides: the heads of a sequence. They are one launch.
template <class Call>
std::size_t run_length(std::span<const Call> calls) {
  std::size_t length = 1;
  while (length < calls.size() && same_shape(calls[0], calls[length]) &&
         strides_between(calls[length - 1], calls[length]) == strides_between(calls[0], calls[1])) {
    ++length;
  }
  return length;
}

// cuBLAS is column-major: C^T [n, m] = op(B)^T op(A)^T, and a row-major matrix is the column-major transpose of itself.
template <class T, class C>
void launch_run(const GemmCall<T, C>& call, const Strides& strides, std::size_t count) {
  if (call.m == 0 || call.n == 0) return;
  const auto leading = [](std::int64_t ld) { return std::max<std::int64_t>(ld, 1); };
  check_status(cublasGemmStridedBatchedEx_64(
                   handle(), cublas_op(call.op_b), cublas_op(call.op_a), call.n, call.m, call.k, &call.alpha, call.b,
                   CublasTypes<T>::kData, leading(call.ldb), strides.b, call.a, CublasTypes<T>::kData,
                   leading(call.lda), strides.a, &call.beta, call.c, CublasTypes<C>::kData, leading(call.ldc),
                   strides.c, static_cast<std::int64_t>(count), CublasTypes<T>::kCompute, CUBLAS_GEMM_DEFAULT),
               "cublasGemmStridedBatchedEx");
}

}  // namespace

template <class T, class C>
void gemm_batched(const ExecSpace& exec, std::span<const GemmCall<T, C>> calls) {
  check_status(cublasSetStream(handle(), exec.cuda_stream()), "cublasSetStream");
  while (!calls.empty()) {
    const std::size_t count = run_length(calls);
    launch_run(calls[0], count > 1 ? strides_between(calls[0], calls[1]) : Strides{}, count);
    calls = calls.subspan(count);
  }
}

void initialize_gemm() { handle(); }

const char* gemm_description() {
  static const std::string description = [] {
    int version = 0;
    check_status(cublasGetVersion(handle(), &version), "cublasGetVersion");
    return fmt::format("cuBLAS {}.{}", version / 10000, version / 100 % 100);
  }();
  return description.c_str();
}

#define RECPO_INSTANTIATE(T, C) template void gemm_batched<T, C>(const ExecSpace&, std::span<const GemmCall<T, C>>);
RECPO_FOR_EACH_GEMM_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
