// The search on Llama-3.1-8B and the shipped nodes, against figures worked out by hand.

#include <gtest/gtest.h>

#include <filesystem>

#include "src/commands/plan_table.hpp"
#include "src/plan/node.hpp"
#include "src/plan/search.hpp"
#include "src/support/check.hpp"

namespace recpo::plan {
namespace {

constexpr double kGibi = 1024.0 * 1024 * 1024;
const model::LlamaConfig& llama() {
  static const model::LlamaConfig config = model::named_config("llama-3.1-8b");
  return config;
}
// 128 sets of a prompt of 1024 tokens and four answers of 12.
const Workload& sets() {
  static const Workload workload = workload_of(llama(), 1024, 12, 4, 128);
  return workload;
}
Node node_of(const char* name) {
  return plan::read_node_file(std::filesystem::path(RECPO_SOURCE_DIR) / "inputs/nodes" / name);
}
Layout layout_of(int tp, int dp, int zero) {
  Layout layout;
  layout.tp = tp, layout.dp = dp, layout.zero = zero;
  layout.precision = training_precision(model::Precision::kBf16, optim::Moments::kFp32);
  return layout;
}
const Plan* find(const std::vector<Plan>& plans, int tp, int zero) {
  for (const Plan& plan : plans) {
    if (plan.layout.tp == tp && plan.layout.zero == zero) return &plan;
  }
  return nullptr;
}

TEST(Workload, FlopsOfAStep) {
  EXPECT_EQ(sets().tokens(), 128 * (1024 + 4 * 11));
  // 6 FLOP a token and weight of the blocks, 12 x width a pair of attention, 6 a logit: 5.86 PFLOP.
  const double blocks = 6 * 136704.0 * 32 * 4096 * (2 * 4096 + 2 * 1024 + 3 * 14336);
  const double pairs = 128 * (1024 * 1025 / 2 + 4 * (11 * 1024 + 11 * 12 / 2.0));
  const double head = 6 * 128 * 45.0 * 4096 * 128256;
  EXPECT_NEAR(3 * sets().forward_flops(), blocks + 12 * 32 * 4096 * pairs + head, 1e-9 * blocks);
  EXPECT_NEAR(3 * sets().forward_flops(), 5.8e15, 0.1e15);
}

TEST(Memory, StatesOfTheTargetLayout) {
  Layout layout = layout_of(2, 4, 1);
  layout.reduction_leaves = 4;
  Memory memory = rank_memory(llama(), sets(), layout);
  EXPECT_EQ(memory.gradient_leaves, 0);
  EXPECT_NEAR(static_cast<double>(memory.total() - memory.activations) / kGibi, 34, 0.5);
  layout.precision.gradient = 2;
  memory = rank_memory(llama(), sets(), layout);
  EXPECT_NEAR(static_cast<double>(memory.total() - memory.activations) / kGibi, 26, 0.5);
}

// 4 H + (N + 2 G) D + N D + 3 F elements a token and block, in bf16, and less than 5 % for statistics and the backward.
TEST(Memory, ActivationsOfATree) {
  const double elements = 4 * 4096 + 6144 + 4096 + 3 * 14336;
  const double expected = 32 * elements * 2 * static_cast<double>(sets().longest);
  Layout layout = layout_of(1, 8, 1);
  const auto activations = [&](std::int64_t trees) {
    layout.micro_batch_tokens = trees * sets().longest;
    return static_cast<double>(rank_memory(llama(), sets(), layout).activations);
  };
  const double tree = activations(8) - activations(7);
  EXPECT_GE(tree, expected);
  EXPECT_LE(tree, 1.05 * expected);
  EXPECT_NEAR(tree, 4.7e9, 0.25e9);
}

TEST(Search, BridgesMakeTensorPairsTheBest) {
  const Node node = node_of("a6000x8.toml");
  const std::vector<Plan> plans = fitting_layouts(llama(), sets(), layout_of(1, 8, 1), node);
  ASSERT_FALSE(plans.empty());
  const Plan& best = plans.front();
  EXPECT_EQ(best.layout.tp, 2);
  EXPECT_EQ(best.layout.dp, 4);
  EXPECT_EQ(best.layout.zero, 1);
  EXPECT_FALSE(best.layout.lower_precision());
  const Plan* zero1 = find(plans, 2, 1);
  ASSERT_NE(zero1, nullptr);
  EXPECT_FALSE(zero1->layout.lower_precision());
  const Plan* zero2 = find(plans, 2, 2);  // the estimate does not tell them apart; it sends three times as much
  EXPECT_LE(best.seconds(), (1 + kEstimateError) * zero2->seconds());
  EXPECT_GT(zero2->sent.dp.total(), 2 * best.sent.dp.total());
  EXPECT_EQ(find(plans, 1, 1)->layout.lower_precision(), true);  // 60 GiB of states do not fit
  for (const int tp : {4, 8}) {                                  // over PCIe
    const Plan* wide = find(plans, tp, 1);
    ASSERT_NE(wide, nullptr);
    EXPECT_GT(wide->time.tensor, 5);
  }
  EXPECT_GT(step_time(llama(), sets(), best.layout, node.without_bridges()).tensor, 1.5 * best.time.tensor);
}

TEST(Search, WithoutBridgesDataParallelRanksAreAsGood) {
  const Node node = node_of("a6000x8_pcie.toml");
  const std::vector<Plan> plans = fitting_layouts(llama(), sets(), layout_of(1, 8, 1), node);
  const Plan* data = find(plans, 1, 1);
  ASSERT_NE(data, nullptr);
  EXPECT_TRUE(data->layout.lower_precision());
  EXPECT_LE(data->seconds(), 1.1 * plans.front().seconds());
  const std::string text = commands::layouts_text(llama(), sets(), layout_of(1, 8, 1), node, "sets");
  EXPECT_NE(text.find("tp 2 costs"), std::string::npos) << text;
}

TEST(Search, EverythingListedFitsAndIsInOrder) {
  for (const char* name : {"a6000x8.toml", "a6000x8_pcie.toml", "h100x8.toml"}) {
    const Node node = node_of(name);
    const std::vector<Plan> plans = fitting_layouts(llama(), sets(), layout_of(1, 8, 1), node);
    EXPECT_GT(plans.size(), 10U);
    for (std::size_t i = 1; i < plans.size(); ++i) {
      EXPECT_LE(static_cast<double>(plans[i].memory.total()), node.memory - node.reserve);
      EXPECT_EQ(plans[i].layout.ranks(), 8);
      if (i > 1) {  // the first is the choice
        EXPECT_LE(plans[i - 1].seconds(), plans[i].seconds());
      }
    }
  }
}

TEST(Search, SaysWhatWouldHelpWhereNothingFits) {
  Node node = node_of("a6000x8.toml");
  node.ranks = 1;
  EXPECT_TRUE(fitting_layouts(llama(), sets(), layout_of(1, 1, 1), node).empty());
  const std::string text = commands::layouts_text(llama(), sets(), layout_of(1, 1, 1), node, "sets");
  EXPECT_NE(text.find("nothing fits 46.0 GiB"), std::string::npos) << text;
  EXPECT_NE(text.find("such ranks would do"), std::string::npos) << text;
  node.memory = 3 * kGibi;
  const std::string never = commands::layouts_text(llama(), sets(), layout_of(1, 1, 1), node, "sets");
  EXPECT_NE(never.find("more memory a rank"), std::string::npos) << never;
}

TEST(Search, LayoutsThatCannotBeCutAreUsageErrors) {
  EXPECT_THROW(plan_layout(llama(), sets(), layout_of(16, 1, 1), node_of("a6000x8.toml")), Error);
  EXPECT_THROW(plan_layout(llama(), sets(), layout_of(1, 256, 1), node_of("a6000x8.toml")), Error);
}

}  // namespace
}  // namespace recpo::plan
