#pragma once
// A model of a few thousand weights with random values, an optimizer and a tokenizer, to be saved and read back.

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.hpp"
#include "src/parallel/communicator.hpp"
#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::checkpoint {

inline model::LlamaConfig small_config(bool tied = false) {
  model::LlamaConfig config = model::named_config("tiny");
  config.vocab_size = 41;  // odd, so that no parameter's size is a round number
  config.hidden_size = 12, config.intermediate_size = 20, config.head_dim = 6;
  config.num_attention_heads = 2, config.num_key_value_heads = 1;
  config.tie_word_embeddings = tied;
  config.rope_scaling = {8.0, 1.0, 4.0, 64.0};
  config.bos_token_id = 3, config.eos_token_id = 5;
  return config;
}

template <class T>
std::vector<T> host_values(const Vector<T>& view) {
  std::vector<T> values(view.extent(0));
  Kokkos::deep_copy(HostVector<T>(values.data(), values.size()), view);
  return values;
}

// Random values in every element, padding left zero as the store has it; as weights, or as an optimizer's states.
template <class Value, class T>
std::vector<Value> random_elements(const model::ParameterStore<T>& store, std::uint64_t seed) {
  std::vector<Value> values(store.size(), Value(0));
  for (const model::Parameter& parameter : store.parameters()) {
    Random random(seed, parameter.name);
    for (std::int64_t i = 0; i < parameter.size(); ++i)
      values[parameter.offset + i] = static_cast<Value>(random.normal());
  }
  return values;
}
template <class T>
std::vector<T> random_values(const model::ParameterStore<T>& store, std::uint64_t seed) {
  return random_elements<T>(store, seed);
}

template <class T>
std::vector<Accumulate<T>> moment_values(const optim::AdamW<T>& optimizer, optim::State moment) {
  std::vector<Accumulate<T>> values(optimizer.shard().size());
  optimizer.read_state(moment, 0, values);
  return values;
}

template <class T>
struct SmallModel {
  explicit SmallModel(std::uint64_t seed = 1, bool tied = false)
      : config(small_config(tied)), store(model::llama_parameters(config), false), optimizer({}, store) {
    const std::vector<T> weights = random_values(store, seed);
    Kokkos::deep_copy(store.weights(), HostVector<const T>(weights.data(), weights.size()));
    optimizer.write_state(optim::State::kFirstMoment, 0, random_elements<Accumulate<T>>(store, seed + 1000));
    optimizer.write_state(optim::State::kSecondMoment, 0, random_elements<Accumulate<T>>(store, seed + 2000));
    if (optim::AdamW<T>::kHasMaster)  // whose rounded copy the weights are
      optimizer.write_state(optim::State::kMaster, 0, random_elements<Accumulate<T>>(store, seed));
    optimizer.set_steps_done(static_cast<std::int64_t>(seed));
  }
  model::LlamaConfig config;
  model::ParameterStore<T> store;
  optim::AdamW<T> optimizer;
};

inline const text::Tokenizer& small_tokenizer() {
  static const std::vector<std::string> texts = {"the cat sat on the mat", "the rating of the film was 5"};
  static const text::Tokenizer tokenizer = text::Tokenizer::train(texts, 270);
  return tokenizer;
}

inline Progress progress_at(std::int64_t step) {
  return {"sft", step, 64 * step, 100, false, "inputs", "rows", "[run]\nseed = 1  # é\n", "{\"skipped\": [3]}", {}};
}

inline parallel::ProcessGrid one_rank() {
  return {std::make_unique<parallel::SerialCommunicator>(), std::make_unique<parallel::SerialCommunicator>(),
          std::make_unique<parallel::SerialCommunicator>()};
}

template <class T>
void save(const std::filesystem::path& stage, std::int64_t step, int keep = 10) {
  const SmallModel<T> model(static_cast<std::uint64_t>(step));
  save_checkpoint<T>(stage, progress_at(step), model.config, model.store, &model.optimizer, small_tokenizer(), keep,
                     one_rank());
}

// The message of the Error that `action` throws with `code`; a failure when it throws none or another.
template <class Action>
std::string message_of(ExitCode code, Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

template <class T>
void expect_same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(T)), 0);
}

}  // namespace recpo::checkpoint
