#pragma once
// cuBLASLt's objects as this project needs them: owned, and made from row-major matrices. For CUDA sources only.
//
// cuBLAS is column-major: C^T [n, m] = op(B)^T op(A)^T, and a row-major matrix is the column-major transpose of itself.
// So cuBLAS's first operand is B, its second A.

#include <cublasLt.h>

#include <algorithm>
#include <memory>
#include <type_traits>

#include "kernels/gemm.hpp"
#include "src/support/check.hpp"

namespace recpo::kernels::cublas {

inline void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw_error(ExitCode::kInternal, "cuBLAS: {} failed: {}", what, cublasLtGetStatusString(status));
}

// An object with the function that destroys it.
template <class Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, cublasStatus_t (*)(Handle)>;
using Layout = Owned<cublasLtMatrixLayout_t>;

template <class T>
inline constexpr cudaDataType kDataType = std::is_same_v<T, double>  ? CUDA_R_64F
                                          : std::is_same_v<T, float> ? CUDA_R_32F
                                                                     : CUDA_R_16BF;
// Of products of T; floats are not rounded to TF32.
template <class T>
inline constexpr cublasComputeType_t kComputeType = std::is_same_v<T, double> ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F;

inline Owned<cublasLtHandle_t> make_handle() {
  cublasLtHandle_t created = nullptr;
  check(cublasLtCreate(&created), "cublasLtCreate");
  return {created, cublasLtDestroy};
}

// A matrix X, or a batch of them `stride` elements apart, of which op(X) is [rows, columns].
template <class T>
Layout make_layout(Op op, std::int64_t rows, std::int64_t columns, std::int64_t leading, std::int64_t count = 1,
                   std::int64_t stride = 0) {
  if (op == Op::kTranspose) std::swap(rows, columns);
  cublasLtMatrixLayout_t created = nullptr;
  check(cublasLtMatrixLayoutCreate(&created, kDataType<T>, static_cast<std::uint64_t>(columns),
                                   static_cast<std::uint64_t>(rows), std::max({leading, columns, std::int64_t{1}})),
        "cublasLtMatrixLayoutCreate");
  Layout layout{created, cublasLtMatrixLayoutDestroy};
  const auto set = [&](cublasLtMatrixLayoutAttribute_t attribute, const auto& value) {
    check(cublasLtMatrixLayoutSetAttribute(created, attribute, &value, sizeof value),
          "cublasLtMatrixLayoutSetAttribute");
  };
  set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(count));
  set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride);
  return layout;
}

// op_a(A) op_b(B) for operands of T.
template <class T>
Owned<cublasLtMatmulDesc_t> make_operation(Op op_a, Op op_b) {
  cublasLtMatmulDesc_t created = nullptr;
  check(cublasLtMatmulDescCreate(&created, kComputeType<T>, kDataType<Accumulate<T>>), "cublasLtMatmulDescCreate");
  Owned<cublasLtMatmulDesc_t> operation{created, cublasLtMatmulDescDestroy};
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, Op op) {
    const cublasOperation_t value = op == Op::kTranspose ? CUBLAS_OP_T : CUBLAS_OP_N;
    check(cublasLtMatmulDescSetAttribute(created, attribute, &value, sizeof value), "cublasLtMatmulDescSetAttribute");
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, op_b);
  set(CUBLASLT_MATMUL_DESC_TRANSB, op_a);
  return operation;
}

// What algorithms are chosen by.
class Preference {
 public:
  explicit Preference(std::uint64_t workspace_bytes) : owned_(nullptr, cublasLtMatmulPreferenceDestroy) {
    cublasLtMatmulPreference_t created = nullptr;
    check(cublasLtMatmulPreferenceCreate(&created), "cublasLtMatmulPreferenceCreate");
    owned_.reset(created);
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
  }
  template <class Value>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const Value& value) {
    check(cublasLtMatmulPreferenceSetAttribute(owned_.get(), attribute, &value, sizeof value),
          "cublasLtMatmulPreferenceSetAttribute");
  }
  cublasLtMatmulPreference_t get() const { return owned_.get(); }

 private:
  Owned<cublasLtMatmulPreference_t> owned_;
};

// Device memory that products use one after the other.
class Workspace {
 public:
  static constexpr std::uint64_t kBytes = std::uint64_t{32} << 20;  // NVIDIA's advice for Hopper

  Workspace()
      : memory_(Kokkos::view_alloc("recpo::cublas_lt::workspace", Kokkos::WithoutInitializing), kBytes + kAlignment) {}
  void* data() const {
    const auto begin = reinterpret_cast<std::uintptr_t>(memory_.data()) + kAlignment - 1;
    return reinterpret_cast<void*>(begin / kAlignment * kAlignment);
  }

 private:
  static constexpr std::uintptr_t kAlignment = 256;  // what cublasLtMatmul demands
  OwnedVector<std::byte> memory_;
};

}  // namespace recpo::kernels::cublas
