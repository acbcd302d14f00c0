// The decoder in bfloat16 against the one in double on the same weights, which bfloat16 holds exactly.
//
// The bound. A product of a stored vector x with a weight matrix W answers a rounding of x's elements as it answers
// one of W's: both move every term of its sums by at most s = 2^-8 of itself, independently. So the response of the
// decoder in double to weights that are each moved by s, up or down at random, is that to one rounding a product. A
// pass rounds what it stores five times a product: forward and backward, a block of four products stores ten tensors
// each way (norm, q|k|v, rotation, softmax, attention, sum, norm, gate|up, SwiGLU, sum), and the head with its one
// product stores five (norm, its gradient, those of logits, norm and rows). Independent errors add up like a random
// walk, which gives the response times sqrt(5). A rounding is s at most and less on average; the largest of a few
// responses is taken, which for norms over many elements differ little.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tests/model/tiny_model.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::test {
namespace {

using Values = std::vector<double>;

constexpr int kResponses = 4;
const double kRoundingsOfProduct = 5;

Values random_weights(std::size_t n) {
  Random random(5, "d_logp");
  Values values(n);
  for (double& value : values) value = random.normal();
  return values;
}

// |a - b| and |a| over n elements from `begin`
double distance(const Values& a, const Values& b, std::int64_t begin, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = begin; i < begin + n; ++i) {
    sum += std::pow(a[static_cast<std::size_t>(i)] - b[static_cast<std::size_t>(i)], 2);
  }
  return std::sqrt(sum);
}
double norm(const Values& a, std::int64_t begin, std::int64_t n) { return distance(a, Values(a.size()), begin, n); }

struct Result {
  Values logp, gradient;
};

template <class T>
Result result(TinyModel<T>& model, const data::TreeBatch& batch, const Values& d_logp) {
  return {model.llama.forward(batch), model.gradient(batch, d_logp)};
}

template <class From, class To>
void copy_weights(const TinyModel<From>& from, TinyModel<To>& to) {
  copy_values(from.store.weights(), to.store.weights());
}

// Bounds on the norms of errors, of log-probs and of each parameter's gradient.
struct Bounds {
  double logp = 0;
  Values gradients;
};

Bounds bounds(TinyModel<double>& exact, const data::TreeBatch& batch, const Values& d_logp, const Result& expected) {
  const Values weights = host_values(exact.store.weights());
  const auto completions = static_cast<std::int64_t>(expected.logp.size());
  Bounds bounds{0, Values(exact.store.parameters().size())};
  for (int draw = 0; draw < kResponses; ++draw) {
    Random random(29, "moved weights", static_cast<std::uint64_t>(draw));
    Values moved_weights = weights;
    for (double& weight : moved_weights) {
      const double sign = random.below(2) == 0 ? 1 : -1;
      weight *= 1 + sign * storage_roundoff<Bfloat16>();
    }
    set_values(exact.store.weights(), moved_weights);
    const Result moved = result(exact, batch, d_logp);
    const double growth = std::sqrt(kRoundingsOfProduct);
    bounds.logp = std::max(bounds.logp, growth * distance(moved.logp, expected.logp, 0, completions));
    for (std::size_t p = 0; p < bounds.gradients.size(); ++p) {
      const model::Parameter& parameter = exact.store.parameters()[p];
      bounds.gradients[p] = std::max(bounds.gradients[p], growth * distance(moved.gradient, expected.gradient,
                                                                            parameter.offset, parameter.size()));
    }
  }
  set_values(exact.store.weights(), weights);
  return bounds;
}

// `independent`: how many of the two were rounded.
void expect_within(const Result& found, const Result& expected, const Bounds& bounds, int independent,
                   const std::vector<model::Parameter>& parameters) {
  const double both = std::sqrt(static_cast<double>(independent));
  const auto completions = static_cast<std::int64_t>(expected.logp.size());
  EXPECT_LE(distance(found.logp, expected.logp, 0, completions), both * bounds.logp);
  EXPECT_LT(both * bounds.logp, 0.1 * norm(expected.logp, 0, completions)) << "the bound sees nothing";
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const model::Parameter& parameter = parameters[p];
    EXPECT_LE(distance(found.gradient, expected.gradient, parameter.offset, parameter.size()),
              both * bounds.gradients[p])
        << parameter.name << " of norm " << norm(expected.gradient, parameter.offset, parameter.size());
    EXPECT_LT(both * bounds.gradients[p], 0.25 * norm(expected.gradient, parameter.offset, parameter.size()))
        << parameter.name << ": the bound sees nothing";
  }
}

model::LlamaConfig config(bool tied) {
  model::LlamaConfig config = tiny_config(tied);
  config.initializer_range = 0.15;
  return config;
}

class Bfloat16Model : public ::testing::TestWithParam<bool> {};

TEST_P(Bfloat16Model, FollowsDouble) {
  const data::TreeBatch batch = packed(random_trees(3, 4, 61));
  const Values d_logp = random_weights(12);
  TinyModel<Bfloat16> model(config(GetParam()));
  TinyModel<double> exact(model.config);
  copy_weights(model, exact);
  const Result expected = result(exact, batch, d_logp);
  expect_within(result(model, batch, d_logp), expected, bounds(exact, batch, d_logp, expected), 1,
                model.store.parameters());
}

TEST_P(Bfloat16Model, TreesEqualSeparateSequences) {
  const std::vector<TreeTokens> trees = random_trees(3, 4, 61);
  const Values d_logp = random_weights(12);
  TinyModel<Bfloat16> model(config(GetParam()));
  TinyModel<double> exact(model.config);
  copy_weights(model, exact);
  const Bounds allowed = bounds(exact, packed(trees), d_logp, result(exact, packed(trees), d_logp));
  expect_within(result(model, packed(trees), d_logp), result(model, separate(trees), d_logp), allowed, 2,
                model.store.parameters());
}

// What is computed again is stored as it was the first time.
TEST_P(Bfloat16Model, RecomputationGivesTheSameBits) {
  const data::TreeBatch batch = packed(random_trees(3, 4, 61));
  const Values d_logp = random_weights(12);
  TinyModel<Bfloat16> model(config(GetParam()));
  const Values expected = model.gradient(batch, d_logp);
  for (const model::Recompute recompute : {model::Recompute::kSelective, model::Recompute::kBlock}) {
    TinyModel<Bfloat16> other(config(GetParam()), {512, recompute, {}});
    EXPECT_EQ(other.gradient(batch, d_logp), expected);
  }
}

// A second micro-batch adds 2^-10 of the first one's gradients, to the bit: powers of two scale every operation. In
// bfloat16 that is below half a unit of the last place and would be lost; in float it is there but for the rounding of
// sums over T tokens, whose terms' magnitudes are sqrt(T) times the sum when their signs are random.
TEST_P(Bfloat16Model, GradientsOfMicroBatchesAddUpInFloat) {
  static_assert(std::is_same_v<decltype(TinyModel<Bfloat16>::store)::Gradient, float>);
  const data::TreeBatch batch = packed(random_trees(3, 4, 61));
  const Values d_logp = random_weights(12);
  TinyModel<Bfloat16> model(config(GetParam()));
  const Values once = model.gradient(batch, d_logp);
  Values small = d_logp, expected = once;
  for (double& value : small) value *= 0x1p-10;
  model.llama.forward(batch);
  model.llama.backward(small);
  const Values both = model.gradient_values();
  for (double& value : expected) value *= 1 + 0x1p-10;
  const auto tokens = static_cast<double>(batch.tokens.size());
  const double bound = gamma<float>(2 * (tokens + 1)) * std::sqrt(tokens);
  ASSERT_LT(bound, 0x1p-12);
  for (const model::Parameter& parameter : model.store.parameters()) {
    EXPECT_LE(distance(both, expected, parameter.offset, parameter.size()),
              bound * norm(expected, parameter.offset, parameter.size()))
        << parameter.name;
  }
}

INSTANTIATE_TEST_SUITE_P(TiedAndUntied, Bfloat16Model, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "tied" : "untied"; });

}  // namespace
}  // namespace recpo::test
