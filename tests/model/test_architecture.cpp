// What follows from the roles of an architecture's parameters: cut, decay, initial values, buckets, and which gradients
// are parts of a sum over tensor-parallel shards.

#include <gtest/gtest.h>

#include "src/model/architecture.hpp"
#include "src/model/lora.hpp"
#include "src/model/parameter_layout.hpp"
#include "src/model/parameter_store.hpp"
#include "tests/model/tiny_model.hpp"

namespace recpo::test {
namespace {
using model::Role;
using model::Split;
using model::TensorGradient;

// One layer with everything that an architecture may have: a bias as in Qwen2.5, a norm of heads as in Qwen3.
std::vector<model::Parameter> rich_parameters(const model::Shard& shard) {
  model::ParameterLayout layout(shard);
  layout.open_bucket();
  layout.matrix("embedding", 10, 8, Role::kEmbedding);
  layout.open_bucket();
  layout.matrix("q", 16, 8, Role::kColumnParallel);
  layout.matrix("o", 8, 16, Role::kRowParallel);
  layout.bias("q.bias", 16);
  layout.open_bucket();
  layout.norm("norm", 8, TensorGradient::kPartOfSplitTokens);
  layout.norm("q_norm", 4, TensorGradient::kPart);
  layout.norm("final", 8, TensorGradient::kWhole);
  return layout.take();
}

const model::Parameter& find(const std::vector<model::Parameter>& parameters, const std::string& name) {
  const auto found = std::ranges::find(parameters, name, &model::Parameter::name);
  EXPECT_NE(found, parameters.end()) << name;
  return *found;
}

TEST(Roles, DecideTheCut) {
  const auto parameters = rich_parameters({1, 2});
  const auto expect_part = [&](const std::string& name, std::int64_t row, std::int64_t rows, std::int64_t column,
                               std::int64_t columns) {
    const model::Parameter& parameter = find(parameters, name);
    EXPECT_EQ(parameter.row_begin, row) << name;
    EXPECT_EQ(parameter.rows(), rows) << name;
    EXPECT_EQ(parameter.column_begin, column) << name;
    EXPECT_EQ(parameter.columns(), columns) << name;
  };
  expect_part("embedding", 5, 5, 0, 8);
  expect_part("q", 8, 8, 0, 8);
  expect_part("o", 0, 8, 8, 8);
  expect_part("q.bias", 0, 1, 8, 8);
  expect_part("norm", 0, 1, 0, 8);
  expect_part("q_norm", 0, 1, 0, 4);
}

TEST(Roles, DecideDecayAndInitialValues) {
  model::ParameterStore<float> store(rich_parameters({}), false);
  for (const model::Parameter& parameter : store.parameters()) {
    const bool is_matrix = parameter.shape.size() == 2;
    EXPECT_EQ(parameter.decays(), is_matrix) << parameter.name;
  }
  Kokkos::deep_copy(store.weights(), 7.0F);
  model::initialize_weights(model::LlamaConfig{}, 1, store);
  const auto weights = Kokkos::create_mirror_view_and_copy(HostSpace{}, store.weights());
  for (const model::Parameter& parameter : store.parameters()) {
    for (std::int64_t i = parameter.offset; i < parameter.offset + parameter.size(); ++i) {
      if (parameter.shape.size() == 2) {
        EXPECT_NE(weights(i), 0.0F) << parameter.name;
      } else {
        EXPECT_EQ(weights(i), parameter.role == Role::kNorm ? 1.0F : 0.0F) << parameter.name;
      }
    }
  }
}

TEST(Roles, NameThePartialGradients) {
  const model::StoreLayout layout(rich_parameters({0, 2}), model::GradientMemory::kWhole, 1);
  ASSERT_EQ(layout.buckets.size(), 3u);
  for (const bool split_tokens : {false, true}) {
    EXPECT_TRUE(layout.partial_gradients(0, split_tokens).empty());
    EXPECT_TRUE(layout.partial_gradients(1, split_tokens).empty());
    const auto ranges = layout.partial_gradients(2, split_tokens);
    ASSERT_EQ(ranges.size(), 1u);
    EXPECT_EQ(ranges[0].begin, split_tokens ? 0 : 8);
    EXPECT_EQ(ranges[0].end, 12);
  }
}

TEST(Roles, PartialGradientsOfAdaptersAreWholeBuckets) {
  model::LoraOptions lora;
  lora.rank = 2;
  const model::StoreLayout layout(model::adapter_parameters(tiny_config(false), lora, {0, 2}),
                                  model::GradientMemory::kWhole, 2);
  for (std::size_t b = 0; b < layout.buckets.size(); ++b) {
    const auto ranges = layout.partial_gradients(b, false);
    ASSERT_EQ(ranges.size(), layout.buckets[b].replicated ? 1u : 0u);
    if (!ranges.empty()) {
      EXPECT_EQ(ranges[0].begin, 0);
      EXPECT_EQ(ranges[0].end, layout.buckets[b].size());
    }
  }
}

TEST(Buckets, AreFoundByRole) {
  const model::StoreLayout rich(rich_parameters({}), model::GradientMemory::kNone, 1);
  const model::LlamaBuckets places(rich.buckets, 1);
  EXPECT_EQ(places.embedding, 0u);
  EXPECT_EQ(places.head, 0u);  // tied
  EXPECT_EQ(places.first_layer, 1u);
  EXPECT_EQ(places.of_layer, 1u);
  EXPECT_EQ(places.norms, 2u);
  EXPECT_FALSE(places.adapters());
  const model::LlamaConfig config = tiny_config(false);
  const model::StoreLayout llama(model::llama_parameters(config), model::GradientMemory::kNone, 1);
  EXPECT_EQ(model::LlamaBuckets(llama.buckets, config.num_hidden_layers).head, llama.buckets.size() - 2);
}

TEST(Architectures, AreFoundByTheirName) {
  ASSERT_NE(model::find_architecture("llama"), nullptr);
  EXPECT_EQ(model::find_architecture("mamba"), nullptr);
  EXPECT_STREQ(model::architecture_of(model::LlamaConfig{}).class_name, "LlamaForCausalLM");
}

}  // namespace
}  // namespace recpo::test
