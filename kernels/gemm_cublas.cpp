#include <fmt/format.h>

#include <bit>
#include <map>
#include <string>

#include "kernels/cublas_lt.hpp"
#include "kernels/gemm.hpp"
#include "src/support/check.hpp"

namespace recpo::kernels {

namespace {

// How far the operands of one call lie behind those of the call before, in elements.
struct Strides {
  std::int64_t a = 0, b = 0, addend = 0, c = 0;
  auto operator<=>(const Strides&) const = default;
};

// The largest power of two that divides the addresses of a batch, as far as algorithms care.
template <class Element>
std::uint32_t alignment(const Element* address, std::int64_t stride) {
  constexpr std::uint64_t kMax = 256;
  const std::uint64_t bits =
      reinterpret_cast<std::uintptr_t>(address) | static_cast<std::uint64_t>(stride) * sizeof(Element) | kMax;
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

class Plan {
 public:
  template <class T, class C>
  static Plan make(cublasLtHandle_t handle, const PlanKey& key) {
    const auto layout_of_c = [&](std::int64_t leading, std::int64_t stride) {
      return cublas::make_layout<C>(Op::kNone, key.m, key.n, leading, key.count, stride);
    };
    Plan plan{cublas::make_operation<T>(key.op_a, key.op_b),
              cublas::make_layout<T>(key.op_b, key.k, key.n, key.ldb, key.count, key.strides.b),
              cublas::make_layout<T>(key.op_a, key.m, key.k, key.lda, key.count, key.strides.a),
              key.in_place ? cublas::Layout{nullptr, cublasLtMatrixLayoutDestroy}
                           : layout_of_c(key.ld_addend, key.strides.addend),
              layout_of_c(key.ldc, key.strides.c),
              {}};
    plan.choose(handle, key);
    return plan;
  }

  template <class T, class C>
  void run(cublasLtHandle_t handle, cudaStream_t stream, const cublas::Workspace& workspace,
           const GemmCall<T, C>& call) const {
    cublas::check(cublasLtMatmul(handle, operation_.get(), &call.alpha, call.b, first_.get(), call.a, second_.get(),
                                 &call.beta, call.addend != nullptr ? call.addend : call.c, addend(), call.c,
                                 result_.get(), &algorithm_, workspace.data(), cublas::Workspace::kBytes, stream),
                  "cublasLtMatmul");
  }

 private:
  Plan(cublas::Owned<cublasLtMatmulDesc_t> operation, cublas::Layout first, cublas::Layout second,
       cublas::Layout addend, cublas::Layout result, const cublasLtMatmulAlgo_t& algorithm)
      : operation_(std::move(operation)),
        first_(std::move(first)),
        second_(std::move(second)),
        addend_(std::move(addend)),
        result_(std::move(result)),
        algorithm_(algorithm) {}

  cublasLtMatrixLayout_t addend() const { return addend_ ? addend_.get() : result_.get(); }

  // The first of cuBLAS's own ranking: measured choices would differ between ranks and runs, and so would the bits.
  void choose(cublasLtHandle_t handle, const PlanKey& key) {
    cublas::Preference preference(cublas::Workspace::kBytes);
    // Where the inner dimension is split, parts are added as sums, not as what is stored: a result is rounded once.
    preference.set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                   static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.b_alignment);
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.a_alignment);
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key.addend_alignment);
    preference.set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.c_alignment);
    cublasLtMatmulHeuristicResult_t best{};
    int found = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle, operation_.get(), first_.get(), second_.get(), addend(), result_.get(),
                                       preference.get(), 1, &best, &found);
    cublas::check(found == 0 && status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status,
                  "cublasLtMatmulAlgoGetHeuristic");
    algorithm_ = best.algo;
  }

  cublas::Owned<cublasLtMatmulDesc_t> operation_;
  cublas::Layout first_, second_;  // of B and of A
  cublas::Layout addend_;          // null where C is added to itself
  cublas::Layout result_;
  cublasLtMatmulAlgo_t algorithm_;
};

// One a process: the handle, the workspace, and the plans of the shapes met so far. Destroyed before Kokkos gives the
// device back. All work of a process runs on one stream, so that products may share the workspace.
class Library {
 public:
  template <class T, class C>
  void run(const ExecSpace& exec, const PlanKey& key, const GemmCall<T, C>& call) {
    std::map<PlanKey, Plan>& known = plans<T, C>();
    auto place = known.find(key);
    if (place == known.end()) {
      if (known.size() >= kMaxPlans) known.clear();  // batches of ever new lengths
      place = known.emplace(key, Plan::make<T, C>(handle_.get(), key)).first;
    }
    place->second.run(handle_.get(), exec.cuda_stream(), workspace_, call);
  }

 private:
  static constexpr std::size_t kMaxPlans = 4096;

  template <class T, class C>
  std::map<PlanKey, Plan>& plans() {
    return plans_[std::bit_width(sizeof(T)) * 2 + (sizeof(T) == sizeof(C) ? 1 : 0)];
  }

  const cublas::Owned<cublasLtHandle_t> handle_ = cublas::make_handle();
  const cublas::Workspace workspace_;
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

RECPO_INSTANTIATE_STORAGE(gemm_batched);
template decltype(gemm_batched<Bfloat16, float>) gemm_batched<Bfloat16, float>;

}  // namespace recpo::kernels
