// The tree pass against separately computed sequences and against differences of itself, in double, where rounding is
// far below any mistake; and in float against double.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/model/rich_architecture.hpp"
#include "tests/model/tiny_model.hpp"

namespace recpo::test {
namespace {

std::vector<double> random_weights(std::size_t n) {
  Random random(5, "d_logp");
  std::vector<double> values(n);
  for (double& value : values) value = random.normal();
  return values;
}

double norm(const double* x, std::int64_t n) { return std::sqrt(std::inner_product(x, x + n, x, 0.0)); }

class TreePass : public ::testing::TestWithParam<model::LlamaConfig> {};

TEST_P(TreePass, LogProbsAndEveryGradientEqualSeparateSequences) {
  const std::vector<TreeTokens> trees = random_trees(3, 4, 61);
  const std::vector<double> d_logp = random_weights(12);
  TinyModel<double> model(GetParam());
  const std::vector<double> tree_logp = model.llama.forward(packed(trees));
  const std::vector<double> plain_logp = model.llama.forward(separate(trees));
  ASSERT_EQ(tree_logp.size(), plain_logp.size());
  const double bound = decoder_bound<double>(model.config);
  for (std::size_t c = 0; c < tree_logp.size(); ++c) {
    EXPECT_NEAR(tree_logp[c], plain_logp[c], bound * std::abs(plain_logp[c])) << "completion " << c;
  }
  const std::vector<double> tree = model.gradient(packed(trees), d_logp);
  const std::vector<double> plain = model.gradient(separate(trees), d_logp);
  for (const model::Parameter& parameter : model.store.parameters()) {
    std::vector<double> difference(static_cast<std::size_t>(parameter.size()));
    for (std::int64_t i = 0; i < parameter.size(); ++i) {
      difference[static_cast<std::size_t>(i)] =
          tree[static_cast<std::size_t>(parameter.offset + i)] - plain[static_cast<std::size_t>(parameter.offset + i)];
    }
    const double size = norm(plain.data() + parameter.offset, parameter.size());
    EXPECT_GT(size, 0) << parameter.name;
    EXPECT_LE(norm(difference.data(), parameter.size()), bound * size) << parameter.name;
  }
}

// d/dh of sum_c d_logp[c] logp[c] along a random direction of one parameter equals its gradient times that direction.
TEST_P(TreePass, EveryGradientEqualsDifferences) {
  const data::TreeBatch batch = packed(random_trees(2, 3, 61));
  const std::vector<double> d_logp = random_weights(6);
  TinyModel<double> model(GetParam());
  const std::vector<double> gradient = model.gradient(batch, d_logp);
  const auto value = [&] {
    const std::vector<double> logp = model.llama.forward(batch);
    return std::inner_product(logp.begin(), logp.end(), d_logp.begin(), 0.0);
  };
  for (const model::Parameter& parameter : model.store.parameters()) {
    const Vector<double> weights = part(model.store.weights(), parameter);
    const std::vector<double> center = host_values(weights);
    Random random(13, parameter.name);
    std::vector<double> direction(center.size());
    for (double& d : direction) d = random.normal();
    const auto at = [&](double h) {
      std::vector<double> moved = center;
      for (std::size_t i = 0; i < center.size(); ++i) moved[i] += h * direction[i];
      set_values(weights, moved);
      return value();
    };
    const double h = 1e-4;
    const double fine = (at(h) - at(-h)) / (2 * h), coarse = (at(2 * h) - at(-2 * h)) / (4 * h);
    at(0);
    const double expected =
        std::inner_product(direction.begin(), direction.end(), gradient.data() + parameter.offset, 0.0);
    // Richardson; its error is below the coarse step's truncation, plus the values' rounding over h.
    const double noise = std::abs(value()) * decoder_bound<double>(model.config) / h;
    EXPECT_NEAR((4 * fine - coarse) / 3, expected, std::abs(fine - coarse) + noise) << parameter.name;
    EXPECT_LT(std::abs(fine - coarse), 0.05 * norm(gradient.data() + parameter.offset, parameter.size()) *
                                           norm(direction.data(), parameter.size()))
        << parameter.name << ": the step is too coarse for this test to see anything";
  }
}

TEST_P(TreePass, FloatFollowsDouble) {
  const data::TreeBatch batch = packed(random_trees(3, 4, 61));
  const std::vector<double> d_logp = random_weights(12);
  TinyModel<float> single(GetParam());
  TinyModel<double> exact(GetParam());
  copy_values(single.store.weights(), exact.store.weights());
  const std::vector<double> logp = single.llama.forward(batch), expected = exact.llama.forward(batch);
  const double bound = decoder_bound<float>(single.config);
  for (std::size_t c = 0; c < logp.size(); ++c) EXPECT_NEAR(logp[c], expected[c], bound * std::abs(expected[c]));
  const std::vector<double> gradient = single.gradient(batch, d_logp), reference = exact.gradient(batch, d_logp);
  std::vector<double> difference(gradient.size());
  for (std::size_t i = 0; i < gradient.size(); ++i) difference[i] = gradient[i] - reference[i];
  const auto n = static_cast<std::int64_t>(gradient.size());
  EXPECT_LE(norm(difference.data(), n), bound * norm(reference.data(), n));
}

TEST_P(TreePass, LogitsInChunksChangeNothing) {
  const data::TreeBatch batch = packed(random_trees(3, 4, 61));
  const std::vector<double> d_logp = random_weights(12);
  TinyModel<double> whole(GetParam()), chunked(GetParam(), logits_of(5));
  EXPECT_GT(batch.logit_rows.size(), 5u);
  const std::vector<double> expected = whole.gradient(batch, d_logp), gradient = chunked.gradient(batch, d_logp);
  const double size = norm(expected.data(), whole.store.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(gradient[i], expected[i], decoder_bound<double>(whole.config) * size);
  }
}

INSTANTIATE_TEST_SUITE_P(Decoders, TreePass,
                         ::testing::Values(tiny_config(true), tiny_config(false), rich(tiny_config(false))),
                         [](const auto& info) {
                           return info.param.model_type + (info.param.tie_word_embeddings ? "_tied" : "_untied");
                         });

TEST(ParameterStore, LaysNeighboursOutAsOneMatrix) {
  model::ParameterStore<float> store(model::llama_parameters(tiny_config(false)), false);
  const std::size_t q = store.index("model.layers.1.self_attn.q_proj.weight");
  const Matrix<float> qkv = store.fused_weight(q, q + 2);
  EXPECT_EQ(qkv.extent(0), 32u + 16u + 16u);
  EXPECT_EQ(qkv.data() + 32 * 32, store.weight(q + 1).data());
  EXPECT_EQ(store.buckets().size(), 5u);  // embedding, two layers, head, norms
  for (std::size_t b = 0; b + 1 < store.buckets().size(); ++b)
    EXPECT_EQ(store.buckets()[b].end, store.buckets()[b + 1].begin);
  EXPECT_EQ(store.buckets().back().end, store.size());
}

}  // namespace
}  // namespace recpo::test
