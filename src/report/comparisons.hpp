#pragma once
// Systems against each other: base variants on the rows that both answered, seed by seed, also across run folders, by
// HR@1 and, where both rank the candidates, by ranked HR@1. A sign-flip test over users, each with the sum of its
// differences over all rows and seeds; the difference with an interval from resampling users, with several seeds also
// these; p-values adjusted by Holm's method over all comparisons of a report by the same metric.
//
// Two systems are tested only where every key that both read is equal but the objective's own: otherwise the difference
// may be that key's.

#include "src/report/study.hpp"

namespace recpo::report {

struct Comparison {
  const Variant* first = nullptr;
  const Variant* second = nullptr;
  // Keys that both read with other values, "optimizer.lr (0.001, 0.0002)": not tested, no verdict.
  std::vector<std::string> differing = {};
  std::vector<double> by_seed = {};  // the difference of each seed that both have, seeds rising
  std::int64_t rows = 0, first_only = 0, second_only = 0;
  double difference = 0;
  std::optional<evaluation::Interval> interval;  // of the difference
  double p_value = 1, adjusted = 1;
  std::string metric = kHitRate;  // | kRankedHitRate

  bool is_fair() const { return differing.empty(); }
  bool significant() const { return is_fair() && adjusted < 0.05; }
};

// The first system is better when p is below 0.05 and the interval lies above 0, and worse likewise. Of an unfair
// comparison: no difference shown.
enum class Verdict { kBetter, kNoDifferenceShown, kWorse };
Verdict verdict_of(const Comparison& comparison);
const char* name_of(Verdict verdict);  // "better", ..

// The proposed system, or what else the report is about (Study::subject), against every other but chance, aligned
// models against SFT and those that they extend, SFT against zero-shot, traditional systems against heuristics, and
// these against chance. Pairs without a common row (same data set, seed, row number, user and item) are left out.
std::vector<Comparison> compare_systems(const Study& study);

}  // namespace recpo::report
