// Embedding, log-softmax and greedy choice over shards of a vocabulary, against the whole one in fp64. Shards are of
// unequal use: padded widths, rows whose targets all lie on one shard, a shard that holds a single token.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/embedding.hpp"
#include "kernels/sequence_logp.hpp"
#include "tests/kernels/reference/embedding.hpp"
#include "tests/kernels/reference/sequence_logp.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

constexpr int kRows = 13, kVocab = 61, kHidden = 33;

struct Shard {
  int first, count, width;  // width includes padding
};
std::vector<Shard> shards(int count) {
  const int width = (kVocab + count - 1) / count;
  std::vector<Shard> all;
  for (int s = 0; s < count; ++s) {
    if (width * s < kVocab) all.push_back({width * s, std::min(width, kVocab - width * s), width});
  }
  return all;
}

// Columns of a shard; its padding holds the largest values of all.
Values columns_of(const Values& whole, const Shard& shard) {
  Values part;
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < shard.width; ++v) {
      part.push_back(v < shard.count ? whole[static_cast<std::size_t>(r * kVocab + shard.first + v)] : 1000);
    }
  }
  return part;
}

struct Targets {
  std::vector<int> begin{0}, token;
  Targets() {
    Random random(9, "targets");
    for (int r = 0; r < kRows; ++r) {
      for (int m = 0; m < r % 4; ++m) token.push_back(static_cast<int>(random.below(kVocab)));
      if (r == 1) token.back() = kVocab - 1;
      if (r == 5) token.back() = 0;
      begin.push_back(static_cast<int>(token.size()));
    }
  }
};

template <class T>
double bound_of_row() {
  // exp, sum and logarithm of the whole row and of each shard, and the sums that combine them; logits below 30.
  return test::gamma<T>(8 * (kVocab + 30.0)) * 30;
}

// Logits of type T, their gradient of type D.
template <class T, class D = T>
void check_shards(int count) {
  SCOPED_TRACE(testing::Message() << count << " shards");
  const std::vector<Shard> all = shards(count);
  const auto size = static_cast<int>(all.size());
  const Targets targets;
  const auto begin = test::to_device(targets.begin), token = test::to_device(targets.token);
  const auto num_targets = static_cast<int>(targets.token.size());
  const Values logits = test::random_values<T>(kRows * kVocab, "logits", 6.0);
  Values lse(kRows), token_logp(targets.token.size());
  reference::sequence_logp_forward(kRows, kVocab, logits, kVocab, targets.begin, targets.token, lse, token_logp);

  std::vector<Guarded<T>> parts;
  const OwnedMatrix<T> shard_lse("shard_lse", size, kRows);
  std::vector<Guarded<T>> shard_logp;
  for (int s = 0; s < size; ++s) {
    const Shard& shard = all[static_cast<std::size_t>(s)];
    parts.emplace_back(kRows, shard.width, columns_of(logits, shard));
    shard_logp.emplace_back(1, num_targets);
    sequence_logp_forward<T>(ExecSpace(), parts.back().matrix(), shard.count, begin, token,
                             Vector<T>(shard_lse.data() + s * kRows, kRows), shard_logp.back().vector(), shard.first);
  }
  Values sum(targets.token.size(), 0.0), last_lse;
  for (int s = 0; s < size; ++s) {
    const Shard& shard = all[static_cast<std::size_t>(s)];
    const Guarded<T> whole_lse(1, kRows);
    sequence_logp_combine<T>(ExecSpace(), shard_lse, s, shard.count, shard.first, begin, token, whole_lse.vector(),
                             shard_logp[static_cast<std::size_t>(s)].vector());
    const Values own = shard_logp[static_cast<std::size_t>(s)].values();
    for (std::size_t m = 0; m < sum.size(); ++m) sum[m] += own[m];
    last_lse = whole_lse.values();
    test::expect_within<T>(
        last_lse, lse, [&](auto) { return bound_of_row<T>(); }, "lse");
  }
  test::expect_within<T>(
      sum, token_logp, [&](auto) { return bound_of_row<T>(); }, "token_logp");

  const Values d = test::random_values<T>(num_targets, "d");
  Values expected;
  reference::sequence_logp_backward(kRows, kVocab, logits, kVocab, targets.begin, targets.token, lse, d, expected);
  const Guarded<T> device_d(d), device_lse(last_lse);
  for (int s = 0; s < size; ++s) {
    const Shard& shard = all[static_cast<std::size_t>(s)];
    const Guarded<D> gradient(kRows, shard.width);
    sequence_logp_backward<T, D>(ExecSpace(), begin, token, device_lse.vector(), device_d.vector(), shard.count,
                                 parts[static_cast<std::size_t>(s)].matrix(), gradient.matrix(), shard.first);
    const Values found = gradient.values();
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < shard.width; ++v) {
        const double value = found[static_cast<std::size_t>(r * shard.width + v)];
        const double wanted = v < shard.count ? expected[static_cast<std::size_t>(r * kVocab + shard.first + v)] : 0;
        EXPECT_NEAR(value, wanted, test::stored<D>(12 * bound_of_row<T>(), wanted))
            << "row " << r << ", token " << shard.first + v;
      }
    }
  }
}

TEST(VocabularyShards, LogProbsAndGradientsEqualTheWholeInFloat) {
  for (const int count : {1, 2, 4, 60}) check_shards<float>(count);
}
TEST(VocabularyShards, LogProbsAndGradientsEqualTheWholeInDouble) {
  for (const int count : {1, 2, 4, 60}) check_shards<double>(count);
}

TEST(VocabularyShards, GradientsInBfloat16EqualTheWhole) {
  for (const int count : {1, 2, 4, 60}) check_shards<float, Bfloat16>(count);
}

// Small enough multiples of 1/16 that every type holds them and a few of their sums.
Values sixteenths(std::int64_t n, const char* stream) {
  Values values = test::random_values<float>(n, stream);
  for (double& value : values) value = std::round(16 * std::clamp(value, -4.0, 4.0)) / 16;
  return values;
}

template <class T>
void check_embeddings() {
  Random random(3, "tokens");
  std::vector<int> tokens(50), order(50), group_token, group_begin;
  for (int& t : tokens) t = static_cast<int>(random.below(kVocab));
  std::sort(tokens.begin(), tokens.end());
  for (int i = 0; i < 50; ++i) {
    order[static_cast<std::size_t>(i)] = i;
    if (i > 0 && tokens[static_cast<std::size_t>(i)] == tokens[static_cast<std::size_t>(i - 1)]) continue;
    group_token.push_back(tokens[static_cast<std::size_t>(i)]);
    group_begin.push_back(i);
  }
  group_begin.push_back(50);
  const auto device_tokens = test::to_device(tokens), device_order = test::to_device(order);
  const auto device_group = test::to_device(group_token), device_begin = test::to_device(group_begin);
  const Values table = test::random_values<T>(kVocab * kHidden, "table"), d_out = sixteenths(50 * kHidden, "d_out");
  Values expected(50 * kHidden), d_table(kVocab * kHidden, 0.0), sum(50 * kHidden, 0.0);
  reference::embedding_forward(kHidden, tokens, table, expected);
  reference::embedding_backward(kHidden, tokens, d_out, d_table);
  const Guarded<T> device_d(50, kHidden, d_out);
  for (const Shard& shard : shards(4)) {
    Values rows(static_cast<std::size_t>(shard.width * kHidden), 0.0);
    std::copy_n(table.begin() + shard.first * kHidden, shard.count * kHidden, rows.begin());
    const Guarded<T> part(shard.width, kHidden, rows), out(50, kHidden);
    embedding_forward<T>(ExecSpace(), device_tokens, part.matrix(), out.matrix(), shard.first);
    const Values own = out.values();
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += own[i];

    const Guarded<Accumulate<T>> gradient(shard.width, kHidden, Values(rows.size(), 0.0));
    embedding_backward<T>(ExecSpace(), device_group, device_begin, device_order, device_d.matrix(), gradient.matrix(),
                          shard.first);
    const Values found = gradient.values();
    for (int i = 0; i < shard.width * kHidden; ++i) {
      const bool held = i < shard.count * kHidden;
      const double wanted = held ? d_table[static_cast<std::size_t>(shard.first * kHidden + i)] : 0;
      EXPECT_EQ(found[static_cast<std::size_t>(i)], wanted);  // exact sums
    }
  }
  EXPECT_EQ(sum, expected);  // one shard has the row, the others zero
}

TEST(VocabularyShards, EmbeddingsAddUpToTheWhole) {
  check_embeddings<float>();
  check_embeddings<double>();
  check_embeddings<Bfloat16>();
}

}  // namespace
}  // namespace recpo::kernels
