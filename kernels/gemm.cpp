// What both vendors' versions share: whole matrices as one call, and the measured rate.
#include "kernels/gemm.hpp"

#include <algorithm>

#include "kernels/row.hpp"
#include "src/support/check.hpp"
#include "src/support/units.hpp"

namespace recpo::kernels {

namespace {

template <class T, class C>
GemmCall<T, C> whole_matrices(Op op_a, Op op_b, Accumulate<T> alpha, const Matrix<const T>& a, const Matrix<const T>& b,
                              Accumulate<T> beta, const Matrix<C>& c) {
  const bool a_transposed = op_a == Op::kTranspose, b_transposed = op_b == Op::kTranspose;
  const auto m = c.extent(0), n = c.extent(1), k = a.extent(a_transposed ? 0 : 1);
  RECPO_REQUIRE(a.extent(a_transposed ? 1 : 0) == m);
  RECPO_REQUIRE(b.extent(b_transposed ? 1 : 0) == k);
  RECPO_REQUIRE(b.extent(b_transposed ? 0 : 1) == n);
  const auto length = [](std::size_t extent) { return static_cast<std::int64_t>(extent); };
  return {.op_a = op_a,
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
}

}  // namespace

template <class T, class C>
void gemm(const ExecSpace& exec, Op op_a, Op op_b, Accumulate<T> alpha, Matrix<const T> a, Matrix<const T> b,
          Accumulate<T> beta, Matrix<std::type_identity_t<C>> c) {
  const GemmCall<T, C> call = whole_matrices<T, C>(op_a, op_b, alpha, a, b, beta, c);
  gemm_batched<T, C>(exec, std::span(&call, 1));
}

template <class T, class C>
void gemm_add(const ExecSpace& exec, Op op_a, Op op_b, Accumulate<T> alpha, Matrix<const T> a, Matrix<const T> b,
              Matrix<std::type_identity_t<const C>> addend, Matrix<std::type_identity_t<C>> c) {
  RECPO_REQUIRE(addend.extent(0) == c.extent(0) && addend.extent(1) == c.extent(1));
  GemmCall<T, C> call = whole_matrices<T, C>(op_a, op_b, alpha, a, b, 1, c);
  if (addend.data() != c.data()) {
    call.addend = addend.data();
    call.ld_addend = static_cast<std::int64_t>(addend.stride(0));
  }
  gemm_batched<T, C>(exec, std::span(&call, 1));
}

namespace {

// Numbers in [-1, 1) without a pattern: a GPU multiplies constants faster than data, because fewer of its bits change.
template <class T>
OwnedMatrix<T> scattered_matrix(std::int64_t rows, std::int64_t columns) {
  const OwnedMatrix<T> matrix(Kokkos::view_alloc(Kokkos::WithoutInitializing, "recpo::gemm::rate"), rows, columns);
  T* values = matrix.data();
  for_each_element(
      ExecSpace(), "recpo::gemm::scatter", rows * columns, KOKKOS_LAMBDA(std::int64_t i) {
        std::uint32_t bits = static_cast<std::uint32_t>(i) * 0x9E3779B9u;
        bits = (bits ^ (bits >> 15)) * 0x85EBCA6Bu;
        bits ^= bits >> 13;
        values[i] = static_cast<T>(static_cast<float>(static_cast<std::int32_t>(bits)) * 0x1p-31f);
      });
  return matrix;
}

// FLOP/s of the fastest of the products [m, k] [k, n] that fit into `seconds_limit`: the machine may be shared.
template <class T>
double best_rate(std::int64_t m, std::int64_t n, std::int64_t k, double seconds_limit) {
  const ExecSpace exec;
  const auto a = scattered_matrix<T>(m, k), b = scattered_matrix<T>(n, k);
  const OwnedMatrix<T> c("recpo::gemm::rate_c", m, n);
  double best = 0, total = 0;  // seconds
  for (int i = 0; i < 2 || total < seconds_limit; ++i) {
    exec.fence("recpo::gemm::rate");
    const auto begin = Clock::now();
    gemm<T>(exec, Op::kNone, Op::kTranspose, 1, a, b, 0, c);
    exec.fence("recpo::gemm::rate");
    const double seconds = seconds_since(begin);
    if (i == 0) continue;  // the first product starts threads and allocates
    best = i == 1 ? seconds : std::min(best, seconds);
    total += seconds;
  }
  return 2.0 * static_cast<double>(m * n * k) / best;
}

}  // namespace

template <class T>
double measured_gemm_rate() {
  static const double rate = [] {
    if constexpr (kOnHost) {
      // A long inner dimension suits some libraries, a short one others: the limit is what the better one reaches.
      return std::max(best_rate<T>(1536, 1536, 1536, 0.1), best_rate<T>(1536, 1536, 576, 0.1));
    }
    constexpr std::int64_t kSide = sizeof(T) == 2 ? 8192 : 4096;  // a device needs thousands of tiles to be busy
    return best_rate<T>(kSide, kSide, kSide, 0.2);
  }();
  return rate;
}

RECPO_INSTANTIATE_STORAGE(gemm);
RECPO_INSTANTIATE_STORAGE(gemm_add);
RECPO_INSTANTIATE_STORAGE(measured_gemm_rate);
template decltype(gemm<Bfloat16, float>) gemm<Bfloat16, float>;
template decltype(gemm_add<Bfloat16, float>) gemm_add<Bfloat16, float>;

}  // namespace recpo::kernels
