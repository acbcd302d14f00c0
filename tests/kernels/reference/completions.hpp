#pragma once
// Completions of kernels/sequence_logp.hpp by the formula, in long double.

#include <vector>

namespace recpo::kernels::reference {

inline std::vector<double> completion_logp(int completions, const std::vector<int>& completion,
                                           const std::vector<double>& token_logp) {
  std::vector<long double> sum(static_cast<std::size_t>(completions), 0);
  for (std::size_t m = 0; m < completion.size(); ++m) sum[static_cast<std::size_t>(completion[m])] += token_logp[m];
  return {sum.begin(), sum.end()};
}

}  // namespace recpo::kernels::reference
