#pragma once
// Matrix products by the vendor's library: CBLAS on the CPU (gemm_cblas.cpp), cuBLAS on the GPU (gemm_cublas.cpp).
// Row-major: C = alpha op(A) op(B) + beta C, or + Z of another matrix (a residual), with op(A) [m, k], op(B) [k, n],
// C and Z [m, n] and leading dimensions in elements. A and B are stored as T; C as T or, for bfloat16, as float
// (gradients of weights, logits, scores). Sums are formed in Accumulate<T>. The result has the same bits for any number
// of threads: the CPU version cuts C into tiles that depend on the shape only and lets one thread compute a tile.
// Asynchronous on `exec`; local to the calling rank.

#include <cstdint>
#include <span>
#include <type_traits>

#include "src/support/views.hpp"

namespace recpo::kernels {

enum class Op : std::uint8_t { kNone, kTranspose };

// Raw operands, for products over parts of a matrix (heads).
template <class T, class C = T>
struct GemmCall {
  Op op_a = Op::kNone, op_b = Op::kNone;
  std::int64_t m = 0, n = 0, k = 0;
  Accumulate<T> alpha = 1;
  const T* a = nullptr;
  std::int64_t lda = 0;
  const T* b = nullptr;
  std::int64_t ldb = 0;
  Accumulate<T> beta = 0;
  C* c = nullptr;
  std::int64_t ldc = 0;
  const C* addend = nullptr;  // Z [m, n]; null: C itself
  std::int64_t ld_addend = 0;
};

// Matrices may have a row stride larger than their width (column ranges of a wider matrix).
template <class T, class C = T>
void gemm(const ExecSpace& exec, Op op_a, Op op_b, Accumulate<T> alpha, Matrix<const T> a, Matrix<const T> b,
          Accumulate<T> beta, Matrix<std::type_identity_t<C>> c);

// C = alpha op(A) op(B) + Z. C and Z may be the same matrix and must not overlap otherwise.
template <class T, class C = T>
void gemm_add(const ExecSpace& exec, Op op_a, Op op_b, Accumulate<T> alpha, Matrix<const T> a, Matrix<const T> b,
              Matrix<std::type_identity_t<const C>> addend, Matrix<std::type_identity_t<C>> c);

// Independent products; no two calls may write the same C.
template <class T, class C = T>
void gemm_batched(const ExecSpace& exec, std::span<const GemmCall<T, C>> calls);

// After Kokkos::initialize: one thread a BLAS call (the tiles are the parallelism). On the GPU: creates the handle.
// The first product does it too, where a program has not; later calls do nothing.
void initialize_gemm();
// "OpenBLAS 0.3.21 SkylakeX" or "cuBLAS 13.0"
const char* gemm_description();

// The machine's own limit, measured once when asked (the fastest of large products, about 0.2 s): FLOP/s.
template <class T>
double measured_gemm_rate();

}  // namespace recpo::kernels
