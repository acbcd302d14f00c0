#include <gtest/gtest.h>

#include "kernels/embedding.hpp"
#include "tests/kernels/reference/item_scores.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

constexpr int kItems = 7;

template <class T>
struct Case {
  int sequences, choices, hidden;
  std::vector<int> items = draw_items();
  Values table = test::random_values<T>(kItems * hidden, "table"),
         state = test::random_values<T>(sequences * hidden, "state"),
         d_score = test::random_values<T>(sequences * choices, "d_score");

  std::vector<int> draw_items() const {
    Random random(5, "items");
    std::vector<int> drawn(sequences * choices);
    for (int& item : drawn) item = static_cast<int>(random.below(kItems));
    return drawn;
  }
};

template <class T>
Values forward(const Case<T>& c) {
  const Guarded<T> table(kItems, c.hidden, c.table), state(c.sequences, c.hidden, c.state),
      score(c.sequences, c.choices);
  item_scores_forward<T>(ExecSpace(), test::to_device(c.items), table.matrix(), state.matrix(), score.matrix());
  return score.values();
}

template <class T>
std::pair<Values, Values> backward(const Case<T>& c) {
  const Guarded<T> table(kItems, c.hidden, c.table), state(c.sequences, c.hidden, c.state),
      d_score(c.sequences, c.choices, c.d_score), d_state(c.sequences, c.hidden),
      d_rows(c.sequences * c.choices, c.hidden);
  item_scores_backward<T>(ExecSpace(), test::to_device(c.items), table.matrix(), state.matrix(), d_score.matrix(),
                          d_state.matrix(), d_rows.matrix());
  return {d_state.values(), d_rows.values()};
}

template <class T>
void check(int sequences, int choices, int hidden) {
  SCOPED_TRACE(testing::Message() << sequences << " x " << choices << " x " << hidden);
  const Case<T> c{sequences, choices, hidden};
  const Values expected = reference::item_scores(hidden, choices, c.items, c.table, c.state);
  const auto magnitude = [&](std::int64_t k) {
    double sum = 0;
    for (int h = 0; h < hidden; ++h)
      sum += std::abs(c.state[k / choices * hidden + h] * c.table[c.items[k] * hidden + h]);
    return sum;
  };
  test::expect_within<T>(
      forward(c), expected,
      [&](auto k) { return test::gamma<T>(test::sum_depth(hidden) + 1, hidden + 1) * magnitude(k); }, "score");
  Values d_state(sequences * hidden, 0.0), d_rows(sequences * choices * hidden);
  reference::item_scores_backward(hidden, choices, c.items, c.table, c.state, c.d_score, d_state, d_rows);
  const auto [actual_state, actual_rows] = backward(c);
  const auto state_bound = [&](std::int64_t i) {
    double sum = 0;
    for (int k = 0; k < choices; ++k) {
      const auto at = i / hidden * choices + k;
      sum += std::abs(c.d_score[at] * c.table[c.items[at] * hidden + i % hidden]);
    }
    return test::gamma<T>(choices + 1, choices + 1) * sum;
  };
  test::expect_within<T>(actual_state, d_state, state_bound, "d_state");
  test::expect_within<T>(
      actual_rows, d_rows, [&](auto i) { return test::gamma<T>(1, 1) * std::abs(d_rows[i]); }, "d_rows");
}

template <class T>
void check_shapes() {
  for (const int hidden : {1, 15, 64, 200}) {
    check<T>(1, 1, hidden);
    check<T>(33, 2, hidden);
    check<T>(5, 20, hidden);
  }
}

TEST(ItemScores, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(ItemScores, EqualsTheReferenceInDouble) { check_shapes<double>(); }

TEST(ItemScores, GradientsAreTheDerivativesOfTheForward) {
  const Case<double> c{4, 3, 5};
  const auto [d_state, d_rows] = backward(c);
  Values d_table(c.table.size(), 0.0);
  for (std::size_t k = 0; k < c.items.size(); ++k)
    for (int h = 0; h < c.hidden; ++h) d_table[c.items[k] * c.hidden + h] += d_rows[k * c.hidden + h];
  const auto of_state = [&](const Values& at) {
    Case<double> changed = c;
    changed.state = at;
    return test::weighted_sum(forward(changed), c.d_score);
  };
  const auto of_table = [&](const Values& at) {
    Case<double> changed = c;
    changed.table = at;
    return test::weighted_sum(forward(changed), c.d_score);
  };
  double magnitude = 0;
  for (std::size_t k = 0; k < c.items.size(); ++k)
    for (int h = 0; h < c.hidden; ++h)
      magnitude += std::abs(c.d_score[k] * c.state[k / c.choices * c.hidden + h] * c.table[c.items[k] * c.hidden + h]);
  const double noise = test::gamma<double>(c.hidden + 2.0 + static_cast<double>(c.items.size())) * magnitude;
  test::expect_gradient(of_state, c.state, d_state, noise, 20, "d_state");
  test::expect_gradient(of_table, c.table, d_table, noise, 35, "d_table");
}

}  // namespace
}  // namespace recpo::kernels
