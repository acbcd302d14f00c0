#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "kernels/embedding.hpp"
#include "tests/kernels/reference/embedding.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

// Half of the tokens are id 3: a group as large as that of a line break in a prompt.
std::vector<int> some_tokens(int count, int vocab) {
  Random random(11, "tokens");
  std::vector<int> tokens(count);
  for (int& token : tokens) token = random.below(2) == 0 ? 3 : static_cast<int>(random.below(vocab));
  return tokens;
}

struct Groups {
  std::vector<int> token, begin, order;

  explicit Groups(const std::vector<int>& tokens) : order(tokens.size()) {
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return tokens[a] < tokens[b]; });
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (!token.empty() && token.back() == tokens[order[i]]) continue;
      token.push_back(tokens[order[i]]);
      begin.push_back(static_cast<int>(i));
    }
    begin.push_back(static_cast<int>(order.size()));
  }
};

template <class T>
Guarded<Accumulate<T>> backward(const std::vector<int>& tokens, int vocab, int hidden, const Values& d_out_values,
                                const Values& d_table_values, const ExecSpace& exec = ExecSpace()) {
  const Groups groups(tokens);
  const auto group_token = test::to_device(groups.token), group_begin = test::to_device(groups.begin);
  const auto order = test::to_device(groups.order);
  const Guarded<T> d_out(tokens.size(), hidden, d_out_values);
  const Guarded<Accumulate<T>> d_table(vocab, hidden, d_table_values);
  embedding_backward<T>(exec, group_token, group_begin, order, d_out.matrix(), d_table.matrix());
  exec.fence();
  return d_table;
}

template <class T>
void check(int count, int vocab, int hidden) {
  SCOPED_TRACE(testing::Message() << count << " tokens of " << vocab << ", hidden " << hidden);
  const std::vector<int> tokens = some_tokens(count, vocab);
  const Values table_values = test::random_values<T>(vocab * hidden, "table");
  Values out_values(count * hidden);
  reference::embedding_forward(hidden, tokens, table_values, out_values);
  const Guarded<T> table(vocab, hidden, table_values), out(count, hidden);
  const auto device_tokens = test::to_device(tokens);
  embedding_forward<T>(ExecSpace(), device_tokens, table.matrix(), out.matrix());
  EXPECT_EQ(out.values(), out_values);  // a copy

  const Values d_out = test::random_values<T>(count * hidden, "d_out");
  Values d_table = test::random_values<Accumulate<T>>(vocab * hidden, "d_table"), magnitude = d_table, absolute = d_out;
  const Values before = d_table;
  for (double& value : magnitude) value = std::abs(value);
  for (double& value : absolute) value = std::abs(value);
  reference::embedding_backward(hidden, tokens, d_out, d_table);
  reference::embedding_backward(hidden, tokens, absolute, magnitude);
  test::expect_within<T>(
      backward<T>(tokens, vocab, hidden, d_out, before).values(), d_table,
      [&](auto i) { return test::gamma<T>(count, count) * magnitude[i]; }, "d_table");
}

template <class T>
void check_shapes() {
  for (const int count : {1, 2, 301}) {
    for (const int hidden : {1, 63, 128, 129, 300}) check<T>(count, 50, hidden);
  }
}

TEST(Embedding, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(Embedding, EqualsTheReferenceInDouble) { check_shapes<double>(); }
TEST(Embedding, EqualsTheReferenceInBfloat16) { check_shapes<Bfloat16>(); }

// The forward is linear: <d_out, table[tokens]> = <d_table, table> when d_table starts at 0.
TEST(Embedding, BackwardIsTheTransposeOfTheForward) {
  const int count = 40, vocab = 12, hidden = 17;
  const std::vector<int> tokens = some_tokens(count, vocab);
  const Values table = test::random_values<double>(vocab * hidden, "table");
  const Values d_out = test::random_values<double>(count * hidden, "d_out");
  Values out(count * hidden);
  reference::embedding_forward(hidden, tokens, table, out);
  const Values d_table = backward<double>(tokens, vocab, hidden, d_out, Values(vocab * hidden, 0.0)).values();
  double difference = 0, magnitude = 0;
  for (std::size_t i = 0; i < out.size(); ++i)
    difference += d_out[i] * out[i], magnitude += std::abs(d_out[i] * out[i]);
  for (std::size_t i = 0; i < table.size(); ++i) difference -= d_table[i] * table[i];
  EXPECT_LE(std::abs(difference), test::gamma<double>(2.0 * out.size()) * 2 * magnitude);
}

TEST(Embedding, BackwardHasTheSameBitsForAnyNumberOfThreads) {
  const std::vector<int> tokens = some_tokens(500, 20);
  const Values d_out = test::random_values<float>(500 * 200, "d_out"), d_table(20 * 200, 0.5);
  test::expect_same_bits<double>(
      [&](const ExecSpace& exec) { return backward<float>(tokens, 20, 200, d_out, d_table, exec).values(); });
}

}  // namespace
}  // namespace recpo::kernels
