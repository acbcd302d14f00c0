#pragma once
// Item scores of kernels/embedding.hpp by the definition, in fp64 on row-major arrays.

#include <vector>

namespace recpo::kernels::reference {

inline std::vector<double> item_scores(int hidden, int choices, const std::vector<int>& items,
                                       const std::vector<double>& table, const std::vector<double>& state) {
  std::vector<double> scores(items.size(), 0.0);
  for (std::size_t k = 0; k < items.size(); ++k)
    for (int h = 0; h < hidden; ++h) scores[k] += state[k / choices * hidden + h] * table[items[k] * hidden + h];
  return scores;
}

inline void item_scores_backward(int hidden, int choices, const std::vector<int>& items,
                                 const std::vector<double>& table, const std::vector<double>& state,
                                 const std::vector<double>& d_scores, std::vector<double>& d_state,
                                 std::vector<double>& d_rows) {
  for (std::size_t k = 0; k < items.size(); ++k) {
    for (int h = 0; h < hidden; ++h) {
      d_state[k / choices * hidden + h] += d_scores[k] * table[items[k] * hidden + h];
      d_rows[k * hidden + h] = d_scores[k] * state[k / choices * hidden + h];
    }
  }
}

}  // namespace recpo::kernels::reference
