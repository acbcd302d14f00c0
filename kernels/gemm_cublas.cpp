#include <cublasLt.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <string>

#include "kernels/gemm.hpp"
#include "src/support/check.hpp"

namespace recpo::kernels {

namespace {

void check_status(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw_error(ExitCode::kInternal, "cuBLAS: {} failed: {}", what, cublasLtGetStatusString(status));
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

// How far the operands of one call lie behind those of the call before, in elements.
struct Strides {
  std::int64_t a = 0, b = 0, addend = 0, c = 0;
  auto operator<=>(const Strides&) const = default;
};

// The largest power of two that divides the addresses of a batch, as far as algorithms care.
template <class Element>
std::uint32_t alignment(const Element* address, std::int64_t stride) {
  constexpr std::uint64_t kMost = 256;
  const std::uint64_t bits =
      reinterpret_cast<std::uintptr_t>(address) | static_cast<std::uint64_t>(stride) * sizeof(Element) | kMost;
  return static_cast<std::uint32_t>(bits & ~(bits - 1));
}

// All that the choice of an algorithm depends on.
struct PlanKey {
  Op op_a, op_b;
  std::int64_t m, n, k, lda, ldb, ld_addend, ldc;
  std::int64_t count;
  Strides strides;
  bool in_place;  // the addend is C itself
  std::uint32_t a_alignment, b_alignment, addend_alignment, c_alignment;
  auto operator<=>(const PlanKey&) const = default;
};

// cuBLAS is column-major: C^T [n, m] = op(B)^T op(A)^T, and a row-major matrix is the column-major transpose of itself.
class Plan {
 public:
  template <class T, class C>
  static Plan make(cublasLtHandle_t handle, std::uint64_t workspace_bytes, const PlanKey& key) {
    using Types = CublasTypes<T>;
    const bool a_transposed = key.op_a == Op::kTranspose, b_transposed = key.op_b == Op::kTranspose;
    Plan plan;
    check_status(cublasLtMatmulDescCreate(&plan.operation_, Types::kCompute, CublasTypes<Accumulate<T>>::kData),
                 "cublasLtMatmulDescCreate");
    plan.set_operation(CUBLASLT_MATMUL_DESC_TRANSA, cublas_op(key.op_b));
    plan.set_operation(CUBLASLT_MATMUL_DESC_TRANSB, cublas_op(key.op_a));
    plan.first_ = layout(Types::kData, b_transposed ? key.k : key.n, b_transposed ? key.n : key.k, key.ldb, key.count,
                         key.strides.b);
    plan.second_ = layout(Types::kData, a_transposed ? key.m : key.k, a_transposed ? key.k : key.m, key.lda, key.count,
                          key.strides.a);
    if (!key.in_place) {
      plan.addend_ = layout(CublasTypes<C>::kData, key.n, key.m, key.ld_addend, key.count, key.strides.addend);
    }
    plan.result_ = layout(CublasTypes<C>::kData, key.n, key.m, key.ldc, key.count, key.strides.c);
    plan.choose(handle, workspace_bytes, key);
    return plan;
  }

  Plan(Plan&& other) noexcept { *this = std::move(other); }
  Plan& operator=(Plan&& other) noexcept {
    std::swap(operation_, other.operation_);
    std::swap(first_, other.first_);
    std::swap(second_, other.second_);
    std::swap(addend_, other.addend_);
    std::swap(result_, other.result_);
    algorithm_ = other.algorithm_;
    return *this;
  }
  ~Plan() {
    if (operation_ != nullptr) cublasLtMatmulDescDestroy(operation_);
    for (const cublasLtMatrixLayout_t matrix : {first_, second_, addend_, result_}) {
      if (matrix != nullptr) cublasLtMatrixLayoutDestroy(matrix);
    }
  }

  template <class T, class C>
  void run(cublasLtHandle_t handle, cudaStream_t stream, void* workspace, std::uint64_t workspace_bytes,
           const GemmCall<T, C>& call) const {
    check_status(cublasLtMatmul(handle, operation_, &call.alpha, call.b, first_, call.a, second_, &call.beta,
                                call.addend != nullptr ? call.addend : call.c, addend(), call.c, result_, &algorithm_,
                                workspace, workspace_bytes, stream),
                 "cublasLtMatmul");
  }

 private:
  Plan() = default;

  static cublasLtMatrixLayout_t layout(cudaDataType type, std::int64_t rows, std::int64_t columns, std::int64_t ld,
                                       std::int64_t count, std::int64_t stride) {
    cublasLtMatrixLayout_t matrix = nullptr;
    check_status(cublasLtMatrixLayoutCreate(&matrix, type, static_cast<std::uint64_t>(rows),
                                            static_cast<std::uint64_t>(columns), std::max({ld, rows, std::int64_t{1}})),
                 "cublasLtMatrixLayoutCreate");
    const auto batch = static_cast<std::int32_t>(count);
    cublasLtMatrixLayoutSetAttribute(matrix, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch);
    cublasLtMatrixLayoutSetAttribute(matrix, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride);
    return matrix;
  }

  cublasLtMatrixLayout_t addend() const { return addend_ != nullptr ? addend_ : result_; }

  void set_operation(cublasLtMatmulDescAttributes_t attribute, cublasOperation_t value) {
    check_status(cublasLtMatmulDescSetAttribute(operation_, attribute, &value, sizeof value),
                 "cublasLtMatmulDescSetAttribute");
  }

  // The first of cuBLAS's own ranking: measured choices would differ between ranks and runs, and so would the bits.
  void choose(cublasLtHandle_t handle, std::uint64_t workspace_bytes, const PlanKey& key) {
    cublasLtMatmulPreference_t preference = nullptr;
    check_status(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
      cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value);
    };
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    // Where the inner dimension is split, parts are added as sums, not as what is stored: a result is rounded once.
    constexpr std::uint32_t kReduction = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, kReduction);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.b_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.a_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key.addend_alignment);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.c_alignment);
    cublasLtMatmulHeuristicResult_t best{};
    int found = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(handle, operation_, first_, second_, addend(), result_,
                                                                 preference, 1, &best, &found);
    cublasLtMatmulPreferenceDestroy(preference);
    check_status(found == 0 && status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status,
                 "cublasLtMatmulAlgoGetHeuristic");
    algorithm_ = best.algo;
  }

  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t first_ = nullptr, second_ = nullptr, addend_ = nullptr, result_ = nullptr;
  cublasLtMatmulAlgo_t algorithm_{};
};

// One a process: the handle, the workspace, and the plans of the shapes met so far. Destroyed before Kokkos gives the
// device back. The workspace is used by one product after the other: all work of a process runs on one stream.
class Library {
 public:
  Library() {
    check_status(cublasLtCreate(&handle_), "cublasLtCreate");
    memory_ = OwnedVector<std::byte>(Kokkos::view_alloc("recpo::gemm::workspace", Kokkos::WithoutInitializing),
                                     kWorkspaceBytes + kWorkspaceAlignment);
    const auto begin = reinterpret_cast<std::uintptr_t>(memory_.data());
    workspace_ = reinterpret_cast<void*>((begin + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment);
  }
  ~Library() { cublasLtDestroy(handle_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  template <class T, class C>
  void run(const ExecSpace& exec, const PlanKey& key, const GemmCall<T, C>& call) {
    std::map<PlanKey, Plan>& known = plans<T, C>();
    auto place = known.find(key);
    if (place == known.end()) {
      if (known.size() >= kMostPlans) known.clear();  // batches of ever new lengths
      place = known.emplace(key, Plan::make<T, C>(handle_, kWorkspaceBytes, key)).first;
    }
    place->second.run(handle_, exec.cuda_stream(), workspace_, kWorkspaceBytes, call);
  }

 private:
  static constexpr std::uint64_t kWorkspaceBytes = std::uint64_t{32} << 20;  // NVIDIA's advice for Hopper
  static constexpr std::uintptr_t kWorkspaceAlignment = 256;                 // what cublasLtMatmul demands
  static constexpr std::size_t kMostPlans = 4096;

  template <class T, class C>
  std::map<PlanKey, Plan>& plans() {
    return plans_[std::bit_width(sizeof(T)) * 2 + (sizeof(T) == sizeof(C) ? 1 : 0)];
  }

  cublasLtHandle_t handle_ = nullptr;
  OwnedVector<std::byte> memory_;
  void* workspace_ = nullptr;  // in memory_
  std::map<PlanKey, Plan> plans_[10];  // for each pair of types
};

Library& library() {
  static std::unique_ptr<Library> library = [] {
    RECPO_REQUIRE(Kokkos::is_initialized());
    Kokkos::push_finalize_hook([] { library.reset(); });
    return std::make_unique<Library>();
  }();
  return *library;
}

template <class Call>
PlanKey key_of(const Call& call, const Strides& strides, std::size_t count) {
  const bool separate = call.addend != nullptr;
  return {.op_a = call.op_a,
          .op_b = call.op_b,
          .m = call.m,
          .n = call.n,
          .k = call.k,
          .lda = call.lda,
          .ldb = call.ldb,
          .ld_addend = separate ? call.ld_addend : call.ldc,
          .ldc = call.ldc,
          .count = static_cast<std::int64_t>(count),
          .strides = strides,
          .in_place = !separate,
          .a_alignment = alignment(call.a, strides.a),
          .b_alignment = alignment(call.b, strides.b),
          .addend_alignment = alignment(separate ? call.addend : call.c, strides.addend),
          .c_alignment = alignment(call.c, strides.c)};
}

template <class Call>
bool same_shape(const Call& x, const Call& y) {
  return x.op_a == y.op_a && x.op_b == y.op_b && x.m == y.m && x.n == y.n && x.k == y.k && x.alpha == y.alpha &&
         x.beta == y.beta && x.lda == y.lda && x.ldb == y.ldb && x.ldc == y.ldc && x.ld_addend == y.ld_addend &&
         (x.addend == nullptr) == (y.addend == nullptr);
}

template <class Call>
Strides strides_between(const Call& x, const Call& y) {
  const std::int64_t c = y.c - x.c;
  return {y.a - x.a, y.b - x.b, x.addend != nullptr ? y.addend - x.addend : c, c};
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

// beta C of a product without an inner dimension, which cuBLAS does not take.
template <class T, class C>
void scale_only(const ExecSpace& exec, const GemmCall<T, C>& call) {
  const GemmCall<T, C> copy = call;
  Kokkos::parallel_for(
      "recpo::gemm::scale", RangePolicy(exec, 0, call.m * call.n), KOKKOS_LAMBDA(std::int64_t i) {
        const std::int64_t row = i / copy.n, column = i % copy.n;
        C& c = copy.c[row * copy.ldc + column];
        const C from = copy.addend != nullptr ? copy.addend[row * copy.ld_addend + column] : c;
        c = copy.beta == 0 ? C(0) : static_cast<C>(copy.beta * from);
      });
}

}  // namespace

template <class T, class C>
void gemm_batched(const ExecSpace& exec, std::span<const GemmCall<T, C>> calls) {
  while (!calls.empty()) {
    const std::size_t count = run_length(calls);
    const GemmCall<T, C>& call = calls[0];
    if (call.m > 0 && call.n > 0 && call.k > 0) {
      const Strides strides = count > 1 ? strides_between(calls[0], calls[1]) : Strides{};
      library().run(exec, key_of(call, strides, count), call);
    } else if (call.m > 0 && call.n > 0) {
      for (std::size_t i = 0; i < count; ++i) scale_only(exec, calls[i]);
    }
    calls = calls.subspan(count);
  }
}

void initialize_gemm() { library(); }

const char* gemm_description() {
  static const std::string description = [] {
    const std::size_t version = cublasLtGetVersion();
    return fmt::format("cuBLAS {}.{}", version / 10000, version / 100 % 100);
  }();
  return description.c_str();
}

#define RECPO_INSTANTIATE(T, C) template void gemm_batched<T, C>(const ExecSpace&, std::span<const GemmCall<T, C>>);
RECPO_FOR_EACH_GEMM_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
