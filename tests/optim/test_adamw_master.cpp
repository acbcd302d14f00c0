// AdamW over weights stored in bfloat16: the updates go into master weights in float, of which the stored weights are
// the rounded copy, so that steps far below the last place of a weight add up.

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "src/optim/adamw.hpp"
#include "src/support/random.hpp"
#include "tests/support/host_values.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::test {
namespace {

model::LlamaConfig small_config() {
  model::LlamaConfig config = model::named_config("tiny");
  config.vocab_size = 61, config.hidden_size = 32, config.intermediate_size = 48, config.head_dim = 8;
  config.num_attention_heads = 4, config.num_key_value_heads = 2, config.num_hidden_layers = 2;
  return config;
}

// A store of a small decoder with gradients of every parameter at hand, and its optimizer; a slice of two with ZeRO.
struct MasterProblem {
  static constexpr int kRanks = 2;
  model::LlamaConfig config = small_config();
  model::ParameterStore<Bfloat16> store{model::llama_parameters(config), model::GradientMemory::kWhole, kRanks};
  optim::OptimizerOptions options;
  std::unique_ptr<optim::AdamW<Bfloat16>> optimizer;

  explicit MasterProblem(optim::Moments moments, int ranks = 1) {
    options.moments = moments;
    options.clip = 0;
    model::initialize_weights(config, 3, store);
    optimizer = std::make_unique<optim::AdamW<Bfloat16>>(
        options, store, model::ParameterShard(store.layout(), ranks > 1 ? 1 : 0, ranks));
  }
  void step(double lr) {
    optimizer->step(ExecSpace(), lr, 1.0, optim::shard_gradients(store, optimizer->shard()));
    Kokkos::fence();
  }
  void random_gradients(std::uint64_t step) {
    Random random(37, "gradients", step);
    std::vector<float> values(static_cast<std::size_t>(store.size()));
    for (float& value : values) value = static_cast<float>(random.normal());
    set_values(store.gradients(), values);
  }
  std::vector<float> state(optim::State which) const {
    std::vector<float> values(static_cast<std::size_t>(optimizer->shard().size()));
    optimizer->read_state(which, 0, values);
    return values;
  }
  // How many of the shard's elements have f(master weight, stored weight).
  template <class F>
  std::int64_t count(const F& f) const {
    const std::vector<float> master = state(optim::State::kMaster);
    const std::vector<Bfloat16> stored = host_values(store.weights());
    std::int64_t found = 0;
    for (const model::ShardPart& piece : optimizer->shard().parts()) {
      for (std::int64_t i = 0; i < piece.size(); ++i) {
        const float wide = master[static_cast<std::size_t>(piece.shard_offset + i)];
        found += f(wide, stored[static_cast<std::size_t>(piece.store_offset + i)]) ? 1 : 0;
      }
    }
    return found;
  }
  std::int64_t owned() const {
    return count([](float, Bfloat16) { return true; });
  }
};

bool is_rounded(float master, Bfloat16 stored) { return stored.bits == Bfloat16(master).bits; }

TEST(AdamWMaster, BeginsAsTheWeights) {
  const MasterProblem problem(optim::Moments::kFp32);
  EXPECT_EQ(problem.count([](float master, Bfloat16 stored) { return master == stored; }), problem.owned());
}

// With a gradient of one sign Adam moves a weight by lr a step. From 1, whose neighbours in bfloat16 are 2^-7 above and
// 2^-8 below, a step of 2^-16 is 128 times below half the smaller distance: alone it would always be rounded away. A
// thousand of them come to -1000 * 2^-16 but for the roundings of floats near 1, a few a step.
TEST(AdamWMaster, AThousandStepsBelowTheLastPlaceMoveTheWeight) {
  MasterProblem problem(optim::Moments::kFp32);
  Kokkos::deep_copy(problem.store.weights(), Bfloat16(1));
  problem.optimizer->reset_master();
  Kokkos::deep_copy(problem.store.gradients(), 1.0f);
  const double lr = 0x1p-16;
  ASSERT_EQ(static_cast<float>(Bfloat16(static_cast<float>(1 - lr))), 1.0f) << "a step would be seen without master";
  for (int step = 0; step < 1000; ++step) problem.step(lr);
  // A step rounds the weight by u; the update has the roundings of its moments in all steps and of its own operations.
  const double expected = 1 - 1000 * lr, error = 1000 * (unit_roundoff<float>() + gamma<float>(2020) * lr + lr * 1e-8);
  const auto is_near = [&](float master, Bfloat16) { return std::abs(master - expected) <= error; };
  EXPECT_EQ(problem.count(is_near), problem.owned());
  EXPECT_EQ(problem.count(is_rounded), problem.owned());
  EXPECT_EQ(problem.count([](float, Bfloat16 stored) { return stored < 1.0f; }), problem.owned());
}

// After every step, for moments of either length, with and without ZeRO; and no other weight is touched.
TEST(AdamWMaster, StoredWeightsAreTheRoundedMaster) {
  for (const optim::Moments moments : {optim::Moments::kFp32, optim::Moments::kBf16}) {
    for (const int ranks : {1, 2}) {
      SCOPED_TRACE(testing::Message() << "moments " << name_of(moments) << ", " << ranks << " ranks");
      MasterProblem problem(moments, ranks);
      const std::vector<Bfloat16> before = host_values(problem.store.weights());
      std::int64_t unrounded = 0;
      for (std::uint64_t step = 0; step < 5; ++step) {
        problem.random_gradients(step);
        problem.step(1e-3);
        EXPECT_EQ(problem.count(is_rounded), problem.owned()) << "step " << step;
        unrounded += problem.count([](float master, Bfloat16 stored) { return master != stored; });
      }
      EXPECT_GT(unrounded, problem.owned()) << "the master weights have no more digits";
      const std::vector<Bfloat16> after = host_values(problem.store.weights());
      std::int64_t moved = 0;
      for (std::size_t i = 0; i < before.size(); ++i) moved += after[i].bits != before[i].bits;
      EXPECT_LE(moved, problem.owned());
      EXPECT_GT(moved, problem.owned() / 4);
    }
  }
}

// Moments and master are those of AdamW over weights in float that begin as these: the same operations.
TEST(AdamWMaster, MovesAsWeightsInFloatDo) {
  for (const optim::Moments moments : {optim::Moments::kFp32, optim::Moments::kBf16}) {
    MasterProblem problem(moments);
    model::ParameterStore<float> store(problem.store.parameters(), model::GradientMemory::kWhole, 2);
    copy_values(problem.store.weights(), store.weights());
    optim::AdamW<float> optimizer(problem.options, store);
    for (std::uint64_t step = 0; step < 5; ++step) {
      problem.random_gradients(step);
      Kokkos::deep_copy(store.gradients(), problem.store.gradients());
      problem.step(1e-3);
      optimizer.step(ExecSpace(), 1e-3, 1.0, optim::shard_gradients(store, optimizer.shard()));
      Kokkos::fence();
    }
    for (const optim::State which : {optim::State::kFirstMoment, optim::State::kSecondMoment}) {
      std::vector<float> expected(static_cast<std::size_t>(optimizer.shard().size()));
      optimizer.read_state(which, 0, expected);
      EXPECT_EQ(problem.state(which), expected) << name_of(moments);
    }
    const std::vector<float> master = problem.state(optim::State::kMaster), weights = host_values(store.weights());
    for (const model::ShardPart& piece : optimizer.shard().parts()) {
      for (std::int64_t i = 0; i < piece.size(); ++i) {
        ASSERT_EQ(master[static_cast<std::size_t>(piece.shard_offset + i)],
                  weights[static_cast<std::size_t>(piece.store_offset + i)]);
      }
    }
  }
}

TEST(AdamWMaster, CountsItsBytes) {
  const MasterProblem full(optim::Moments::kFp32), shorter(optim::Moments::kBf16), slice(optim::Moments::kBf16, 2);
  const std::int64_t n = full.optimizer->shard().size();
  EXPECT_EQ(full.optimizer->master_bytes(), 4 * n);
  EXPECT_EQ(full.optimizer->moment_bytes(), 8 * n);
  EXPECT_EQ(shorter.optimizer->moment_bytes(), 4 * n);
  EXPECT_EQ(shorter.optimizer->master_bytes(), 4 * n);
  EXPECT_EQ(slice.optimizer->master_bytes(), 2 * n);
}

}  // namespace
}  // namespace recpo::test
