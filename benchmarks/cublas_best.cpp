#include "benchmarks/cublas_best.hpp"

#include <array>

#include "kernels/cublas_lt.hpp"
#include "src/support/units.hpp"

namespace recpo::bench {
namespace {
constexpr int kMaxAlgorithms = 16, kLaunches = 10;
}  // namespace

template <class T, class C>
std::optional<double> best_cublas_seconds(const kernels::GemmCall<T, C>& call) {
  namespace cublas = kernels::cublas;
  const auto lt = cublas::make_handle();
  const auto matmul = cublas::make_operation<T>(call.op_a, call.op_b);
  const auto b = cublas::make_layout<T>(call.op_b, call.k, call.n, call.ldb);
  const auto a = cublas::make_layout<T>(call.op_a, call.m, call.k, call.lda);
  const auto c = cublas::make_layout<C>(kernels::Op::kNone, call.m, call.n, call.ldc);
  const cublas::Preference preference(cublas::Workspace::kBytes);
  std::array<cublasLtMatmulHeuristicResult_t, kMaxAlgorithms> algorithms;
  int found = 0;
  cublas::check(cublasLtMatmulAlgoGetHeuristic(lt.get(), matmul.get(), b.get(), a.get(), c.get(), c.get(),
                                               preference.get(), kMaxAlgorithms, algorithms.data(), &found),
                "cublasLtMatmulAlgoGetHeuristic");

  const cublas::Workspace workspace;
  const ExecSpace exec;
  const auto launch = [&](const cublasLtMatmulAlgo_t& algorithm) {
    return cublasLtMatmul(lt.get(), matmul.get(), &call.alpha, call.b, b.get(), call.a, a.get(), &call.beta, call.c,
                          c.get(), call.c, c.get(), &algorithm, workspace.data(), cublas::Workspace::kBytes,
                          exec.cuda_stream());
  };
  std::optional<double> best;
  for (int i = 0; i < found; ++i) {
    if (launch(algorithms[i].algo) != CUBLAS_STATUS_SUCCESS) continue;  // offered, but not for these matrices
    exec.fence();
    const auto start = Clock::now();
    for (int repeat = 0; repeat < kLaunches; ++repeat) cublas::check(launch(algorithms[i].algo), "cublasLtMatmul");
    exec.fence();
    const double seconds = seconds_since(start);
    best = std::min(best.value_or(seconds), seconds / kLaunches);
  }
  return best;
}

#define RECPO_INSTANTIATE(T) template decltype(best_cublas_seconds<T, T>) best_cublas_seconds<T, T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE
template decltype(best_cublas_seconds<Bfloat16, float>) best_cublas_seconds<Bfloat16, float>;

}  // namespace recpo::bench
