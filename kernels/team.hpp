#pragma once
// The threads that share a row on a device: a loop over them, a reduction, and something done once between two
// barriers.

#include "src/support/views.hpp"

namespace recpo::kernels {

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

// A team on the host, played by one thread: what is written for a device can run where sanitizers watch it.
class PlayedTeam {
 public:
  using Handle = std::int64_t;
  explicit PlayedTeam(Handle index) : index_(index) {}

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

}  // namespace recpo::kernels
