#pragma once
// Do two systems differ on the same rows? McNemar's exact test: of the n rows that exactly one of them got right, under
// equal skill each is the first's with probability 1/2, so
//   p = min(1, 2 sum_{i <= min(b, c)} C(n, i) / 2^n),   b rows right only for the first, c only for the second.

#include <cstdint>
#include <vector>

namespace recpo::evaluation {

double mcnemar_exact(std::int64_t first_only, std::int64_t second_only);

// Many tests at once: p-values adjusted by Holm's step-down method, in the order given. With m of them and p_(1) <= ..
// <= p_(m): adjusted p_(i) = max_{j <= i} min(1, (m - j + 1) p_(j)).
std::vector<double> holm_adjusted(const std::vector<double>& p_values);

}  // namespace recpo::evaluation
