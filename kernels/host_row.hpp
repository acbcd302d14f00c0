#pragma once
// A row (kernels/row.hpp) in one thread of the host, with loops for its vector units.

#include <cstdint>

#include "kernels/exponential_sum.hpp"
#include "kernels/lanes.hpp"

namespace recpo::kernels {

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

}  // namespace recpo::kernels
