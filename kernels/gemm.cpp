// What both vendors' versions share: whole matrices as one call, and the measured rate.
#include "kernels/gemm.hpp"

#include <algorithm>
#include <chrono>

#include "src/support/check.hpp"

namespace recpo::kernels {

template <class T>
void gemm(const ExecSpace& exec, Op op_a, Op op_b, T alpha, Matrix<const T> a, Matrix<const T> b, T beta, Matrix<T> c) {
  const bool a_transposed = op_a == Op::kTranspose, b_transposed = op_b == Op::kTranspose;
  const auto m = c.extent(0), n = c.extent(1), k = a.extent(a_transposed ? 0 : 1);
  RECPO_REQUIRE(a.extent(a_transposed ? 1 : 0) == m);
  RECPO_REQUIRE(b.extent(b_transposed ? 1 : 0) == k);
  RECPO_REQUIRE(b.extent(b_transposed ? 0 : 1) == n);
  const auto length = [](std::size_t extent) { return static_cast<std::int64_t>(extent); };
  const GemmCall<T> call{.op_a = op_a,
                         .op_b = op_b,
                         .m = length(m),
                         .n = length(n),
                         .k = length(k),
                         .alpha = alpha,
                         .a = a.data(),
                         .lda = length(a.stride(0)),
                         .b = b.data(),
                         .ldb = length(b.stride(0)),
                         .beta = beta,
                         .c = c.data(),
                         .ldc = length(c.stride(0))};
  gemm_batched<T>(exec, std::span(&call, 1));
}

template <class T>
double measured_gemm_rate() {
  static const double rate = [] {
    constexpr std::int64_t kSize = 1536;
    constexpr double kSeconds = 0.2;
    using Clock = std::chrono::steady_clock;
    const ExecSpace exec;
    OwnedMatrix<T> a("recpo::gemm::rate_a", kSize, kSize), b("recpo::gemm::rate_b", kSize, kSize),
        c("recpo::gemm::rate_c", kSize, kSize);
    Kokkos::deep_copy(exec, a, T(1));
    Kokkos::deep_copy(exec, b, T(1));
    double best = 0;  // seconds of the fastest product: the machine may be shared
    double total = 0;
    for (int i = 0; i == 0 || total < kSeconds; ++i) {
      exec.fence("recpo::gemm::rate");
      const auto begin = Clock::now();
      gemm<T>(exec, Op::kNone, Op::kTranspose, T(1), a, b, T(0), c);
      exec.fence("recpo::gemm::rate");
      const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      if (i == 0) continue;  // the first product starts threads and allocates
      best = i == 1 ? seconds : std::min(best, seconds);
      total += seconds;
    }
    return 2.0 * kSize * kSize * kSize / best;
  }();
  return rate;
}

#define RECPO_INSTANTIATE(T)                                                                          \
  template void gemm<T>(const ExecSpace&, Op, Op, T, Matrix<const T>, Matrix<const T>, T, Matrix<T>); \
  template double measured_gemm_rate<T>();
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
