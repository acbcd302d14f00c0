// Run on 4 ranks, which make groups of 1, 2 and 4: every shard's log-probs, gradients and greedy tokens against the
// whole decoder on one rank, in double, with targets on every shard of a vocabulary that does not divide evenly.

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "src/model/generate.hpp"
#include "src/support/check.hpp"
#include "tests/model/held_part.hpp"
#include "tests/model/rich_architecture.hpp"
#include "tests/model/tiny_model.hpp"

namespace recpo::test {
namespace {

using model::Recompute;

struct Case {
  int tp;
  bool tied, sequence;
  Recompute recompute;
  std::int64_t logit_rows;
  bool rich = false;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << "tp " << c.tp
             << (c.rich   ? ", rich"
                 : c.tied ? ", tied"
                          : ", untied")
             << (c.sequence ? ", split tokens" : "") << ", recompute " << static_cast<int>(c.recompute) << ", "
             << c.logit_rows << " logit rows";
}

std::vector<Case> cases(int ranks) {
  std::vector<Case> all;
  for (const int tp : {1, 2, 4}) {
    if (tp > ranks) continue;
    for (const bool tied : {false, true}) {
      for (const bool sequence : {false, true}) {
        for (const Recompute recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kBlock}) {
          all.push_back({tp, tied, sequence, recompute, 512});
          if (!tied) all.push_back({tp, tied, sequence, recompute, 512, true});
        }
        all.push_back({tp, tied, sequence, Recompute::kNone, 5});
      }
    }
  }
  return all;
}

void expect_shard_of_whole(const Case& c, parallel::Communicator& tp) {
  const model::LlamaConfig config = c.rich ? rich(tiny_wide_config(c.tied)) : tiny_wide_config(c.tied);
  const data::TreeBatch batch = packed(random_trees(3, 4, config.vocab_size));
  std::vector<double> d_logp;
  for (int i = 0; i < 12; ++i) d_logp.push_back(std::cos(1.0 + i));

  TinyModel<double> whole(config, {c.logit_rows, {}, {}});
  const std::vector<double> expected_logp = whole.llama.forward(batch);
  const std::vector<double> expected = whole.gradient(batch, d_logp);
  TinyModel<double> shard(config, {c.logit_rows, c.recompute, {tp, c.sequence}});
  const double bound = decoder_bound<double>(config);
  for (int pass = 0; pass < 2; ++pass) {  // the second meets memory that the first has used
    const std::vector<double> logp = shard.llama.forward(batch);
    for (std::size_t i = 0; i < logp.size(); ++i) {
      EXPECT_NEAR(logp[i], expected_logp[i], bound * std::abs(expected_logp[i]));
    }
    std::vector<double> gradient = shard.gradient(batch, d_logp);
    for (const model::Parameter& parameter : shard.store.parameters()) {  // norms of blocks: parts of shards
      using model::TensorGradient;
      if (parameter.gradient == TensorGradient::kWhole) continue;
      if (parameter.gradient == TensorGradient::kPartOfSplitTokens && !c.sequence) continue;
      Vector<double> own(shard.store.gradients().data() + parameter.offset, parameter.size());
      tp.all_reduce_sum(ExecSpace{}, own);
      std::copy_n(own.data(), parameter.size(), gradient.begin() + parameter.offset);
    }
    for (std::size_t p = 0; p < whole.store.parameters().size(); ++p) {
      const model::Parameter& global = whole.store.parameters()[p];
      const model::Parameter& held = shard.store.parameters()[p];
      EXPECT_EQ(global.name, held.name);
      const std::vector<double> part = held_part(expected, global, held);
      double norm = 0, difference = 0;
      for (std::int64_t i = 0; i < global.size(); ++i) {
        norm += std::pow(expected[static_cast<std::size_t>(global.offset + i)], 2);
      }
      for (std::int64_t i = 0; i < held.size(); ++i) {
        const double own = gradient[static_cast<std::size_t>(held.offset + i)];
        difference += std::pow(own - part[static_cast<std::size_t>(i)], 2);
      }
      EXPECT_LE(std::sqrt(difference), bound * std::sqrt(norm)) << held.name;
    }
  }
}

TEST(TensorParallel, EveryShardEqualsItsPartOfTheWhole) {
  const int ranks = parallel::make_process_grid(parallel::Backend::kAuto, 1).world->size();
  for (const Case& c : cases(ranks)) {
    const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, c.tp);
    std::ostringstream name;
    name << c;
    SCOPED_TRACE(name.str());
    expect_shard_of_whole(c, *grid.tp);
    if (grid.world->all_reduce_max(HasFailure() ? 1 : 0) != 0) return;  // together
  }
}

TEST(TensorParallel, TargetsAreOnEveryShard) {
  const model::LlamaConfig config = tiny_wide_config(false);
  const data::TreeBatch batch = packed(random_trees(3, 4, config.vocab_size));
  std::set<int> shards;
  for (const int token : batch.target_token) shards.insert(token / 16);  // 61 tokens in four shards of 16
  EXPECT_EQ(shards.size(), 4u);
  EXPECT_EQ(model::vocabulary_shard(config, {3, 4}).count, 13);
}

TEST(TensorParallel, ShardsOfRandomWeightsAreTheWhole) {
  const model::LlamaConfig config = tiny_wide_config(false);
  model::ParameterStore<double> whole(model::llama_parameters(config), false);
  model::initialize_weights(config, 3, whole);
  const std::vector<double> values(whole.weights().data(), whole.weights().data() + whole.size());
  for (int rank = 0; rank < 4; ++rank) {
    model::ParameterStore<double> shard(model::llama_parameters(config, {rank, 4}), false);
    model::initialize_weights(config, 3, shard);
    for (std::size_t p = 0; p < whole.parameters().size(); ++p) {
      const model::Parameter& held = shard.parameters()[p];
      const std::vector<double> part = held_part(values, whole.parameters()[p], held);
      for (std::int64_t i = 0; i < held.size(); ++i) {
        ASSERT_EQ(shard.weights()(held.offset + i), part[static_cast<std::size_t>(i)]) << held.name;
      }
    }
  }
}

TEST(TensorParallel, GreedyTokensEqualTheWhole) {
  const int ranks = parallel::make_process_grid(parallel::Backend::kAuto, 1).world->size();
  const model::LlamaConfig config = tiny_wide_config(false);
  std::vector<model::GenerateRequest> requests;
  for (const TreeTokens& tree : random_trees(4, 1, config.vocab_size)) requests.push_back({tree.prompt, 12});
  TinyModel<double> whole(config);
  model::Generator<double> alone(config, whole.store, 64);
  const auto expected = alone.generate(requests, {2});
  for (const int tp : {2, 4}) {
    if (tp > ranks) continue;
    const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, tp);
    const model::TensorParallel tensor(*grid.tp, true);
    TinyModel<double> shard(config, {512, {}, tensor});
    model::Generator<double> generator(config, shard.store, 64, tensor);
    EXPECT_EQ(generator.generate(requests, {2}), expected) << "tp " << tp;
  }
}

TEST(TensorParallel, RefusesWhatDoesNotDivide) {
  const auto code = [](const model::LlamaConfig& config, int tp) {
    try {
      model::check_tensor_parallel(config, tp);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::kDone;
  };
  model::LlamaConfig config = tiny_wide_config(false);
  EXPECT_EQ(code(config, 4), ExitCode::kDone);
  EXPECT_EQ(code(config, 8), ExitCode::kUsage);  // four key/value heads
  EXPECT_EQ(code(config, 3), ExitCode::kUsage);
  config.intermediate_size = 50;
  EXPECT_EQ(code(config, 4), ExitCode::kUsage);
  config = tiny_wide_config(false);
  config.vocab_size = 5;  // shards of two: the last would be empty
  EXPECT_EQ(code(config, 4), ExitCode::kUsage);
}

}  // namespace
}  // namespace recpo::test
