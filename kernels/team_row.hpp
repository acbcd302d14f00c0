#pragma once
// A row (kernels/row.hpp) in a team of threads, which take its elements in packs where it can be cut so.

#include <type_traits>

#include "kernels/exponential_sum.hpp"
#include "kernels/lanes.hpp"
#include "kernels/team.hpp"

namespace recpo::kernels {

class TeamRow {
 public:
  using Team = std::conditional_t<kOnHost, PlayedTeam, DeviceTeam>;
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
        JoinSums<Sum, kSums>(result));
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
          packs.visit(k, [&](auto i) { include(partial, exponential_sum_of(load(x, i))); });
        },
        JoinExponentialSums<Real>(result));
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

  const Team team_;
  const bool packed_;
};

}  // namespace recpo::kernels
