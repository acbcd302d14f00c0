#pragma once
// Which variant of a system stands in the paper's tables and is what sweeps start from. This is the one place that
// decides it:
//
// - The base settings of a data set are, key by key, the paper's default where any run on the data set has it (tier
//   full+rating, 20 candidates, best-utility, 3 negatives, beta 1, lambda 2, alpha 0.5, margin ratio, pairwise, SimPO's
//   margin 2, exact match), otherwise what most of its runs have, the first of equally frequent ones.
// - A system's base variant has the base settings in all keys of the paper, and in as many others as can be; of
//   several the one with most seeds, then the first. A system that was only run elsewhere has none.

#include "src/report/study/study.hpp"

namespace recpo::report {

// Sets is_base and changed of the variants of one data set, and says in `remarks` what had to be decided.
void select_bases(std::vector<Variant*>& variants, std::vector<std::string>& remarks);

}  // namespace recpo::report
