#pragma once
// kernels/completions.hpp and set_loss.hpp by the formula, in long double: its exponent reaches e^11000, so that no sum
// of exponentials overflows.

#include <cmath>
#include <vector>

namespace recpo::kernels::reference {

inline std::vector<double> completion_logp(int completions, const std::vector<int>& completion,
                                           const std::vector<double>& token_logp) {
  std::vector<long double> sum(static_cast<std::size_t>(completions), 0);
  for (std::size_t m = 0; m < completion.size(); ++m) sum[static_cast<std::size_t>(completion[m])] += token_logp[m];
  return {sum.begin(), sum.end()};
}

// Of one set: all vectors [1 + K].
inline double set_loss(const std::vector<double>& slope, const std::vector<double>& reference,
                       const std::vector<double>& offset, double answer_weight, const std::vector<double>& logp) {
  const auto reward = [&](std::size_t k) {
    return static_cast<long double>(slope[k]) * (static_cast<long double>(logp[k]) - reference[k]);
  };
  long double sum = 0;
  for (std::size_t k = 1; k < logp.size(); ++k) sum += std::exp(reward(k) - reward(0) + offset[k]);
  return static_cast<double>(std::log1p(sum) - static_cast<long double>(answer_weight) * logp[0]);
}

}  // namespace recpo::kernels::reference
