// Shards and their index that are damaged or hostile, or hold another model than config.json says.
#include <gtest/gtest.h>

#include "tests/checkpoint/malformed.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;

constexpr std::int64_t kTinyShard = 700;  // bytes: the query weights alone
constexpr const char* kShards = ".safetensors";

// The shard that holds the query weights.
std::string shard_name(const fs::path& folder) {
  return nlohmann::json::parse(read_file(folder / kIndexName))["weight_map"][kQueryName].get<std::string>();
}
Damage on_shard(const std::function<Damage(const std::string&)>& damage) {
  return [=](const fs::path& folder) { damage(shard_name(folder))(folder); };
}

std::string header_length(std::uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> 8 * i & 0xFF);
  return bytes;
}

// `from` in the header's text becomes `to`; `more` bytes follow the data (a negative number: are cut off).
Damage header(const std::string& from, const std::string& to, std::int64_t more = 0) {
  return on_shard([=](const std::string& name) -> Damage {
    return [=](const fs::path& folder) {
      const std::string bytes = read_file(folder / name);
      std::uint64_t length = 0;
      for (int i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(bytes[i]);
      std::string text = bytes.substr(8, length), data = bytes.substr(8 + length);
      ASSERT_NE(text.find(from), std::string::npos) << text;
      text.replace(text.find(from), from.size(), to);
      data.resize(data.size() + more);
      write_file(folder / name, header_length(text.size()) + text + data);
    };
  });
}
Damage bytes(const std::function<std::string(std::string)>& change) {
  return on_shard([=](const std::string& name) -> Damage {
    return [=](const fs::path& folder) { write_file(folder / name, change(read_file(folder / name))); };
  });
}
// A tensor more of four bytes, at the end.
Damage extra(const std::string& name) {
  const std::string entry =
      R"("data_offsets":[0,576]},")" + name + R"(":{"dtype":"F32","shape":[1],"data_offsets":[576,580]}})";
  return header(R"("data_offsets":[0,576]}})", entry, 4);
}

std::vector<Malformed> shards() {
  const char* query = kQueryName;
  return {
      {"cut off", bytes([](std::string all) { return all.substr(0, all.size() - 1); }), kShards, query},
      {"bytes behind", bytes([](const std::string& all) { return all + "x"; }), kShards, "end at byte"},
      {"empty", bytes([](const std::string&) { return ""; }), kShards, "0 bytes"},
      {"only a length", bytes([](const std::string& all) { return all.substr(0, 8); }), kShards, "header"},
      {"header beyond the file", bytes([](const std::string& all) { return header_length(1 << 20) + all.substr(8); }),
       kShards, "cut off"},
      {"header beyond memory", bytes([](const std::string& all) { return header_length(~0ull) + all.substr(8); }),
       kShards, "header"},
      {"text", bytes([](const std::string&) { return "version https://git-lfs.github.com/spec/v1\n"; }), kShards,
       "header"},
      {"shorter than its shape", header("[0,576]", "[0,572]", -4), kShards, query},
      {"overlapping", header("[0,576]}}", R"([0,576]},"more":{"dtype":"F32","shape":[1],"data_offsets":[572,576]}})"),
       kShards, "tensor more"},
      {"a gap before", header("[0,576]", "[4,580]", 4), kShards, query},
      {"a gap between",
       header("[0,576]}}", R"([0,576]},"more":{"dtype":"F32","shape":[1],"data_offsets":[580,584]}})", 8), kShards,
       "tensor more"},
      {"shape overflows", header("[12,12]", "[4294967296,4294967297]"), kShards, query},
      {"shape overflows to zero", header("[12,12]", "[4294967296,4294967296]"), kShards, query},
      {"shape beyond 2^53", header("[12,12]", "[9007199254740993,1]"), kShards, query},
      {"shape negative", header("[12,12]", "[-12,-12]"), kShards, query},
      {"shape fractional", header("[12,12]", "[12.0,12]"), kShards, query},
      {"shape with exponents", header("[12,12]", "[12e0,12]"), kShards, query},
      {"offset negative", header("[0,576]", "[-1,575]"), kShards, query},
      {"offset fractional", header("[0,576]", "[0,576.0]"), kShards, query},
      {"transposed", header("[12,12]", "[144,1]"), kShards, query},
      {"flat", header("[12,12]", "[144]"), kShards, query},
      {"unknown type", header("F32", "F33"), kShards, query},
      {"whole numbers", header("F32", "I32"), kShards, query},
      {"NaN in the header", header("[12,12]", "[NaN,12]"), kShards, "header"},
      {"key twice", header("\"dtype\":\"F32\"", "\"dtype\":\"F32\",\"dtype\":\"F32\""), kShards, "twice"},
      {"nesting", header("[12,12]", std::string(100'000, '[')), kShards, "deeper"},
      {"no UTF-8", header("self_attn", "self\xFF\x61ttn"), kShards, "UTF-8"},
      {"line feed in a name", extra("a\\nb"), kShards, "control"},
      {"bias", extra("model.layers.0.self_attn.q_proj.bias"), kShards, "q_proj.bias"},
      {"norm of the queries", extra("model.layers.1.self_attn.q_norm.weight"), kShards, "q_norm"},
      {"a layer more", extra("model.layers.2.input_layernorm.weight"), kShards, "num_hidden_layers"},
      {"renamed", header("q_proj", "p_proj"), kShards, query},
      {"missing", on_shard(without), kShards, ""},
      {"folder", on_shard(as_folder), kShards, "regular"},
      {"pipe", on_shard(as_pipe), kShards, "regular"},
      {"link to nowhere", on_shard(as_dangling_link), kShards, "cannot read"},
  };
}

Malformed shard_called(const char* what, const char* name) {
  return {what, with_value(kIndexName, std::string("weight_map/") + kQueryName, name), kIndexName, kQueryName};
}

std::vector<Malformed> indices() {
  const std::string deep = R"({"weight_map": )" + std::string(100'000, '[');
  const char* twice = R"({"weight_map": {"a": "x.safetensors", "a": "x.safetensors"}})";
  return {
      shard_called("above the folder", R"("../x.safetensors")"),
      shard_called("absolute", R"("/etc/passwd")"),
      shard_called("below", R"("folder/x.safetensors")"),
      shard_called("backwards", R"("..\\x.safetensors")"),
      shard_called("zero byte", R"("x\u0000.safetensors")"),
      shard_called("line feed", R"("x\n.safetensors")"),
      shard_called("no name", "\"\""),
      shard_called("the folder", "\".\""),
      shard_called("a number", "1"),
      shard_called("null", "null"),
      {"another shard", with_value(kIndexName, "weight_map/lm_head.weight", "\"model-00002-of-00002.safetensors\""),
       "model-00002-of-00002.safetensors", ""},
      {"tensor that is nowhere", with_value(kIndexName, "weight_map/none", "\"config.json\""), "config.json", ""},
      {"no map", with_content(kIndexName, "{}"), kIndexName, "weight_map"},
      {"map a list", with_content(kIndexName, R"({"weight_map": []})"), kIndexName, "weight_map"},
      {"map empty", with_content(kIndexName, R"({"weight_map": {}})"), kIndexName, "weight_map"},
      {"key twice", with_content(kIndexName, twice), kIndexName, "twice"},
      {"nesting", with_content(kIndexName, deep), kIndexName, "deeper"},
      {"no UTF-8", with_content(kIndexName, "{\"\xC3\": 1}"), kIndexName, "UTF-8"},
      {"empty", with_content(kIndexName, ""), kIndexName, "line 1"},
      {"folder", as_folder(kIndexName), kIndexName, "regular"},
      {"pipe", as_pipe(kIndexName), kIndexName, "regular"},
      {"link to nowhere", as_dangling_link(kIndexName), kIndexName, "cannot read"},
      {"missing", without(kIndexName), kIndexName, ""},
      {"pickles only", [](const fs::path& folder) { fs::rename(folder / kIndexName, folder / "pytorch_model.bin"); },
       "pytorch_model.bin", "pickle"}};
}

std::vector<Malformed> other_models() {
  const auto config = [](const char* key, const char* text, const char* file, const char* said) {
    return Malformed{key, with_value(kConfigName, key, text), file, said};
  };
  return {config("vocab_size", "1000", kShards, "model.embed_tokens.weight"),
          config("num_hidden_layers", "3", kIndexName, "model.layers.2.self_attn.q_proj.weight"),
          config("num_hidden_layers", "1", kShards, "model.layers.1."),
          config("intermediate_size", "24", kShards, "mlp.gate_proj.weight"),
          config("num_key_value_heads", "2", kShards, "self_attn.k_proj.weight"),
          config("head_dim", "8", kShards, "self_attn.q_proj.weight"),
          config("hidden_size", "16", kShards, "model.embed_tokens.weight")};
}

TEST(Malformed, ShardsAndTheirIndexAreRefusedNamingFileAndTensor) {
  const TemporaryFolder temporary;
  const fs::path whole = temporary.path() / "whole";
  model::ParameterStore<float> store(model::llama_parameters(spoken_config()), false);
  fill_randomly(store);
  export_hugging_face(whole, spoken_config(), store, small_tokenizer(), Dtype::kFloat32, kTinyShard);
  std::vector<Malformed> table;
  for (const auto& part : {shards(), indices(), other_models()}) table.insert(table.end(), part.begin(), part.end());
  ASSERT_GE(table.size(), 60u);
  expect_refused(whole, table);
}

}  // namespace
}  // namespace recpo::checkpoint
