// A parameter larger than a piece: every file format must put each piece where it belongs.
#include <gtest/gtest.h>

#include "src/checkpoint/hugging_face.hpp"
#include "src/checkpoint/pieces.hpp"
#include "tests/checkpoint/small_model.hpp"
#include "tests/data/temporary_folder.hpp"

namespace recpo::checkpoint {
namespace {

TEST(Pieces, ParametersLargerThanOneComeBack) {
  model::LlamaConfig config = small_config(true);
  config.vocab_size = kPieceElements / config.hidden_size + 3;
  const model::ParameterStore<float> written(model::llama_parameters(config), false);
  ASSERT_GT(written.parameters().front().size(), kPieceElements);
  std::vector<float> values(written.size());  // all different below 2^24
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  Kokkos::deep_copy(written.weights(), HostVector<float>(values.data(), values.size()));

  const TemporaryFolder folder;
  save_checkpoint<float>(folder.path() / "native", progress_at(1), config, written, nullptr, small_tokenizer(), 1,
                         one_rank());
  export_hugging_face(folder.path() / "exported", config, written, small_tokenizer());

  model::ParameterStore<float> native(model::llama_parameters(config), false);
  model::ParameterStore<float> imported(model::llama_parameters(config), false);
  load_weights(folder.path() / "native/step_1", native);
  load_hugging_face_weights(folder.path() / "exported", config, imported);
  for (const model::Parameter& parameter : written.parameters()) {
    const std::vector<float> expected = host_values(valid_part(written.weights(), parameter));
    expect_same_bits(host_values(valid_part(native.weights(), parameter)), expected);
    expect_same_bits(host_values(valid_part(imported.weights(), parameter)), expected);
  }
}

}  // namespace
}  // namespace recpo::checkpoint
