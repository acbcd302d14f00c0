// Run on 4 and 8 ranks: what a plan counts against what real steps of the trainer allocate and send, on every grid of
// as many ranks or fewer, ZeRO level, recomputation and with tokens split.

#include <gtest/gtest.h>

#include "src/plan/estimate.hpp"
#include "tests/train/training_problem.hpp"

namespace recpo::test {
namespace {

constexpr std::int64_t kRows = 48;  // one step is all of them, in file order; equal leaves at every level

// Trees of 29 tokens with 4 answers, or rows of many lengths.
data::RowFile make_rows(bool equal, std::int64_t vocab) {
  data::RowFile file = random_rows(kRows, vocab);
  for (data::Row& row : file.rows) {
    if (!equal) continue;
    row.prompt_ids.assign(9, 1);
    for (auto& ids : row.answer_ids) ids.assign(6, 2);
  }
  return file;
}

train::Stage stage_of(const plan::Layout& layout, model::Recompute recompute) {
  train::Stage stage = small_stage("simpo");  // needs no reference
  stage.options.global_batch = kRows;
  stage.options.micro_batch_tokens = layout.micro_batch_tokens;
  stage.options.order = train::Order::kFile;
  stage.parallel.tp = layout.tp;
  stage.parallel.zero = layout.zero;
  stage.parallel.reduction_leaves = layout.reduction_leaves;
  stage.parallel.sequence_parallel = layout.sequence_parallel;
  stage.recompute = recompute;
  stage.optimizer.moments = layout.precision.lower_moments ? optim::Moments::kBf16 : optim::Moments::kFp32;
  return stage;
}

// Two steps of the trainer with a block of the planned size: what they held and sent.
struct Measured {
  train::RankMemory memory;
  train::SentBytes sent;
};
template <class T>
Measured measure(const train::Stage& stage, const model::LlamaConfig& config, const std::vector<train::Sample>& samples,
                 const parallel::ProcessGrid& grid, std::int64_t planned_bytes) {
  const MemoryPool block(planned_bytes);
  const auto store = train::training_store<T>(config, stage.parallel, stage.lora, grid);
  model::initialize_weights(config, 3, *store);
  optim::AdamW<T> optimizer(stage.optimizer, *store,
                            train::DataParallel<T>::owned(*store, static_cast<int>(stage.parallel.zero), *grid.dp));
  const train::ReferenceLogps reference;
  const train::Heartbeat heartbeat = [](const char*) {};
  train::TrainingStep<T> step(stage, samples, reference, config, *store, optimizer, grid, 1000, heartbeat);
  step.run(0);
  const train::SentBytes sent = step.run(1).sent;
  step.settle();
  EXPECT_EQ(block.bytes_refused(), 0);
  EXPECT_GE(block.bytes_taken(), planned_bytes);
  EXPECT_LE(block.bytes_taken(), planned_bytes + MemoryPool::kMaxParts * MemoryPool::kAlignment);
  return {step.memory(), sent};
}

void expect_same(const parallel::Traffic& planned, const parallel::Traffic& sent, const char* axis) {
  EXPECT_EQ(planned.all_reduce, sent.all_reduce) << axis;
  EXPECT_EQ(planned.reduce_scatter, sent.reduce_scatter) << axis;
  EXPECT_EQ(planned.all_gather, sent.all_gather) << axis;
}

void compare(const plan::Layout& layout, model::Recompute recompute, bool equal_rows) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, layout.tp, layout.ranks());
  if (!grid.world) return;
  SCOPED_TRACE(testing::Message() << "tp " << layout.tp << " x dp " << layout.dp << ", zero " << layout.zero
                                  << ", recompute " << name_of(recompute) << ", split tokens "
                                  << layout.sequence_parallel << ", " << name_of(layout.precision.storage)
                                  << ", micro-batch " << layout.micro_batch_tokens << ", equal rows " << equal_rows);
  const model::LlamaConfig config = tiny_wide_config(false);
  const data::RowFile rows = make_rows(equal_rows, config.vocab_size);
  const train::SampleSet set = train::training_samples(rows, 3);
  const plan::Workload workload = plan::workload_of(config, set.samples, kRows);
  const plan::Memory planned = plan::rank_memory(config, workload, layout);
  const auto measure_stage = layout.precision.storage == model::Precision::kBf16 ? measure<Bfloat16> : measure<float>;
  const Measured measured = measure_stage(stage_of(layout, recompute), config, set.samples, grid, planned.total());

  const train::RankMemory& memory = measured.memory;
  EXPECT_EQ(planned.weights, memory.weights);
  EXPECT_EQ(planned.gradients, memory.gradients);
  EXPECT_EQ(planned.gradient_leaves, memory.gradient_leaves);
  EXPECT_EQ(planned.moments, memory.moments);
  EXPECT_EQ(planned.master, memory.master);
  EXPECT_EQ(planned.master > 0, layout.precision.storage == model::Precision::kBf16);
  EXPECT_EQ(planned.activations, memory.activations);
  const train::SentBytes sent = plan::sent_bytes(config, workload, layout);
  expect_same(sent.tp, measured.sent.tp, "tp");
  expect_same(sent.dp, measured.sent.dp, "dp");
}

std::vector<plan::Layout> layouts() {
  const int ranks = parallel::make_process_grid(parallel::Backend::kAuto, 1).world->size();
  std::vector<plan::Layout> all;
  for (const int tp : {1, 2, 4}) {
    for (int dp = 1; tp * dp <= ranks; dp *= 2) {
      for (const int zero : {0, 1, 2}) {
        plan::Layout layout;
        layout.tp = tp, layout.dp = dp, layout.zero = zero;
        layout.micro_batch_tokens = 100;
        layout.precision = plan::training_precision(model::Precision::kFp32,
                                                    zero == 1 ? optim::Moments::kBf16 : optim::Moments::kFp32);
        all.push_back(layout);
      }
    }
  }
  return all;
}

TEST(PlanRanks, EveryGridAndZeroLevel) {
  for (const plan::Layout& layout : layouts()) {
    compare(layout, model::Recompute::kNone, true);
    compare(layout, model::Recompute::kNone, false);
  }
}

TEST(PlanRanks, EveryRecomputationAndSplitTokens) {
  for (plan::Layout layout : layouts()) {
    if (layout.zero == 0 || layout.tp == 4) continue;
    for (const model::Recompute recompute : {model::Recompute::kSelective, model::Recompute::kBlock}) {
      layout.recompute = recompute;
      layout.sequence_parallel = layout.tp > 1;
      layout.reduction_leaves = 16;
      compare(layout, recompute, true);
    }
  }
}

TEST(PlanRanks, Bfloat16) {
  for (plan::Layout layout : layouts()) {
    layout.precision = plan::training_precision(model::Precision::kBf16,
                                                layout.zero == 1 ? optim::Moments::kBf16 : optim::Moments::kFp32);
    compare(layout, model::Recompute::kNone, true);
    compare(layout, model::Recompute::kNone, false);
    if (layout.zero == 0) continue;
    layout.recompute = model::Recompute::kBlock;
    layout.sequence_parallel = layout.tp > 1;
    compare(layout, model::Recompute::kBlock, true);
  }
}

TEST(PlanRanks, SmallestAndLargestMicroBatches) {
  for (plan::Layout layout : layouts()) {
    for (const std::int64_t tokens : {1, 4000}) {  // a tree alone; more than a leaf
      layout.micro_batch_tokens = tokens;
      compare(layout, model::Recompute::kNone, true);
    }
  }
}

}  // namespace
}  // namespace recpo::test
