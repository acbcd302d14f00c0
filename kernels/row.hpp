#pragma once
// How a kernel runs over rows: one thread a row with vector loops on the host, one team of threads a row on the
// device. Kernels are written once, against `Row`:
//   for_each_row(exec, "recpo::file::what", T, H, KOKKOS_LAMBDA(const Row& row) {
//     const T* x_row = &x(row.index(), 0);
//     const float sum = row.sum<float>(H, [&](int i) { return x_row[i]; });   // every thread of the row gets it
//     row.for_each(H, [&](int i) { y_row[i] = x_row[i] * sum; });
//   });
// Kernels bound by memory take their elements in packs (lanes.hpp): for_each_pack<T> calls f(i) with an integer on the
// host and, where `packed` was said at the launch, with packs of 16 bytes of T on the device.
// A sum has one order, written in this file: the bits depend on the row alone, not on the number of threads nor, on
// the host, on the vector width. Local to the calling rank, asynchronous on `exec`.

#include <type_traits>

#include "kernels/lanes.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

// Of a row of numbers x: the largest, and the sum of exp(x - largest).
template <class Real>
struct ExponentialSum {
  Real largest, sum;
};

class HostRow {
 public:
  using Handle = std::int64_t;
  explicit HostRow(Handle index, bool) : index_(index) {}

  std::int64_t index() const { return index_; }

  // f(i) for i < n; the iterations are independent.
  template <class F>
  void for_each(int n, const F& f) const {
#pragma omp simd
    for (int i = 0; i < n; ++i) f(i);
  }

  template <class T, class F>
  void for_each_pack(int n, const F& f) const {
    for_each(n, f);
  }

  // f(group, i) for i < n in each of `groups` neighbouring stretches of a row.
  template <class T, class F>
  void for_each_pack_of_groups(int groups, int n, const F& f) const {
    for (int group = 0; group < groups; ++group) for_each(n, [&](int i) { f(group, i); });
  }

  // Element i goes to lane i % kLanes; lanes are put aside every kBlock elements, so that a long row is no chain of
  // thousands of roundings.
  template <class Sum, class F>
  Sum sum(int n, const F& f) const {
    Sum total[kLanes] = {};
    for (int begin = 0; begin < n; begin += kBlock) {
      const int end = n - begin < kBlock ? n : begin + kBlock;
      Sum block[kLanes] = {};
      fold_lanes(begin, end, block, [&](Sum& lane, int i) { lane += f(i); });
      for (int lane = 0; lane < kLanes; ++lane) total[lane] += block[lane];
    }
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int lane = 0; lane < width; ++lane) total[lane] += total[lane + width];
    }
    return total[0];
  }

  template <class T, class Sum, class F>
  Sum sum_packs(int n, const F& f) const {
    return sum<Sum>(n, [&](int i) { return static_cast<Sum>(f(i)); });
  }

  // kSums sums over one pass: f(k, i) for sum k.
  template <class T, class Sum, int kSums, class F>
  Lanes<Sum, kSums> several_sums(int n, const F& f) const {
    Lanes<Sum, kSums> sums;
    for (int k = 0; k < kSums; ++k) sums.lane[k] = sum_packs<T, Sum>(n, [&](int i) { return f(k, i); });
    return sums;
  }

  template <class Real>
  ExponentialSum<Real> exponential_sum(int n, const Real* x) const {
    const Real largest = max<Real>(n, [&](int i) { return x[i]; });
    return {largest, sum<Real>(n, [&](int i) { return exp(x[i] - largest); })};
  }

  // The largest f(i); NaN is passed over.
  template <class Value, class F>
  Value max(int n, const F& f) const {
    Value lanes[kLanes];
    for (Value& lane : lanes) lane = Kokkos::reduction_identity<Value>::max();
    fold_lanes(0, n, lanes, [&](Value& lane, int i) {
      const Value value = f(i);
      lane = value > lane ? value : lane;
    });
    for (int lane = 1; lane < kLanes; ++lane) lanes[0] = lanes[lane] > lanes[0] ? lanes[lane] : lanes[0];
    return lanes[0];
  }

  // f() once, after everything before it in the row and before everything after it.
  template <class F>
  void once(const F& f) const {
    f();
  }

 private:
  static constexpr int kLanes = 64;  // four vectors of 16 floats: enough independent sums to hide their latency
  static constexpr int kBlock = 64 * kLanes;

  template <class Lane, class F>
  static void fold_lanes(int begin, int end, Lane (&lanes)[kLanes], const F& f) {
    int i = begin;
    for (; i + kLanes <= end; i += kLanes) {
#pragma omp simd
      for (int lane = 0; lane < kLanes; ++lane) f(lanes[lane], i + lane);
    }
    for (int lane = 0; lane < end - i; ++lane) f(lanes[lane], i + lane);
  }

  std::int64_t index_;
};

class TeamRow {
 public:
  using Handle = TeamMember;
  KOKKOS_FUNCTION TeamRow(const Handle& team, bool packed) : team_(team), packed_(packed) {}

  KOKKOS_FUNCTION std::int64_t index() const { return team_.league_rank(); }

  template <class F>
  KOKKOS_FUNCTION void for_each(int n, const F& f) const {
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team_, n), f);
  }

  template <class T, class F>
  KOKKOS_FUNCTION void for_each_pack(int n, const F& f) const {
    const Packs<T> packs(n, packed_);
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team_, packs.count()), [&](int k) { packs.visit(k, f); });
  }

  template <class T, class F>
  KOKKOS_FUNCTION void for_each_pack_of_groups(int groups, int n, const F& f) const {
    constexpr int kSize = kPackSize<T>;
    if (packed_ && n % kSize == 0) {
      const int packs = n / kSize;
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team_, groups * packs),
                           [&](int k) { f(k / packs, Pack<kSize>{k % packs * kSize}); });
    } else {
      Kokkos::parallel_for(Kokkos::TeamVectorRange(team_, groups * n), [&](int k) { f(k / n, k % n); });
    }
  }

  template <class T, class Sum, class F>
  KOKKOS_FUNCTION Sum sum_packs(int n, const F& f) const {
    const Packs<T> packs(n, packed_);
    return sum<Sum>(packs.count(),
                    [&](int k) { return packs.visit(k, [&](auto i) { return sum_of_lanes<Sum>(f(i)); }); });
  }

  template <class T, class Sum, int kSums, class F>
  KOKKOS_FUNCTION Lanes<Sum, kSums> several_sums(int n, const F& f) const {
    const Packs<T> packs(n, packed_);
    Lanes<Sum, kSums> result;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team_, packs.count()),
        [&](int k, Lanes<Sum, kSums>& partial) {
          packs.visit(k, [&](auto i) {
            for (int s = 0; s < kSums; ++s) partial.lane[s] += sum_of_lanes<Sum>(f(s, i));
          });
        },
        JoinSums<Sum, kSums>(result));
    return result;
  }

  // In one pass: a larger element found on the way rescales the sum before it.
  template <class Real>
  KOKKOS_FUNCTION ExponentialSum<Real> exponential_sum(int n, const Real* x) const {
    const Packs<Real> packs(n, packed_);
    ExponentialSum<Real> result;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team_, packs.count()),
        [&](int k, ExponentialSum<Real>& partial) {
          packs.visit(k, [&](auto i) { include(partial, exponential_sum_of(load(x, i))); });
        },
        JoinExponentialSums<Real>(result));
    return result;
  }

  template <class Sum, class F>
  KOKKOS_FUNCTION Sum sum(int n, const F& f) const {
    Sum result = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team_, n), [&](int i, Sum& partial) { partial += f(i); }, result);
    return result;
  }

  template <class Value, class F>
  KOKKOS_FUNCTION Value max(int n, const F& f) const {
    Value result;
    const auto fold = [&](int i, Value& largest) {
      const Value value = f(i);
      largest = value > largest ? value : largest;
    };
    Kokkos::parallel_reduce(Kokkos::TeamVectorRange(team_, n), fold, Kokkos::Max<Value>(result));
    return result;
  }

  template <class F>
  KOKKOS_FUNCTION void once(const F& f) const {
    team_.team_barrier();
    Kokkos::single(Kokkos::PerTeam(team_), f);
    team_.team_barrier();
  }

 private:
  // A row of n elements as whole packs, then what is left over.
  template <class T>
  class Packs {
   public:
    KOKKOS_FUNCTION Packs(int n, bool packed)
        : packs_(packed ? n / kPackSize<T> : 0), beyond_(packs_ * kPackSize<T>), n_(n) {}
    KOKKOS_FUNCTION int count() const { return packs_ + n_ - beyond_; }
    template <class F>
    KOKKOS_FORCEINLINE_FUNCTION auto visit(int k, const F& f) const {
      return k < packs_ ? f(Pack<kPackSize<T>>{k * kPackSize<T>}) : f(beyond_ + k - packs_);
    }

   private:
    int packs_, beyond_, n_;
  };

  template <class Real>
  static KOKKOS_FUNCTION ExponentialSum<Real> exponential_sum_of(Real x) {
    return {x, Real(1)};
  }
  template <class Real, int N>
  static KOKKOS_FUNCTION ExponentialSum<Real> exponential_sum_of(const Lanes<Real, N>& x) {
    ExponentialSum<Real> result{x.lane[0], Real(0)};
    for (int k = 1; k < N; ++k) result.largest = x.lane[k] > result.largest ? x.lane[k] : result.largest;
    for (int k = 0; k < N; ++k) result.sum += exp(x.lane[k] - result.largest);
    return result;
  }

  template <class Real>
  static KOKKOS_FUNCTION void include(ExponentialSum<Real>& total, const ExponentialSum<Real>& part) {
    if (part.largest > total.largest) {
      total.sum = total.sum * exp(total.largest - part.largest) + part.sum;
      total.largest = part.largest;
    } else if (part.sum > 0) {
      total.sum += part.sum * exp(part.largest - total.largest);
    }
  }

  // What Kokkos asks of a reducer besides init and join.
  template <class Value>
  struct Reducer {
    using value_type = Value;
    using result_view_type = Kokkos::View<value_type, Kokkos::AnonymousSpace, Unmanaged>;
    value_type& result;
    KOKKOS_FUNCTION explicit Reducer(value_type& result) : result(result) {}
    KOKKOS_FUNCTION value_type& reference() const { return result; }
    KOKKOS_FUNCTION result_view_type view() const { return result_view_type(&result); }
    KOKKOS_FUNCTION bool references_scalar() const { return true; }
  };

  template <class Real>
  struct JoinExponentialSums : Reducer<ExponentialSum<Real>> {
    using reducer = JoinExponentialSums;
    using typename Reducer<ExponentialSum<Real>>::value_type;
    using Reducer<ExponentialSum<Real>>::Reducer;
    KOKKOS_FUNCTION void init(value_type& value) const { value = {Kokkos::reduction_identity<Real>::max(), Real(0)}; }
    KOKKOS_FUNCTION void join(value_type& into, const value_type& from) const { include(into, from); }
  };

  template <class Sum, int kSums>
  struct JoinSums : Reducer<Lanes<Sum, kSums>> {
    using reducer = JoinSums;
    using typename Reducer<Lanes<Sum, kSums>>::value_type;
    using Reducer<Lanes<Sum, kSums>>::Reducer;
    KOKKOS_FUNCTION void init(value_type& value) const {
      for (int k = 0; k < kSums; ++k) value.lane[k] = 0;
    }
    KOKKOS_FUNCTION void join(value_type& into, const value_type& from) const {
      for (int k = 0; k < kSums; ++k) into.lane[k] += from.lane[k];
    }
  };

  const TeamMember& team_;
  const bool packed_;
};

// The one place that chooses.
inline constexpr bool kRowsOnHost = std::is_same_v<MemSpace, HostSpace>;
using Row = std::conditional_t<kRowsOnHost, HostRow, TeamRow>;

template <class Body>
struct RowFunctor {
  Body body;
  bool packed;
  KOKKOS_FUNCTION void operator()(const Row::Handle& handle) const { body(Row(handle, packed)); }
};

namespace detail {
// One row's threads on the device: each works on about `kWork` packs (or elements) of it, 1024 threads at most.
inline int warps_of_row(std::int64_t elements, int work) {
  constexpr int kWarp = 32, kMostWarps = 32;
  int warps = 1;
  while (warps < kMostWarps && warps * kWarp * work < elements) warps *= 2;
  return warps;
}

template <class Body>
void launch_rows(const ExecSpace& exec, const char* label, std::int64_t rows, int warps, bool packed,
                 const Body& body) {
  const RowFunctor<Body> functor{body, packed};
  if constexpr (kRowsOnHost) {
    Kokkos::parallel_for(label, RangePolicy(exec, 0, rows), functor);
  } else {
    constexpr int kWarp = 32;
    // A kernel that uses many registers has smaller teams.
    const int most = TeamPolicy(exec, 1, 1, kWarp).team_size_max(functor, Kokkos::ParallelForTag());
    while (warps > most) warps /= 2;
    Kokkos::parallel_for(label, TeamPolicy(exec, static_cast<int>(rows), warps, kWarp), functor);
  }
}
}  // namespace detail

// body(row) for `rows` rows of about `width` elements.
template <class Body>
void for_each_row(const ExecSpace& exec, const char* label, std::int64_t rows, std::int64_t width, const Body& body) {
  detail::launch_rows(exec, label, rows, detail::warps_of_row(width, 4), false, body);
}

// The same for rows whose elements are taken in packs of T, `packed` where they may be (packable()).
template <class T, class Body>
void for_each_packed_row(const ExecSpace& exec, const char* label, std::int64_t rows, std::int64_t width, bool packed,
                         const Body& body) {
  const std::int64_t packs = packed ? width / kPackSize<T> : width;
  detail::launch_rows(exec, label, rows, detail::warps_of_row(packs, packed ? 2 : 4), packed, body);
}

// A long vector as rows that stay in the first-level cache.
struct ElementChunk {
  static constexpr std::int64_t kSize = 4096;
  std::int64_t begin;
  int count;
  KOKKOS_FUNCTION ElementChunk(std::int64_t index, std::int64_t n)
      : begin(index * kSize), count(static_cast<int>(n - begin < kSize ? n - begin : kSize)) {}
  static std::int64_t number(std::int64_t n) { return (n + kSize - 1) / kSize; }
};

// f(i) for i < n, independent.
template <class F>
void for_each_element(const ExecSpace& exec, const char* label, std::int64_t n, const F& f) {
  for_each_row(
      exec, label, ElementChunk::number(n), ElementChunk::kSize, KOKKOS_LAMBDA(const Row& row) {
        const ElementChunk chunk(row.index(), n);
        row.for_each(chunk.count, [&](int i) { f(chunk.begin + i); });
      });
}

}  // namespace recpo::kernels
