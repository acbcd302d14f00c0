// config.json, tokenizer and auxiliary that are damaged, hostile, or of another model.
#include <gtest/gtest.h>

#include "tests/checkpoint/malformed.hpp"

namespace recpo::checkpoint {
namespace {

Malformed value(const char* what, const char* key, const char* text) {
  return {what, with_value(kConfigName, key, text), kConfigName, key};
}
Malformed content(const char* what, const std::string& text, const char* said) {
  return {what, with_content(kConfigName, text), kConfigName, said};
}

std::vector<Malformed> numbers() {
  return {value("exponent", "hidden_size", "1.2e1"),
          value("beyond 2^53", "hidden_size", "9007199254740993"),
          value("beyond 2^64", "hidden_size", "18446744073709551628"),
          value("negative", "intermediate_size", "-20"),
          value("fractional", "num_hidden_layers", "2.5"),
          value("text", "num_hidden_layers", "\"2\""),
          value("layers for all memory", "num_hidden_layers", "4097"),
          value("no rows", "vocab_size", "0"),
          value("no heads", "num_attention_heads", "0"),
          value("no key/value heads", "num_key_value_heads", "0"),
          value("more key/value heads than heads", "num_key_value_heads", "4"),
          value("odd head", "head_dim", "5"),
          value("empty head", "head_dim", "0"),
          {"heads that do not divide",
           [](const std::filesystem::path& folder) {
             with_value(kConfigName, "head_dim", "null")(folder);
             with_value(kConfigName, "num_attention_heads", "5")(folder);
           },
           kConfigName, "num_attention_heads"},
          value("eps zero", "rms_norm_eps", "0"),
          value("eps negative", "rms_norm_eps", "-1e-5"),
          value("eps null in quotes", "rms_norm_eps", "\"nan\""),
          value("theta zero", "rope_theta", "0"),
          value("theta negative", "rope_theta", "-10000.0"),
          value("context of nothing", "max_position_embeddings", "0"),
          value("end token outside", "eos_token_id", "100000"),
          value("end tokens none", "eos_token_id", "[]"),
          value("second end token outside", "eos_token_id", "[5, -1]"),
          value("begin token fractional", "bos_token_id", "1.5"),
          value("tied in words", "tie_word_embeddings", "\"yes\""),
          value("dtype a number", "torch_dtype", "7")};
}

std::vector<Malformed> unsupported() {
  return {
      value("another family", "model_type", "\"qwen2\""),
      value("another architecture", "architectures", R"(["MistralForCausalLM"])"),
      value("attention bias", "attention_bias", "true"),
      value("mlp bias", "mlp_bias", "true"),
      value("gelu", "hidden_act", "\"gelu\""),
      value("pretraining_tp", "pretraining_tp", "2"),
      value("sliding window", "sliding_window", "4096"),
      value("layer types", "layer_types", R"(["full_attention", "sliding_attention"])"),
      value("part of a head", "partial_rotary_factor", "0.5"),
      value("interleaved", "rope_interleaved", "true"),
      value("quantized", "quantization_config", R"({"bits": 4})"),
      value("yarn", "rope_scaling", R"({"rope_type": "yarn", "factor": 4.0})"),
      value("linear", "rope_scaling", R"({"type": "linear", "factor": 2.0})"),
      value("dynamic", "rope_scaling", R"({"rope_type": "dynamic", "factor": 2.0})"),
      value("llama3 without its numbers", "rope_scaling", R"({"rope_type": "llama3"})"),
      value("scaling a list", "rope_scaling", "[8.0]"),
      value("newer yarn", "rope_parameters", R"({"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0})"),
      value("two scalings", "rope_parameters", R"({"rope_type": "default"})"),
      {"two bases", with_value(kConfigName, "rope_parameters", R"({"rope_theta": 5e5})"), kConfigName, "rope_theta"}};
}

std::vector<Malformed> no_json() {
  const std::string deep = R"({"rope_scaling": )" + std::string(100'000, '[');
  return {{"NaN", with_value(kConfigName, "rope_theta", "NaN"), kConfigName, "line 1"},
          {"Infinity", with_value(kConfigName, "rope_theta", "Infinity"), kConfigName, "line 1"},
          {"beyond double", with_value(kConfigName, "rope_theta", "1e999"), kConfigName, "1e999"},
          content("empty", "", "line 1"),
          content("a list", "[]", "object"),
          content("cut off", R"({"model_type": "llama", "vocab)", "line 1"),
          content("key twice", R"({"model_type": "llama", "model_type": "llama"})", "model_type appears twice"),
          content("nesting", deep, "deeper"),
          content("no UTF-8", "{\"model_type\": \"ll\xFF\"}", "UTF-8"),
          content("a zero byte", std::string("{\0}", 3), "line 1"),
          {"folder", as_folder(kConfigName), kConfigName, "regular"},
          {"pipe", as_pipe(kConfigName), kConfigName, "regular"},
          {"link to nowhere", as_dangling_link(kConfigName), kConfigName, "cannot read"}};
}

// An added token far outside the vocabulary.
void add_token(const std::filesystem::path& folder) {
  auto json = nlohmann::ordered_json::parse(read_file(folder / "tokenizer.json"));
  nlohmann::ordered_json token = json["added_tokens"][0];
  token["id"] = spoken_config().vocab_size, token["content"] = "<|one more|>";
  json["added_tokens"].push_back(token);
  write_file(folder / "tokenizer.json", json.dump());
}

std::vector<Malformed> other_files() {
  const char* tokenizer = "tokenizer.json";
  return {{"more tokens than rows", add_token, tokenizer, "vocab_size"},
          {"no tokenizer", without(tokenizer), tokenizer, ""},
          {"tokenizer empty", with_content(tokenizer, ""), tokenizer, ""},
          {"tokenizer a folder", as_folder(tokenizer), tokenizer, ""},
          {"tokenizer a pipe", as_pipe(tokenizer), tokenizer, "regular"},
          {"companion no JSON", with_content("generation_config.json", "{"), "generation_config.json", "line 1"},
          {"companion a pipe", as_pipe("tokenizer_config.json"), "tokenizer_config.json", "regular"},
          {"companion a link to nowhere", as_dangling_link("chat_template.jinja"), "chat_template.jinja", ""}};
}

TEST(Malformed, ConfigsTokenizersAndCompanionsAreRefusedNamingFileAndKey) {
  const TemporaryFolder temporary;
  const std::filesystem::path whole = temporary.path() / "whole";
  model::ParameterStore<float> store(model::llama_parameters(spoken_config()), false);
  fill_randomly(store);
  export_hugging_face(whole, spoken_config(), store, small_tokenizer());
  std::vector<Malformed> table;
  for (const auto& part : {numbers(), unsupported(), no_json(), other_files()})
    table.insert(table.end(), part.begin(), part.end());
  ASSERT_GE(table.size(), 60u);
  expect_refused(whole, table);
}

}  // namespace
}  // namespace recpo::checkpoint
