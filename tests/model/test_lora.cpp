// Low-rank adapters beside a frozen decoder: against the frozen one, differences, separate sequences and merged
// weights, in double; in float and bfloat16 against double.

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "src/model/generate.hpp"
#include "tests/model/adapted_model.hpp"
#include "tests/model/rich_architecture.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::test {
namespace {

using Values = std::vector<double>;
using model::Recompute;

constexpr double kDropout = 0.3;

Values random_weights(std::size_t n) {
  Random random(5, "d_logp");
  Values values(n);
  for (double& value : values) value = random.normal();
  return values;
}

// |a - b| and |a| over a parameter's elements.
double distance(const Values& a, const Values& b, const model::Parameter& of) {
  double sum = 0;
  for (std::int64_t i = of.offset; i < of.offset + of.size(); ++i) {
    sum += std::pow(a[static_cast<std::size_t>(i)] - b[static_cast<std::size_t>(i)], 2);
  }
  return std::sqrt(sum);
}
double norm(const Values& a, const model::Parameter& of) { return distance(a, Values(a.size(), 0.0), of); }

// As for test_llama.cpp's passes. On a chain through a block lie four projections, whose adapters add three operations
// each: dropout and two products.
template <class T>
double relative_bound(const model::LlamaConfig& config) {
  const double operations = 2.0 * ((10.0 + 4 * 3) * static_cast<double>(config.num_hidden_layers) + 6.0);
  return std::numeric_limits<T>::epsilon() * std::sqrt(512.0) * operations;
}

void expect_near_logps(const Values& found, const Values& expected, double bound) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t c = 0; c < found.size(); ++c) {
    EXPECT_NEAR(found[c], expected[c], bound * std::abs(expected[c])) << "completion " << c;
  }
}

// Every parameter's on its own, and none of them zero.
void expect_near_gradients(const std::vector<model::Parameter>& parameters, const Values& found, const Values& expected,
                           double bound) {
  for (const model::Parameter& parameter : parameters) {
    EXPECT_GT(norm(expected, parameter), 0) << parameter.name;
    EXPECT_LE(distance(found, expected, parameter), bound * norm(expected, parameter)) << parameter.name;
  }
}

template <class T>
void expect_the_frozen_model_at_first() {
  const data::TreeBatch batch = packed(random_trees(3, 4, 61));
  TinyModel<T> frozen(tiny_config(true)), adapted(tiny_config(true), {512, {}, {}, all_adapters()});
  EXPECT_EQ(adapted.llama.forward(batch), frozen.llama.forward(batch));
  // A's gradients pass through B, which is zero; B's do not.
  const Values gradient = adapted.gradient(batch, random_weights(12));
  for (const model::Parameter& parameter : adapted.trained().parameters()) {
    const bool is_a = parameter.name.find(".lora_A.") != std::string::npos;
    EXPECT_EQ(norm(gradient, parameter) == 0, is_a) << parameter.name;
  }
}

TEST(Lora, BeginsAtTheFrozenModelToTheBit) {
  expect_the_frozen_model_at_first<double>();
  expect_the_frozen_model_at_first<float>();
  expect_the_frozen_model_at_first<Bfloat16>();
}

TEST(Lora, InitialValuesAreUniformWithinTheBound) {
  TinyModel<double> model(tiny_config(true), {512, {}, {}, all_adapters()});
  for (const model::Parameter& parameter : model.trained().parameters()) {
    const bool is_a = parameter.name.find(".lora_A.") != std::string::npos;
    const double bound = is_a ? 1 / std::sqrt(static_cast<double>(parameter.global_columns())) : 0;
    double least = 0, largest = 0;
    for (const double weight : host_values(part(model.trained().weights(), parameter))) {
      least = std::min(least, weight);
      largest = std::max(largest, weight);
    }
    // Of 96 or more uniform values none beyond half of the bound on one side: once in 10^12.
    EXPECT_TRUE(-bound <= least && least <= -0.5 * bound) << parameter.name << ": " << least;
    EXPECT_TRUE(0.5 * bound <= largest && largest <= bound) << parameter.name << ": " << largest;
  }
}

class LoraDropout : public ::testing::TestWithParam<double> {
 protected:
  // Without dropout keys change nothing.
  model::LlamaConfig config_ = tiny_config(false);
  const std::vector<TreeTokens> trees_ = random_trees(3, 4, 61);
  const Values d_logp_ = random_weights(12);
};

void expect_differences(AdaptedModel<double>& model, const data::TreeBatch& batch, const Values& d_logp) {
  const Values gradient = model.gradient(batch, d_logp);
  const auto value = [&] {
    const Values logp = model.llama.forward(batch);
    return std::inner_product(logp.begin(), logp.end(), d_logp.begin(), 0.0);
  };
  const double h = 1e-4, noise = std::abs(value()) * relative_bound<double>(model.config) / h;
  for (const model::Parameter& parameter : model.trained().parameters()) {
    const Vector<double> weights = part(model.trained().weights(), parameter);
    const Values center = host_values(weights);
    Random random(13, parameter.name);
    Values direction(center.size());
    for (double& d : direction) d = random.normal();
    const auto at = [&](double step) {
      Values moved = center;
      for (std::size_t i = 0; i < center.size(); ++i) moved[i] += step * direction[i];
      set_values(weights, moved);
      return value();
    };
    const double fine = (at(h) - at(-h)) / (2 * h), coarse = (at(2 * h) - at(-2 * h)) / (4 * h);
    set_values(weights, center);
    const double expected =
        std::inner_product(direction.begin(), direction.end(), gradient.data() + parameter.offset, 0.0);
    // Richardson; its error is below the coarse step's truncation, plus the values' rounding over h.
    EXPECT_NEAR((4 * fine - coarse) / 3, expected, std::abs(fine - coarse) + noise) << parameter.name;
    const double size = norm(gradient, parameter) *
                        std::sqrt(std::inner_product(direction.begin(), direction.end(), direction.begin(), 0.0));
    EXPECT_LT(std::abs(fine - coarse) + noise, 0.05 * size) << parameter.name << ": the test sees nothing";
  }
}

TEST_P(LoraDropout, EveryGradientEqualsDifferences) {
  for (const model::LlamaConfig& config : {tiny_config(false), tiny_config(true), rich(tiny_config(false))}) {
    AdaptedModel<double> model(config, all_adapters(GetParam()));
    expect_differences(model, packed_with_keys(trees_), d_logp_);
  }
  AdaptedModel<double> some(config_, adapters_on({"k", "o", "gate"}, GetParam()));
  expect_differences(some, packed_with_keys(trees_), d_logp_);
}

TEST_P(LoraDropout, LogProbsAndEveryGradientEqualSeparateSequences) {
  AdaptedModel<double> model(config_, all_adapters(GetParam()));
  const data::TreeBatch tree = packed_with_keys(trees_), plain = separate_with_keys(trees_);
  const double bound = relative_bound<double>(config_);
  expect_near_logps(model.llama.forward(tree), model.llama.forward(plain), bound);
  expect_near_gradients(model.trained().parameters(), model.gradient(tree, d_logp_), model.gradient(plain, d_logp_),
                        bound);
}

template <class T>
void expect_same_bits_recomputed(const model::LlamaConfig& config, const model::LoraOptions& lora,
                                 const data::TreeBatch& batch, const Values& d_logp) {
  AdaptedModel<T> kept(config, lora);
  const Values expected = kept.gradient(batch, d_logp);
  for (const Recompute recompute : {Recompute::kSelective, Recompute::kBlock}) {
    AdaptedModel<T> other(config, lora, {512, recompute, {}, {}});
    EXPECT_EQ(other.gradient(batch, d_logp), expected) << "recompute " << static_cast<int>(recompute);
  }
}

TEST_P(LoraDropout, RecomputationGivesTheSameBits) {
  const data::TreeBatch batch = packed_with_keys(trees_);
  for (const model::LoraOptions& lora :
       {all_adapters(GetParam()), adapters_on({"q", "down"}, GetParam()), adapters_on({"v", "up"}, GetParam())}) {
    expect_same_bits_recomputed<double>(config_, lora, batch, d_logp_);
    expect_same_bits_recomputed<Bfloat16>(config_, lora, batch, d_logp_);
  }
}

INSTANTIATE_TEST_SUITE_P(Without, LoraDropout, ::testing::Values(0.0));
INSTANTIATE_TEST_SUITE_P(With, LoraDropout, ::testing::Values(kDropout));

// Dropout that does nothing would pass all that compares it with itself.
TEST(Lora, DropoutFollowsItsKeys) {
  const std::vector<TreeTokens> trees = random_trees(3, 4, 61);
  AdaptedModel<double> dropping(tiny_config(true), all_adapters(kDropout)), whole(tiny_config(true), all_adapters());
  data::TreeBatch batch = packed_with_keys(trees);
  const Values first = dropping.llama.forward(batch);
  EXPECT_NE(first, whole.llama.forward(batch));
  EXPECT_EQ(dropping.llama.forward(batch), first);
  for (auto& key : batch.dropout_key) ++key;
  EXPECT_NE(dropping.llama.forward(batch), first);
  EXPECT_EQ(dropping.llama.forward(packed(trees)), whole.llama.forward(packed(trees))) << "dropped without keys";
}

// Adapters of some projections are all adapters of which the others' are nothing.
TEST(Lora, TargetsHaveAdaptersAndNothingElse) {
  const model::LlamaConfig config = tiny_config(true);
  const data::TreeBatch batch = packed(random_trees(3, 4, 61));
  for (const auto& targets : std::vector<std::vector<std::string>>{{"q", "down"}, {"v"}, {"o", "gate", "up"}}) {
    AdaptedModel<double> some(config, adapters_on(targets)), all(config, all_adapters());
    EXPECT_EQ(some.trained().parameters().size(), 2 * targets.size() * 2);  // A and B in two layers
    for (const model::Parameter& parameter : all.trained().parameters()) {
      const auto& held = some.trained().parameters();
      const bool kept = std::ranges::any_of(held, [&](const auto& own) { return own.name == parameter.name; });
      if (kept || parameter.name.find(".lora_B.") == std::string::npos) continue;
      Kokkos::deep_copy(part(all.trained().weights(), parameter), 0.0);
    }
    EXPECT_EQ(some.llama.forward(batch), all.llama.forward(batch));
    const Values gradient = some.gradient(batch, random_weights(12)), whole = all.gradient(batch, random_weights(12));
    for (const model::Parameter& parameter : some.trained().parameters()) {
      const model::Parameter& of_all = all.trained().parameters()[all.trained().index(parameter.name)];
      for (std::int64_t i = 0; i < parameter.size(); ++i) {
        const double expected = whole[static_cast<std::size_t>(of_all.offset + i)];
        ASSERT_EQ(gradient[static_cast<std::size_t>(parameter.offset + i)], expected) << parameter.name;
      }
    }
  }
}

TEST(Lora, MergedWeightsGiveTheSameLogProbs) {
  const data::TreeBatch batch = packed(random_trees(3, 4, 61));
  for (const model::LlamaConfig& config : {tiny_config(false), tiny_config(true), rich(tiny_config(false))}) {
    AdaptedModel<double> model(config, all_adapters());
    const Values adapted = model.llama.forward(batch);
    model::merge_adapters(model.config, model.store);
    EXPECT_EQ(model.store.adapters(), nullptr);
    model::LlamaCapacity capacity;
    capacity.tokens = 512, capacity.completions = 64;
    model::Llama<double> merged(model.config, model.store, capacity);
    expect_near_logps(merged.forward(batch), adapted, relative_bound<double>(model.config));
    TinyModel<double> frozen(config);
    EXPECT_NE(frozen.llama.forward(batch), adapted);
  }
}

TEST(Lora, GenerationEqualsThatOfMergedWeights) {
  AdaptedModel<double> model(tiny_config(true), all_adapters(kDropout));  // dropout is for training only
  std::vector<model::GenerateRequest> requests;
  for (const TreeTokens& tree : random_trees(6, 0, 61)) requests.push_back({tree.prompt, 12});
  TinyModel<double> frozen(true);
  const auto plain = model::Generator<double>(frozen.config, frozen.store, 60).generate(requests, {-1});
  const auto adapted = model::Generator<double>(model.config, model.store, 60).generate(requests, {-1});
  EXPECT_NE(adapted, plain);
  model::merge_adapters(model.config, model.store);
  EXPECT_EQ(model::Generator<double>(model.config, model.store, 60).generate(requests, {-1}), adapted);
}

template <class From>
void copy_weights(AdaptedModel<From>& from, AdaptedModel<double>& to) {
  copy_values(from.store.weights(), to.store.weights());
  copy_values(from.trained().weights(), to.trained().weights());
}

TEST_P(LoraDropout, FloatFollowsDouble) {
  const data::TreeBatch batch = packed_with_keys(trees_);
  AdaptedModel<float> single(config_, all_adapters(GetParam()));
  AdaptedModel<double> exact(config_, all_adapters(GetParam()));
  copy_weights(single, exact);
  const double bound = relative_bound<float>(config_);
  expect_near_logps(single.llama.forward(batch), exact.llama.forward(batch), bound);
  expect_near_gradients(exact.trained().parameters(), single.gradient(batch, d_logp_), exact.gradient(batch, d_logp_),
                        bound);
}

// What the decoder in double answers to weights and adapters that are each moved by bfloat16's roundoff s, up or down
// at random: for its products that is the same as a rounding of their inputs. A pass rounds what it stores more often
// than it has products with frozen weights: forward, a block of four stores ten tensors, and those of the four products
// once more when the adapters' terms are added; so too backward, where terms are added seven times: (10 + 4 + 10 + 7)
// / 4 < 8. (An adapter's u and its gradient are one rounding for each of its two products, its dropped input and the
// gradient of that another.) Independent errors add up like a random walk, hence sqrt(8).
struct Response {
  double logp = 0;
  Values gradients;  // of each parameter
};

void move_at_random(Random& random, const Vector<double>& weights) {
  Values values = host_values(weights);
  for (double& value : values) value *= 1 + (random.below(2) == 0 ? 1 : -1) * storage_roundoff<Bfloat16>();
  set_values(weights, values);
}

double distance(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(a[i] - b[i], 2);
  return std::sqrt(sum);
}

Response bounds(AdaptedModel<Bfloat16>& rounded, const model::LoraOptions& lora, const data::TreeBatch& batch,
                const Values& d_logp, const Values& logp, const Values& gradient) {
  AdaptedModel<double> moved(rounded.config, lora);
  Response largest{0, Values(moved.trained().parameters().size())};
  for (std::uint64_t draw = 0; draw < 4; ++draw) {
    copy_weights(rounded, moved);
    Random random(29, "moved weights", draw);
    move_at_random(random, moved.store.weights());
    move_at_random(random, moved.trained().weights());
    largest.logp = std::max(largest.logp, std::sqrt(8.0) * distance(moved.llama.forward(batch), logp));
    const Values moved_gradient = moved.gradient(batch, d_logp);
    for (std::size_t p = 0; p < largest.gradients.size(); ++p) {
      const double moves = distance(moved_gradient, gradient, moved.trained().parameters()[p]);
      largest.gradients[p] = std::max(largest.gradients[p], std::sqrt(8.0) * moves);
    }
  }
  return largest;
}

TEST_P(LoraDropout, Bfloat16FollowsDouble) {
  config_.initializer_range = 0.15;
  const model::LoraOptions lora = all_adapters(GetParam());
  const data::TreeBatch batch = packed_with_keys(trees_);
  AdaptedModel<Bfloat16> rounded(config_, lora);
  AdaptedModel<double> exact(config_, lora);
  copy_weights(rounded, exact);
  const Values logp = exact.llama.forward(batch), gradient = exact.gradient(batch, d_logp_);
  const Response allowed = bounds(rounded, lora, batch, d_logp_, logp, gradient);
  EXPECT_LE(distance(rounded.llama.forward(batch), logp), allowed.logp);
  EXPECT_LT(allowed.logp, 0.1 * distance(logp, Values(logp.size(), 0.0))) << "the bound sees nothing";
  const Values found = rounded.gradient(batch, d_logp_);
  for (std::size_t p = 0; p < allowed.gradients.size(); ++p) {
    const model::Parameter& parameter = exact.trained().parameters()[p];
    EXPECT_LE(distance(found, gradient, parameter), allowed.gradients[p]) << parameter.name;
    EXPECT_LT(allowed.gradients[p], 0.3 * norm(gradient, parameter)) << parameter.name << ": the bound sees nothing";
  }
}

}  // namespace
}  // namespace recpo::test
