#pragma once
// Several seeds of one system as one: shares over the rows of all seeds. The interval of one seed is its own. Of
// several it comes from resampling users with all their rows of all seeds, because rows of one user are not
// independent; where a seed has no predictions, and for history lengths, it is the mean of the seeds' own intervals,
// which is as wide as if more seeds taught nothing.

#include "src/report/study/study.hpp"

namespace recpo::report {

SystemFigures pool(const System& system, const std::vector<Result>& seeds);

// HR@1 of each seed on a test, for those that have it.
using Test = std::optional<TestFigures> SystemFigures::*;
std::vector<double> hit_rates(const std::vector<Result>& seeds, Test test);

// (highest - lowest) / mean of HR@1 over the buckets of history lengths; nullopt below two buckets or without hits.
std::optional<double> relative_spread(const std::vector<TestFigures>& buckets);

}  // namespace recpo::report
