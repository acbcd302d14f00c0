// config.json: what Transformers writes is understood, and what is not Llama or not sane is refused by name.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/model/config.hpp"
#include "tests/checkpoint/small_model.hpp"

namespace recpo::checkpoint {
namespace {
using model::named_config;
using model::parse_config;
using model::to_json;

TEST(Config, NamedShapesHaveTheirPublishedNumberOfParameters) {
  EXPECT_EQ(named_config("smollm2-135m").num_parameters(), 134'515'008);
  EXPECT_EQ(named_config("llama-3.2-1b").num_parameters(), 1'235'814'400);
  EXPECT_EQ(named_config("llama-3.1-8b").num_parameters(), 8'030'261'248);
  const std::string message = message_of(ExitCode::kUsage, [] { named_config("llama"); });
  EXPECT_NE(message.find("llama-3.1-8b"), std::string::npos) << message;
}

TEST(Config, NumberOfParametersIsTheSumOverTheStore) {
  for (const bool tied : {false, true}) {
    std::int64_t sum = 0;
    for (const auto& parameter : model::llama_parameters(small_config(tied))) sum += parameter.size();
    EXPECT_EQ(small_config(tied).num_parameters(), sum);
  }
}

TEST(Config, SurvivesItsOwnJson) {
  for (const std::string name : {"tiny", "smollm2-135m", "llama-3.2-1b", "llama-3.1-8b"})
    EXPECT_EQ(parse_config(to_json(named_config(name)), "x"), named_config(name));
  model::LlamaConfig config = small_config();
  config.rms_norm_eps = 0.1 + 0.2;  // needs all 17 digits
  EXPECT_EQ(parse_config(to_json(config), "x"), config);
  EXPECT_FALSE(config == small_config());
}

TEST(Config, ReadsOlderAndNewerSpellings) {
  auto json = nlohmann::json::parse(to_json(small_config()));
  const auto scaling = json["rope_scaling"];
  json.erase("rope_scaling"), json.erase("rope_theta");
  json["rope_parameters"] = scaling;
  json["rope_parameters"]["rope_theta"] = 10000.0;
  EXPECT_EQ(parse_config(json.dump(), "x"), small_config());
  json["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
  EXPECT_EQ(parse_config(json.dump(), "x").rope_theta, 5e5);
  EXPECT_EQ(parse_config(json.dump(), "x").rope_scaling.factor, 1.0);
  json["rope_theta"] = 5e5;  // both spellings, agreeing
  EXPECT_EQ(parse_config(json.dump(), "x").rope_theta, 5e5);
  json["eos_token_id"] = {7, 8, 9};
  EXPECT_EQ(parse_config(json.dump(), "x").eos_token_id, 7);
  EXPECT_EQ(parse_config(to_json(parse_config(json.dump(), "x")), "x").more_eos_token_ids,
            (std::vector<std::int32_t>{8, 9}));
  json["bos_token_id"] = nullptr;
  EXPECT_EQ(parse_config(json.dump(), "x").bos_token_id, -1);
}

TEST(Config, DtypeHasTwoNamesAndStays) {
  auto json = nlohmann::json::parse(to_json(small_config()));
  EXPECT_EQ(parse_config(json.dump(), "x").dtype, model::Dtype::kFloat32);
  json["torch_dtype"] = "bfloat16";
  EXPECT_EQ(parse_config(to_json(parse_config(json.dump(), "x")), "x").dtype, model::Dtype::kBfloat16);
  json.erase("torch_dtype"), json["dtype"] = "float16";
  EXPECT_EQ(parse_config(json.dump(), "x").dtype, model::Dtype::kFloat16);
}

// The keys that decide, as the publishers wrote them.
struct Published {
  const char* name;
  const char* json;
  std::int64_t num_parameters;
};

TEST(Config, PublishedConfigsAreReadWithTheirNumberOfParameters) {
  const std::vector<Published> published = {
      {"Llama-3.1-8B-Instruct",
       R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
           "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "hidden_act": "silu", "hidden_size": 4096,
           "initializer_range": 0.02, "intermediate_size": 14336, "max_position_embeddings": 131072, "mlp_bias": false,
           "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
           "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0,
           "high_freq_factor": 4.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"},
           "rope_theta": 500000.0, "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_cache": true,
           "vocab_size": 128256})",
       8'030'261'248},
      {"Llama-3.2-1B",
       R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 128000,
           "eos_token_id": 128001, "head_dim": 64, "hidden_act": "silu", "hidden_size": 2048,
           "intermediate_size": 8192, "max_position_embeddings": 131072, "mlp_bias": false, "model_type": "llama",
           "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8, "pretraining_tp": 1,
           "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
           "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
           "tie_word_embeddings": true, "torch_dtype": "bfloat16", "vocab_size": 128256})",
       1'235'814'400},
      {"SmolLM2-135M-Instruct",
       R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 1, "eos_token_id": 2,
           "hidden_act": "silu", "hidden_size": 576, "intermediate_size": 1536, "is_llama_config": true,
           "max_position_embeddings": 8192, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 9,
           "num_hidden_layers": 30, "num_key_value_heads": 3, "pad_token_id": 2, "pretraining_tp": 1,
           "rms_norm_eps": 1e-05, "rope_interleaved": false, "rope_scaling": null, "rope_theta": 100000,
           "tie_word_embeddings": true, "torch_dtype": "bfloat16", "transformers.js_config": {"kv_cache_dtype":
           {"q4f16": "float16", "fp16": "float16"}}, "vocab_size": 49152})",
       134'515'008},
      {"TinyLlama-1.1B-Chat",
       R"({"architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 1, "eos_token_id": 2,
           "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 5632, "max_position_embeddings": 2048,
           "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 22, "num_key_value_heads": 4,
           "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 10000.0,
           "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 32000})",
       1'100'048'384},
      {"Llama-2-7b",
       R"({"architectures": ["LlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
           "hidden_size": 4096, "intermediate_size": 11008, "max_position_embeddings": 4096, "model_type": "llama",
           "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32, "pretraining_tp": 1,
           "rms_norm_eps": 1e-05, "rope_scaling": null, "tie_word_embeddings": false, "torch_dtype": "float16",
           "vocab_size": 32000})",
       6'738'415'616}};
  for (const Published& model : published) {
    SCOPED_TRACE(model.name);
    EXPECT_EQ(parse_config(model.json, "x").num_parameters(), model.num_parameters);
  }
  EXPECT_EQ(parse_config(published[0].json, "x").rope_scaling.factor, 8.0);
  EXPECT_EQ(parse_config(published[0].json, "x").more_eos_token_ids.size(), 2u);
}

TEST(Config, AbsentKeysMeanWhatTheyMeanToTransformers) {
  const model::LlamaConfig config = parse_config(
      R"({"model_type": "llama", "vocab_size": 8, "hidden_size": 16, "intermediate_size": 4, "num_hidden_layers": 1,
          "num_attention_heads": 4})",
      "x");
  EXPECT_EQ(config.num_key_value_heads, 4);
  EXPECT_EQ(config.head_dim, 4);
  EXPECT_EQ(config.max_position_embeddings, 2048);
  EXPECT_EQ(config.rms_norm_eps, 1e-6);
  EXPECT_FALSE(config.tie_word_embeddings);
  EXPECT_EQ(config.eos_token_id, -1);
}

struct BadConfig {
  const char* key;
  const char* value;  // JSON; empty = the key is left out
};
class ConfigRefuses : public ::testing::TestWithParam<BadConfig> {};

TEST_P(ConfigRefuses, NamingFileAndKey) {
  const auto [key, value] = GetParam();
  auto json = nlohmann::json::parse(to_json(small_config()));
  const std::string path = key, leaf = path.substr(path.find('.') + 1);
  auto& object = path == leaf ? json : json["rope_scaling"];
  if (*value == '\0') object.erase(leaf);
  if (*value != '\0') object[leaf] = nlohmann::json::parse(value);
  const std::string message = message_of(ExitCode::kBadInput, [&] { parse_config(json.dump(), "folder/config.json"); });
  EXPECT_NE(message.find("folder/config.json"), std::string::npos) << message;
  EXPECT_NE(message.find(leaf), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConfigRefuses,
    ::testing::Values(BadConfig{"model_type", "\"mistral\""}, BadConfig{"model_type", ""}, BadConfig{"hidden_size", ""},
                      BadConfig{"hidden_size", "0"}, BadConfig{"hidden_size", "-4"}, BadConfig{"hidden_size", "12.0"},
                      BadConfig{"hidden_size", "\"12\""}, BadConfig{"hidden_size", "18446744073709551615"},
                      BadConfig{"hidden_size", "null"}, BadConfig{"vocab_size", "4611686018427387904"},
                      BadConfig{"num_hidden_layers", "1000000"}, BadConfig{"num_key_value_heads", "3"},
                      BadConfig{"num_key_value_heads", "0"}, BadConfig{"head_dim", "7"}, BadConfig{"head_dim", "0"},
                      BadConfig{"hidden_act", "\"gelu\""}, BadConfig{"attention_bias", "true"},
                      BadConfig{"mlp_bias", "true"}, BadConfig{"mlp_bias", "1"}, BadConfig{"rms_norm_eps", "-1e-5"},
                      BadConfig{"rms_norm_eps", "\"nan\""}, BadConfig{"rope_theta", "0"},
                      BadConfig{"rope_scaling", "7"}, BadConfig{"rope_scaling.rope_type", "\"yarn\""},
                      BadConfig{"rope_scaling.factor", "0.5"}, BadConfig{"rope_scaling.factor", ""},
                      BadConfig{"rope_scaling.high_freq_factor", "1.0"},
                      BadConfig{"rope_scaling.original_max_position_embeddings", "-1"}, BadConfig{"eos_token_id", "41"},
                      BadConfig{"eos_token_id", "[]"}, BadConfig{"bos_token_id", "-2"},
                      BadConfig{"quantization_config", "{\"bits\": 4}"}));

TEST(Config, RefusesTextThatIsNoJson) {
  const std::string whole = to_json(small_config());
  for (std::size_t length = 0; length + 2 < whole.size(); length += 7) {
    const auto parse = [&] { parse_config(whole.substr(0, length), "folder/config.json"); };
    EXPECT_NE(message_of(ExitCode::kBadInput, parse).find("folder/config.json"), std::string::npos);
  }
  const std::string deep = std::string(100'000, '[');
  EXPECT_NE(message_of(ExitCode::kBadInput, [&] { parse_config(deep, "x"); }).find("deeper"), std::string::npos);
  const std::string twice = R"({"model_type": "llama", "model_type": "llama"})";
  EXPECT_NE(message_of(ExitCode::kBadInput, [&] { parse_config(twice, "x"); }).find("twice"), std::string::npos);
  message_of(ExitCode::kBadInput, [] { parse_config("{\"rope_theta\": 1e999}", "x"); });
}

}  // namespace
}  // namespace recpo::checkpoint
