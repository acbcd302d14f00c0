#include "benchmarks/cublas_best.hpp"

#include <cublasLt.h>

#include <array>
#include <chrono>
#include <memory>

#include "src/support/check.hpp"

namespace recpo::bench {
namespace {

constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;  // what cuBLAS takes for itself on Hopper
constexpr std::uintptr_t kWorkspaceAlignment = 256;             // what cublasLtMatmul demands
constexpr int kMostAlgorithms = 16, kLaunches = 10;

void check_status(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw_error(ExitCode::kInternal, "cuBLASLt: {} failed: {}", what, cublasGetStatusString(status));
}

// An object of cuBLASLt's with the function that destroys it.
template <class Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, cublasStatus_t (*)(Handle)>;

template <class T>
constexpr cudaDataType data_type() {
  if constexpr (std::is_same_v<T, double>) return CUDA_R_64F;
  return std::is_same_v<T, Bfloat16> ? CUDA_R_16BF : CUDA_R_32F;
}

// A row-major matrix is the column-major transpose of itself: [columns, rows] with the same leading dimension.
template <class T>
Owned<cublasLtMatrixLayout_t> layout(std::int64_t rows, std::int64_t columns, std::int64_t leading) {
  cublasLtMatrixLayout_t created = nullptr;
  check_status(cublasLtMatrixLayoutCreate(&created, data_type<T>(), static_cast<std::uint64_t>(columns),
                                          static_cast<std::uint64_t>(rows), leading),
               "cublasLtMatrixLayoutCreate");
  return {created, cublasLtMatrixLayoutDestroy};
}

template <class T>
Owned<cublasLtMatmulDesc_t> operation(kernels::Op op_first, kernels::Op op_second) {
  constexpr auto kCompute = std::is_same_v<T, double> ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F;
  cublasLtMatmulDesc_t created = nullptr;
  check_status(cublasLtMatmulDescCreate(&created, kCompute, data_type<Accumulate<T>>()), "cublasLtMatmulDescCreate");
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, kernels::Op op) {
    const cublasOperation_t value = op == kernels::Op::kTranspose ? CUBLAS_OP_T : CUBLAS_OP_N;
    check_status(cublasLtMatmulDescSetAttribute(created, attribute, &value, sizeof value), "setting an operation");
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, op_first);
  set(CUBLASLT_MATMUL_DESC_TRANSB, op_second);
  return {created, cublasLtMatmulDescDestroy};
}

Owned<cublasLtMatmulPreference_t> preference() {
  cublasLtMatmulPreference_t created = nullptr;
  check_status(cublasLtMatmulPreferenceCreate(&created), "cublasLtMatmulPreferenceCreate");
  check_status(cublasLtMatmulPreferenceSetAttribute(created, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes,
                                                    sizeof kWorkspaceBytes),
               "setting the workspace");
  return {created, cublasLtMatmulPreferenceDestroy};
}

Owned<cublasLtHandle_t> handle() {
  cublasLtHandle_t created = nullptr;
  check_status(cublasLtCreate(&created), "cublasLtCreate");
  return {created, cublasLtDestroy};
}

}  // namespace

template <class T, class C>
std::optional<double> best_cublas_seconds(const kernels::GemmCall<T, C>& call) {
  using kernels::Op;
  const bool a_transposed = call.op_a == Op::kTranspose, b_transposed = call.op_b == Op::kTranspose;
  const auto lt = handle();
  const auto matmul = operation<T>(call.op_b, call.op_a);  // C^T = op(B)^T op(A)^T
  const auto b = b_transposed ? layout<T>(call.n, call.k, call.ldb) : layout<T>(call.k, call.n, call.ldb);
  const auto a = a_transposed ? layout<T>(call.k, call.m, call.lda) : layout<T>(call.m, call.k, call.lda);
  const auto c = layout<C>(call.m, call.n, call.ldc);
  std::array<cublasLtMatmulHeuristicResult_t, kMostAlgorithms> algorithms;
  int found = 0;
  check_status(cublasLtMatmulAlgoGetHeuristic(lt.get(), matmul.get(), b.get(), a.get(), c.get(), c.get(),
                                              preference().get(), kMostAlgorithms, algorithms.data(), &found),
               "cublasLtMatmulAlgoGetHeuristic");

  const OwnedVector<std::byte> memory("recpo::bench::workspace", kWorkspaceBytes + kWorkspaceAlignment);
  const auto begin = reinterpret_cast<std::uintptr_t>(memory.data()) + kWorkspaceAlignment - 1;
  void* const workspace = reinterpret_cast<void*>(begin / kWorkspaceAlignment * kWorkspaceAlignment);
  const ExecSpace exec;
  const auto launch = [&](const cublasLtMatmulAlgo_t& algorithm) {
    return cublasLtMatmul(lt.get(), matmul.get(), &call.alpha, call.b, b.get(), call.a, a.get(), &call.beta, call.c,
                          c.get(), call.c, c.get(), &algorithm, workspace, kWorkspaceBytes, exec.cuda_stream());
  };
  std::optional<double> best;
  for (int i = 0; i < found; ++i) {
    if (launch(algorithms[i].algo) != CUBLAS_STATUS_SUCCESS) continue;  // offered, but not for these matrices
    exec.fence();
    const auto start = std::chrono::steady_clock::now();
    for (int repeat = 0; repeat < kLaunches; ++repeat) check_status(launch(algorithms[i].algo), "cublasLtMatmul");
    exec.fence();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::min(best.value_or(seconds.count()), seconds.count() / kLaunches);
  }
  return best;
}

#define RECPO_INSTANTIATE(T, C) \
  template std::optional<double> best_cublas_seconds<T, C>(const kernels::GemmCall<T, C>&);
RECPO_FOR_EACH_GEMM_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::bench
