#pragma once
// Who beats whom: base variants on the rows that both answered, seed by seed, also across run folders. McNemar's exact
// test over the pairs of all seeds, the difference in HR@1 with an interval from resampling users, and p-values
// adjusted by Holm's method over all comparisons of a report.

#include "src/report/comparison.hpp"
#include "src/report/study/study.hpp"

namespace recpo::report {

struct Comparison {
  const Variant* first = nullptr;
  const Variant* second = nullptr;
  std::size_t seeds = 0;            // that both have
  PairedTest test;                  // p_value not adjusted
  std::optional<double> low, high;  // of the difference
  double adjusted = 1;

  bool significant() const { return adjusted < 0.05; }
};

// What the paper's claims rest on: recpo against every other system, alignment against sft and dpo, sft against
// base, traditional systems against popularity. Pairs without a common row are left out.
std::vector<Comparison> compare_systems(const Study& study);

}  // namespace recpo::report
