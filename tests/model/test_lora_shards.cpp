// Run on 4 ranks, which make groups of 2 and 4: adapters of every shard against those of the whole decoder on one rank,
// in double. What all shards have all of (A of projections cut by rows, B of those cut by columns) has gradients that
// are parts of a sum.

#include <gtest/gtest.h>

#include <cmath>

#include "src/model/generate.hpp"
#include "tests/model/adapted_model.hpp"
#include "tests/model/held_part.hpp"

namespace recpo::test {
namespace {

using model::Recompute;

struct Case {
  int tp;
  bool sequence;
  Recompute recompute;
  model::LoraOptions lora;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << "tp " << c.tp << (c.sequence ? ", split tokens" : "") << ", recompute " << static_cast<int>(c.recompute)
             << ", " << c.lora.targets.size() << " targets, dropout " << c.lora.dropout;
}

int world_size() { return parallel::make_process_grid(parallel::Backend::kAuto, 1).world->size(); }

std::vector<Case> cases(int ranks) {
  std::vector<Case> all;
  for (const int tp : {2, 4}) {
    if (tp > ranks) continue;
    for (const bool sequence : {false, true}) {
      all.push_back({tp, sequence, Recompute::kNone, all_adapters()});
      for (const Recompute recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kBlock})
        all.push_back({tp, sequence, recompute, all_adapters(0.3)});
      for (const auto& targets : std::vector<std::vector<std::string>>{{"q", "down"}, {"o", "up"}})
        all.push_back({tp, sequence, Recompute::kBlock, adapters_on(targets, 0.3)});
    }
  }
  return all;
}

// See relative_bound() of test_lora.cpp; shards add the sums over them.
double relative_bound(const model::LlamaConfig& config) {
  const double operations = 2.0 * ((10.0 + 4 * 3 + 2) * static_cast<double>(config.num_hidden_layers) + 6.0);
  return std::numeric_limits<double>::epsilon() * std::sqrt(512.0) * operations;
}

double norm(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

std::vector<double> summed_gradient(AdaptedModel<double>& shard, const data::TreeBatch& batch,
                                    const std::vector<double>& d_logp, parallel::Communicator& tp) {
  shard.gradient(batch, d_logp);
  const model::ParameterStore<double>& adapters = shard.trained();
  for (std::size_t b = 0; b < adapters.buckets().size(); ++b) {
    if (adapters.buckets()[b].replicated) tp.all_reduce_sum(ExecSpace{}, adapters.bucket_gradients(b));
  }
  ExecSpace{}.fence("recpo::test::summed_gradient");
  return {adapters.gradients().data(), adapters.gradients().data() + adapters.size()};
}

void expect_shard_of_whole(const Case& c, parallel::Communicator& tp) {
  const model::LlamaConfig config = tiny_wide_config(c.tp == 2);
  const data::TreeBatch batch = packed_with_keys(random_trees(3, 4, config.vocab_size));
  std::vector<double> d_logp;
  for (int i = 0; i < 12; ++i) d_logp.push_back(std::cos(1.0 + i));

  AdaptedModel<double> whole(config, c.lora), shard(config, c.lora, {512, c.recompute, {tp, c.sequence}, {}});
  const std::vector<double> expected_logp = whole.llama.forward(batch);
  const std::vector<double> expected = whole.gradient(batch, d_logp);
  const double bound = relative_bound(config);
  for (int pass = 0; pass < 2; ++pass) {  // the second meets memory that the first has used
    const std::vector<double> logp = shard.llama.forward(batch);
    for (std::size_t i = 0; i < logp.size(); ++i) {
      EXPECT_NEAR(logp[i], expected_logp[i], bound * std::abs(expected_logp[i]));
    }
    const std::vector<double> gradient = summed_gradient(shard, batch, d_logp, tp);
    for (std::size_t p = 0; p < whole.trained().parameters().size(); ++p) {
      const model::Parameter& global = whole.trained().parameters()[p];
      const model::Parameter& held = shard.trained().parameters()[p];
      EXPECT_EQ(global.name, held.name);
      std::vector<double> difference = held_part(expected, global, held);
      for (std::size_t i = 0; i < difference.size(); ++i) {
        difference[i] -= gradient[static_cast<std::size_t>(held.offset) + i];
      }
      const auto begin = expected.begin() + global.offset;
      const double size = norm({begin, begin + global.size()});
      EXPECT_GT(size, 0) << held.name;
      EXPECT_LE(norm(difference), bound * size) << held.name;
    }
  }
}

TEST(LoraShards, EveryShardEqualsItsPartOfTheWhole) {
  for (const Case& c : cases(world_size())) {
    const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, c.tp);
    std::ostringstream name;
    name << c;
    SCOPED_TRACE(name.str());
    expect_shard_of_whole(c, *grid.tp);
    if (grid.world->all_reduce_max(HasFailure() ? 1 : 0) != 0) return;  // together
  }
}

// The shard has the elements of the whole.
void expect_parts(const model::ParameterStore<double>& whole, const model::ParameterStore<double>& shard,
                  double bound = 0) {
  const std::vector<double> values(whole.weights().data(), whole.weights().data() + whole.size());
  for (std::size_t p = 0; p < whole.parameters().size(); ++p) {
    const model::Parameter& held = shard.parameters()[p];
    const std::vector<double> part = held_part(values, whole.parameters()[p], held);
    for (std::int64_t i = 0; i < held.size(); ++i) {
      const double expected = part[static_cast<std::size_t>(i)];
      ASSERT_NEAR(shard.weights()(held.offset + i), expected, bound) << held.name;
    }
  }
}

TEST(LoraShards, InitialAdaptersAreTheWhole) {
  const model::LlamaConfig config = tiny_wide_config(false);
  model::Adapters<double> whole(config, all_adapters(), {}, model::GradientMemory::kNone);
  model::initialize_adapters<double>(5, whole);
  for (int rank = 0; rank < 4; ++rank) {
    model::Adapters<double> shard(config, all_adapters(), {rank, 4}, model::GradientMemory::kNone);
    model::initialize_adapters<double>(5, shard);
    expect_parts(whole.store, shard.store);
  }
}

// A shard's elements are sums of the same three products; a GEMM may add them to the weight in another order.
TEST(LoraShards, MergedShardsAreTheMergedWhole) {
  const model::LlamaConfig config = tiny_wide_config(false);
  const auto merged = [&](const model::Shard& part) {
    auto store = std::make_unique<model::ParameterStore<double>>(model::llama_parameters(config, part), false);
    model::initialize_weights(config, 3, *store);
    store->attach_adapters(
        std::make_shared<model::Adapters<double>>(config, all_adapters(), part, model::GradientMemory::kNone));
    model::initialize_adapters<double>(5, *store->adapters());
    fill_b(store->adapters()->store);
    model::merge_adapters(config, *store);
    return store;
  };
  const auto whole = merged({});
  double largest = 0;  // of a weight; those of s B A are below it
  for (std::int64_t i = 0; i < whole->size(); ++i) largest = std::max(largest, std::abs(whole->weights()(i)));
  for (const int shards : {2, 4}) {
    for (int rank = 0; rank < shards; ++rank)
      expect_parts(*whole, *merged({rank, shards}), 8 * std::numeric_limits<double>::epsilon() * largest);
  }
}

TEST(LoraShards, GreedyTokensEqualTheWhole) {
  const model::LlamaConfig config = tiny_wide_config(false);
  std::vector<model::GenerateRequest> requests;
  for (const TreeTokens& tree : random_trees(4, 1, config.vocab_size)) requests.push_back({tree.prompt, 12});
  AdaptedModel<double> whole(config, all_adapters());
  const auto expected = model::Generator<double>(config, whole.store, 64).generate(requests, {2});
  for (const int tp : {2, 4}) {
    if (tp > world_size()) continue;
    const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, tp);
    const model::TensorParallel tensor(*grid.tp, true);
    AdaptedModel<double> shard(config, all_adapters(), {512, {}, tensor, {}});
    EXPECT_EQ(model::Generator<double>(config, shard.store, 64, tensor).generate(requests, {2}), expected) << tp;
  }
}

}  // namespace
}  // namespace recpo::test
