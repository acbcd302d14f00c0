// Models in Meta's form: the same as in Hugging Face's, whole or in tensor-parallel parts; damaged ones are refused.
#include <gtest/gtest.h>

#include "src/checkpoint/meta_folder.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "tests/checkpoint/malformed.hpp"
#include "tests/checkpoint/simulated_grid.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;

// What Meta's file would be for Hugging Face's rows of a head [2, D/2]: their transpose [D/2, 2].
std::vector<float> meta_rows(const std::vector<float>& values, std::int64_t head_dim, std::int64_t columns) {
  std::vector<float> result;
  const std::int64_t heads = static_cast<std::int64_t>(values.size()) / (head_dim * columns);
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t pair = 0; pair < head_dim / 2; ++pair)
      for (std::int64_t half = 0; half < 2; ++half) {
        const std::int64_t row = head * head_dim + half * head_dim / 2 + pair;
        result.insert(result.end(), values.begin() + row * columns, values.begin() + (row + 1) * columns);
      }
  return result;
}

// Feed-forward: 8 * 64 / 3 = 170, times 0.3 = 51, up to a multiple of 20: 60.
std::string params(const model::LlamaConfig& config) {
  nlohmann::ordered_json json = {{"dim", config.hidden_size},
                                 {"n_layers", config.num_hidden_layers},
                                 {"n_heads", config.num_attention_heads},
                                 {"n_kv_heads", config.num_key_value_heads},
                                 {"vocab_size", config.vocab_size},
                                 {"multiple_of", 20},
                                 {"ffn_dim_multiplier", 0.3},
                                 {"norm_eps", config.rms_norm_eps},
                                 {"rope_theta", config.rope_theta},
                                 {"use_scaled_rope", true}};
  return json.dump();
}

model::LlamaConfig meta_config(bool tied) {
  model::LlamaConfig config = grid_config(tied);
  config.vocab_size = small_tokenizer().vocab_size() + 5;
  // Four pairs of rows a head: the reordering of two would be its own inverse.
  config.hidden_size = 64, config.head_dim = 8, config.intermediate_size = 60;
  config.rope_theta = 500000.0, config.rope_scaling = {8.0, 1.0, 4.0, 8192.0};
  config.max_position_embeddings = 131072;
  config.bos_token_id = config.eos_token_id = -1;
  return config;
}

void write_meta(const fs::path& folder, const model::LlamaConfig& config, const GlobalValues<float>& values,
                std::size_t num_files, const std::string& dtype = "float32") {
  using Tensors = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;
  std::vector<Tensors> names(num_files);
  std::vector<std::vector<float>> contents(num_files);
  std::size_t next = 0;
  for (const model::Parameter& parameter : model::llama_parameters(config)) {
    const std::size_t i = next++ % num_files;
    std::vector<float> all = values.arrays[0].at(parameter.name);
    if (parameter.name.find("q_proj") != std::string::npos || parameter.name.find("k_proj") != std::string::npos)
      all = meta_rows(all, config.head_dim, parameter.global_columns());
    names[i].emplace_back(meta_name(parameter.name), parameter.shape);
    contents[i].insert(contents[i].end(), all.begin(), all.end());
  }
  create_folders(folder);
  for (std::size_t i = 0; i < num_files; ++i) {
    SafetensorsWriter writer(folder / fmt::format("consolidated.{:02}.safetensors", i),
                             find_value<Dtype>(dtype).value(), names[i]);
    writer.append(std::span<const float>(contents[i]));
    writer.close();
  }
  write_file(folder / kMetaParams, params(config));
  write_file(folder / "tokenizer.json", small_tokenizer().file_content());
}

TEST(MetaFolder, NamesAreThoseOfMetasCode) {
  EXPECT_EQ(meta_name("model.embed_tokens.weight"), "tok_embeddings.weight");
  EXPECT_EQ(meta_name("model.norm.weight"), "norm.weight");
  EXPECT_EQ(meta_name("lm_head.weight"), "output.weight");
  EXPECT_EQ(meta_name("model.layers.31.self_attn.q_proj.weight"), "layers.31.attention.wq.weight");
  EXPECT_EQ(meta_name("model.layers.0.self_attn.o_proj.weight"), "layers.0.attention.wo.weight");
  EXPECT_EQ(meta_name("model.layers.0.mlp.gate_proj.weight"), "layers.0.feed_forward.w1.weight");
  EXPECT_EQ(meta_name("model.layers.0.mlp.down_proj.weight"), "layers.0.feed_forward.w2.weight");
  EXPECT_EQ(meta_name("model.layers.0.mlp.up_proj.weight"), "layers.0.feed_forward.w3.weight");
  EXPECT_EQ(meta_name("model.layers.0.input_layernorm.weight"), "layers.0.attention_norm.weight");
  EXPECT_EQ(meta_name("model.layers.0.post_attention_layernorm.weight"), "layers.0.ffn_norm.weight");
}

TEST(MetaFolder, PublishedParamsGiveThePublishedConfigs) {
  const auto parse = [](const std::string& json) { return parse_meta_params(json, "params.json"); };
  model::LlamaConfig large = model::named_config("llama-3.1-8b"), small = model::named_config("llama-3.2-1b");
  for (model::LlamaConfig* config : {&large, &small}) config->bos_token_id = config->eos_token_id = -1;
  EXPECT_EQ(parse(R"({"dim": 4096, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256,
                      "ffn_dim_multiplier": 1.3, "multiple_of": 1024, "norm_eps": 1e-05, "rope_theta": 500000.0,
                      "use_scaled_rope": true})"),
            large);
  small.tie_word_embeddings = false;  // seen in the tensors
  EXPECT_EQ(parse(R"({"dim": 2048, "n_layers": 16, "n_heads": 32, "n_kv_heads": 8, "vocab_size": 128256,
                      "ffn_dim_multiplier": 1.5, "multiple_of": 256, "norm_eps": 1e-05, "rope_theta": 500000.0,
                      "use_scaled_rope": true})"),
            small);
  const model::LlamaConfig second = parse(R"({"dim": 4096, "multiple_of": 256, "n_heads": 32, "n_layers": 32,
                                              "norm_eps": 1e-05, "vocab_size": -1})");  // Llama-2-7B
  EXPECT_EQ(second.intermediate_size, 11008);
  EXPECT_EQ(second.num_key_value_heads, 32);
  EXPECT_EQ(second.vocab_size, 0);
  EXPECT_EQ(second.rope_scaling.factor, 1.0);
}

TEST(MetaFolder, IsTheSameModelOnEveryGrid) {
  for (const bool tied : {false, true}) {
    const model::LlamaConfig config = meta_config(tied);
    const GlobalValues<float> values(config, 3);
    for (const std::size_t files : {1u, 3u}) {
      SCOPED_TRACE(fmt::format("tied {} files {}", tied, files));
      const TemporaryFolder folder;
      write_meta(folder.path(), config, values, files);
      const ModelSource source = open_model(folder.path());
      EXPECT_EQ(source.kind, ModelSource::Kind::kMeta);
      EXPECT_EQ(source.config, config);
      for (const int tp : {1, 2, 4})
        for (int rank = 0; rank < tp; ++rank) {
          RankModel<float> shard(config, {.tp = tp}, rank);
          load_weights(source, shard.store);
          expect_same_bits(host_values(shard.store.weights()), shard.expected(values, 0));
        }
    }
  }
}

TEST(MetaFolder, ExportIsAHuggingFaceModelThatEndsWhereTheTokenizerDoes) {
  const TemporaryFolder folder;
  const model::LlamaConfig config = meta_config(false);
  const GlobalValues<float> values(config, 3);
  write_meta(folder.path() / "meta", config, values, 1, "bfloat16");
  const ModelSource source = open_model(folder.path() / "meta");
  EXPECT_EQ(lossless_dtype(source), Dtype::kBfloat16);
  RankModel<float> loaded(config, {}, 0);
  load_weights(source, loaded.store);
  export_hugging_face(folder.path() / "hf", source.config, loaded.store, read_tokenizer(source),
                      lossless_dtype(source));
  const ModelSource exported = open_model(folder.path() / "hf");
  EXPECT_EQ(exported.kind, ModelSource::Kind::kHuggingFace);
  EXPECT_EQ(exported.config.eos_token_id, small_tokenizer().end_id());
  RankModel<float> again(config, {}, 0);
  load_weights(exported, again.store);
  expect_same_bits(host_values(again.store.weights()), host_values(loaded.store.weights()));
}

Malformed param(const char* what, const char* key, const char* text) {
  return {what, with_value(kMetaParams, key, text), kMetaParams, key};
}

std::vector<Malformed> malformed_folders() {
  const char* file = "consolidated.00.safetensors";
  return {param("no layers", "n_layers", "0"),
          param("no heads", "n_heads", "0"),
          param("heads that do not divide", "n_kv_heads", "3"),
          param("head not even", "n_heads", "64"),
          param("width fractional", "dim", "24.5"),
          param("vocabulary negative", "vocab_size", "-2"),
          param("vocabulary empty", "vocab_size", "0"),
          param("eps zero", "norm_eps", "0"),
          param("theta zero", "rope_theta", "0"),
          param("multiple of nothing", "multiple_of", "0"),
          param("feed-forward too wide", "ffn_dim_multiplier", "1e300"),
          param("feed-forward wider than allowed", "multiple_of", "1048577"),
          param("scaling a number", "use_scaled_rope", "8"),
          param("experts", "moe", R"({"num_experts": 8})"),
          {"NaN", with_value(kMetaParams, "rope_theta", "NaN"), kMetaParams, "line 1"},
          {"another feed-forward width", with_value(kMetaParams, "ffn_dim_multiplier", "1.3"), file, "feed_forward.w1"},
          {"another vocabulary", with_value(kMetaParams, "vocab_size", "1000"), file, "tok_embeddings.weight"},
          {"a layer more", with_value(kMetaParams, "n_layers", "3"), kMetaParams, "layers.2.attention.wq.weight"},
          {"a layer less", with_value(kMetaParams, "n_layers", "1"), file, "n_layers"},
          {"params a pipe", as_pipe(kMetaParams), kMetaParams, "regular"},
          {"params a link to nowhere", as_dangling_link(kMetaParams), kMetaParams, "cannot read"},
          {"tensors in two files",
           [=](const fs::path& folder) { fs::copy_file(folder / file, folder / "consolidated.01.safetensors"); },
           "consolidated.01.safetensors", "in two files"},
          {"no tensors", without(file), "", "consolidated"},
          {"a pickle", [=](const fs::path& folder) { fs::rename(folder / file, folder / "consolidated.00.pth"); },
           "consolidated.00.pth", "safetensors.torch.save_file"},
          {"tensors a pipe", as_pipe(file), file, "regular"}};
}

TEST(MetaFolder, MalformedOnesAreRefusedNamingFileAndKey) {
  const TemporaryFolder folder;
  const model::LlamaConfig config = meta_config(false);
  write_meta(folder.path() / "whole", config, GlobalValues<float>(config, 3), 1);
  expect_refused(folder.path() / "whole", malformed_folders());
}

}  // namespace
}  // namespace recpo::checkpoint
