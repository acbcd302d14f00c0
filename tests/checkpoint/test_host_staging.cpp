// Parameters larger than a piece: every file format must put each piece where it belongs.
#include <gtest/gtest.h>

#include <numeric>

#include "src/checkpoint/host_staging.hpp"
#include "src/checkpoint/hugging_face.hpp"
#include "tests/checkpoint/simulated_grid.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::checkpoint {
namespace {

std::vector<float> counted(std::int64_t size, float first) {  // all different while below 2^24
  std::vector<float> values(static_cast<std::size_t>(size));
  std::iota(values.begin(), values.end(), first);
  return values;
}

TEST(Pieces, ParametersLargerThanOneComeBack) {
  model::LlamaConfig config = small_config(true);
  config.vocab_size = kPieceElements / config.hidden_size + 3;
  RankModel<float> written(config, {}, 0), native(config, {}, 0), imported(config, {}, 0);
  ASSERT_GT(written.store.parameters().front().size(), kPieceElements);
  const std::vector<float> weights = counted(written.store.size(), 0), first = counted(written.store.size(), 1),
                           second = counted(written.store.size(), 2);
  Kokkos::deep_copy(written.store.weights(), HostVector<const float>(weights.data(), weights.size()));
  written.optimizer.write_state(optim::State::kFirstMoment, 0, first);
  written.optimizer.write_state(optim::State::kSecondMoment, 0, second);

  const TemporaryFolder folder;
  save_checkpoint<float>(folder.path() / "native", progress_at(1), config, written.store, &written.optimizer,
                         small_tokenizer(), 1, one_rank());
  export_hugging_face(folder.path() / "exported", config, written.store, small_tokenizer());
  native.load(folder.path() / "native/step_1");
  load_hugging_face_weights(folder.path() / "exported", config, imported.store);
  const std::vector<float> first_read = native.moment(optim::State::kFirstMoment),
                           second_read = native.moment(optim::State::kSecondMoment);
  for (const model::Parameter& parameter : written.store.parameters()) {
    const std::vector<float> expected = host_values(valid_part(written.store.weights(), parameter));
    expect_same_bits(host_values(valid_part(native.store.weights(), parameter)), expected);
    expect_same_bits(host_values(valid_part(imported.store.weights(), parameter)), expected);
    const auto same = [&](const std::vector<float>& a, const std::vector<float>& b) {
      return std::equal(a.begin() + parameter.offset, a.begin() + parameter.offset + parameter.size(),
                        b.begin() + parameter.offset);
    };
    EXPECT_TRUE(same(first_read, first)) << parameter.name;
    EXPECT_TRUE(same(second_read, second)) << parameter.name;
  }
}

// Rows of which a piece holds only a few, and of which each reader wants half.
TEST(Pieces, LongRowsAreCutIntoColumns) {
  constexpr int kTp = 2;
  model::LlamaConfig config = small_config(true);
  config.num_hidden_layers = 1, config.intermediate_size = kPieceElements / 5 + 2;  // even
  const RankModel<float> written(config, {}, 0);
  const std::vector<float> weights = counted(written.store.size(), 0);
  Kokkos::deep_copy(written.store.weights(), HostVector<const float>(weights.data(), weights.size()));
  const std::size_t down = written.store.index("model.layers.0.mlp.down_proj.weight");
  const model::Parameter& whole = written.store.parameters()[down];

  const TemporaryFolder folder;
  save_checkpoint<float>(folder.path() / "native", progress_at(1), config, written.store, nullptr, small_tokenizer(), 1,
                         one_rank());
  export_hugging_face(folder.path() / "exported", config, written.store, small_tokenizer());
  for (int rank = 0; rank < kTp; ++rank) {
    for (const bool native : {true, false}) {
      RankModel<float> read(config, {kTp, 1}, rank);
      native ? load_weights(folder.path() / "native/step_1", read.store)
             : load_hugging_face_weights(folder.path() / "exported", config, read.store);
      const model::Parameter& held = read.store.parameters()[down];
      ASSERT_GT(held.size(), kPieceElements);
      const std::vector<float> values = host_values(valid_part(read.store.weights(), held));
      for (std::int64_t row = 0; row < held.rows(); ++row) {
        const auto expected = weights.begin() + whole.offset + row * whole.columns() + held.column_begin;
        ASSERT_TRUE(std::equal(expected, expected + held.columns(), values.begin() + row * held.columns()))
            << "row " << row << " of rank " << rank;
      }
    }
  }
}

}  // namespace
}  // namespace recpo::checkpoint
