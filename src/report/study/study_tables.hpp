#pragma once
// Every number of a study's report for programs, full precision.

#include <string>
#include <vector>

#include "src/report/study/pairs.hpp"
#include "src/report/study/study.hpp"

namespace recpo::report {

// One line a variant and test: data set, system, what it changes, seeds, counts, shares with intervals, the paper's.
std::string results_csv(const Study& study);
std::string comparisons_csv(const std::vector<Comparison>& comparisons);
std::string datasets_csv(const Study& study);  // one line a run folder with a prepare.json

}  // namespace recpo::report
