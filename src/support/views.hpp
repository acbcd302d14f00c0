#pragma once
// The only aliases of Kokkos types. All Views are row-major (LayoutRight) and live in the memory of the default
// execution space: host memory with OpenMP, device memory with CUDA. Kernels and the model take the unmanaged
// forms `Vector<T>` and `Matrix<T>`: slices of one planned allocation (support/memory_pool.hpp), which never own
// memory. A managed View converts to them implicitly, and so does Matrix<T> to Matrix<const T>.
//
// Dimension letters, everywhere in the project:
//   T tokens of a micro-batch   H hidden size      D head dimension   N query heads   G key/value heads
//   F feed-forward size         V vocabulary       L layers           R rows that predict an answer token
//   M targets (predicted answer tokens)            B sequences        C completions

#include <Kokkos_Core.hpp>
#include <cstdint>
#include <type_traits>

#include "src/support/bfloat16.hpp"

namespace recpo {

using ExecSpace = Kokkos::DefaultExecutionSpace;
using MemSpace = ExecSpace::memory_space;
using HostSpace = Kokkos::HostSpace;
inline constexpr bool kOnHost = std::is_same_v<MemSpace, HostSpace>;  // false: on a GPU
using Unmanaged = Kokkos::MemoryTraits<Kokkos::Unmanaged>;

template <class T>
using Vector = Kokkos::View<T*, Kokkos::LayoutRight, MemSpace, Unmanaged>;
template <class T>
using Matrix = Kokkos::View<T**, Kokkos::LayoutRight, MemSpace, Unmanaged>;

// Owning forms, for allocations that live as long as an object.
template <class T>
using OwnedVector = Kokkos::View<T*, Kokkos::LayoutRight, MemSpace>;
template <class T>
using OwnedMatrix = Kokkos::View<T**, Kokkos::LayoutRight, MemSpace>;

// Host memory, for data that goes to or comes from files and messages.
template <class T>
using HostVector = Kokkos::View<T*, Kokkos::LayoutRight, HostSpace, Unmanaged>;

// The next multiple: of alignments, shards and chunks.
constexpr std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

using RangePolicy = Kokkos::RangePolicy<ExecSpace, Kokkos::IndexType<std::int64_t>>;
using TeamPolicy = Kokkos::TeamPolicy<ExecSpace>;
using TeamMember = TeamPolicy::member_type;

// The precision policy. Weights and activations are stored as T. Sums over such elements, statistics, log-probs, the
// weights' gradients and the optimizer's master weights have the type Accumulate<T>.
template <class T>
struct AccumulateOf {
  using Type = float;
};
template <>
struct AccumulateOf<double> {
  using Type = double;
};
template <class T>
using Accumulate = typename AccumulateOf<T>::Type;

}  // namespace recpo

// Storage types that templates are instantiated for at the end of their sources, and those of them in which sums are
// formed. The program has float and bfloat16. Tests compile the same sources once more for double
// (recpo_double_libraries in scripts/cmake), so that gradients and equalities can be tested far below fp32 rounding.
#ifdef RECPO_DOUBLE
#define RECPO_FOR_EACH_STORAGE_TYPE(X) X(double)
#define RECPO_FOR_EACH_ACCUMULATE_TYPE(X) X(double)
#define RECPO_INSTANTIATE_STORAGE(function) template decltype(function<double>) function<double>
#define RECPO_INSTANTIATE_STORAGE_CLASS(name) template class name<double>
#define RECPO_INSTANTIATE_SUMS RECPO_INSTANTIATE_STORAGE
#define RECPO_INSTANTIATE_SUMS_CLASS RECPO_INSTANTIATE_STORAGE_CLASS
#else
#define RECPO_FOR_EACH_STORAGE_TYPE(X) X(float) X(::recpo::Bfloat16)
#define RECPO_FOR_EACH_ACCUMULATE_TYPE(X) X(float)
#define RECPO_INSTANTIATE_SUMS(function) template decltype(function<float>) function<float>
#define RECPO_INSTANTIATE_SUMS_CLASS(name) template class name<float>
#define RECPO_INSTANTIATE_STORAGE(function) \
  RECPO_INSTANTIATE_SUMS(function);         \
  template decltype(function<::recpo::Bfloat16>) function<::recpo::Bfloat16>
#define RECPO_INSTANTIATE_STORAGE_CLASS(name) \
  RECPO_INSTANTIATE_SUMS_CLASS(name);         \
  template class name<::recpo::Bfloat16>
#endif
