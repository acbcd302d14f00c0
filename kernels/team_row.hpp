#pragma once
// A row (kernels/row.hpp) in a team of threads, which take its elements in packs where it can be cut so. A sum over the
// row is that of Kokkos' reductions over the team.

#include <type_traits>

#include "kernels/lanes.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

// The threads that share a row on a device: a loop over them, a reduction, and something done once between two
// barriers.
class DeviceTeam {
 public:
  using Handle = TeamMember;
  KOKKOS_FUNCTION explicit DeviceTeam(const Handle& member) : member_(member) {}

  KOKKOS_FUNCTION std::int64_t index() const { return member_.league_rank(); }
  template <class F>
  KOKKOS_FUNCTION void for_each(int n, const F& f) const {
    Kokkos::parallel_for(Kokkos::TeamVectorRange(member_, n), f);
  }
  // f(i, partial) for i < n; every thread gets what `reducer`, one of Kokkos' kind, makes of the partial results.
  template <class F, class Reducer>
  KOKKOS_FUNCTION void reduce(int n, const F& f, const Reducer& reducer) const {
    Kokkos::parallel_reduce(Kokkos::TeamVectorRange(member_, n), f, reducer);
  }
  template <class F>
  KOKKOS_FUNCTION void once(const F& f) const {
    member_.team_barrier();
    Kokkos::single(Kokkos::PerTeam(member_), f);
    member_.team_barrier();
  }

 private:
  const Handle& member_;
};

// Single-threaded emulation of a device team, so that sanitizers on the host check the code path of the device.
class SerialTeam {
 public:
  using Handle = std::int64_t;
  explicit SerialTeam(Handle index) : index_(index) {}

  std::int64_t index() const { return index_; }
  template <class F>
  void for_each(int n, const F& f) const {
    for (int i = 0; i < n; ++i) f(i);
  }
  template <class F, class Reducer>
  void reduce(int n, const F& f, const Reducer& reducer) const {
    typename Reducer::value_type partial[kThreads];
    int left = n < kThreads ? n : kThreads;
    for (int t = 0; t < left; ++t) reducer.init(partial[t]);
    for (int i = 0; i < n; ++i) f(i, partial[i % kThreads]);
    for (; left > 1; left = (left + 1) / 2) {
      for (int t = 0; t < left / 2; ++t) reducer.join(partial[t], partial[(left + 1) / 2 + t]);
    }
    if (n > 0) {
      reducer.reference() = partial[0];
    } else {
      reducer.init(reducer.reference());
    }
  }
  template <class F>
  void once(const F& f) const {
    f();
  }

 private:
  static constexpr int kThreads = 1024;  // the largest team
  Handle index_;
};

class TeamRow {
 public:
  using Team = std::conditional_t<kOnHost, SerialTeam, DeviceTeam>;
  using Handle = Team::Handle;
  KOKKOS_FUNCTION TeamRow(const Handle& handle, bool packed) : team_(handle), packed_(packed) {}

  KOKKOS_FUNCTION std::int64_t index() const { return team_.index(); }

  template <class F>
  KOKKOS_FUNCTION void for_each(int n, const F& f) const {
    team_.for_each(n, f);
  }

  template <class T, class F>
  KOKKOS_FUNCTION void for_each_pack(int n, const F& f) const {
    const Packs<T> packs(n, packed_);
    team_.for_each(packs.count(), [&](int k) { packs.visit(k, f); });
  }

  template <class T, class F>
  KOKKOS_FUNCTION void for_each_pack_of_groups(int groups, int n, const F& f) const {
    constexpr int kSize = kPackSize<T>;
    if (packed_ && n % kSize == 0) {
      const int packs = n / kSize;
      team_.for_each(groups * packs, [&](int k) { f(k / packs, Pack<kSize>{k % packs * kSize}); });
    } else {
      team_.for_each(groups * n, [&](int k) { f(k / n, k % n); });
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
    team_.reduce(
        packs.count(),
        [&](int k, Lanes<Sum, kSums>& partial) {
          packs.visit(k, [&](auto i) {
            for (int s = 0; s < kSums; ++s) partial.lane[s] += sum_of_lanes<Sum>(f(s, i));
          });
        },
        Kokkos::Sum<Lanes<Sum, kSums>>(result));
    return result;
  }

  // In one pass: a larger element found on the way rescales the sum before it.
  template <class Real>
  KOKKOS_FUNCTION ExponentialSum<Real> exponential_sum(int n, const Real* x) const {
    const Packs<Real> packs(n, packed_);
    ExponentialSum<Real> result;
    team_.reduce(
        packs.count(),
        [&](int k, ExponentialSum<Real>& partial) {
          packs.visit(k, [&](auto i) { partial += exponential_sum_of(load(x, i)); });
        },
        Kokkos::Sum<ExponentialSum<Real>>(result));
    return result;
  }

  template <class Sum, class F>
  KOKKOS_FUNCTION Sum sum(int n, const F& f) const {
    Sum result = 0;
    team_.reduce(
        n, [&](int i, Sum& partial) { partial += f(i); }, Kokkos::Sum<Sum>(result));
    return result;
  }

  template <class Value, class F>
  KOKKOS_FUNCTION Value max(int n, const F& f) const {
    Value result;
    const auto fold = [&](int i, Value& largest) {
      const Value value = f(i);
      largest = value > largest ? value : largest;
    };
    team_.reduce(n, fold, Kokkos::Max<Value>(result));
    return result;
  }

  template <class F>
  KOKKOS_FUNCTION void once(const F& f) const {
    team_.once(f);
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

  const Team team_;
  const bool packed_;
};

}  // namespace recpo::kernels
