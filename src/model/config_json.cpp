#include <nlohmann/json.hpp>

#include "src/model/config.hpp"
#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::model {
namespace {
// Far above every known model, and small enough that no product of them in num_parameters() overflows.
constexpr std::int64_t kLargestWidth = std::int64_t{1} << 20;
constexpr std::int64_t kLargestVocabulary = std::int64_t{1} << 26;
constexpr std::int64_t kMostLayers = std::int64_t{1} << 12;
constexpr std::int64_t kLongestContext = std::int64_t{1} << 30;
constexpr double kLargestTheta = 1e12;
constexpr double kSmallestEpsilon = 1e-12;  // an all-zero row must not become NaN in float

// What the decoder does not do must not be asked for.
void refuse_unsupported(const JsonObject& json) {
  const auto refuse = [&](const std::string& key, const std::string& value, const std::string& right) {
    throw_input("{}: {} {} is not supported, only {}", json.source(), key, value, right);
  };
  const std::string type = json.text("model_type"), activation = json.text("hidden_act", "silu");
  if (type != "llama") refuse("model_type", json.at("model_type").dump(), "llama");
  if (json.has("architectures") && json.at("architectures") != nlohmann::json::array({"LlamaForCausalLM"}))
    refuse("architectures", json.at("architectures").dump(), "[\"LlamaForCausalLM\"]");
  if (activation != "silu") refuse("hidden_act", json.at("hidden_act").dump(), "silu");
  for (const std::string key : {"attention_bias", "mlp_bias", "rope_interleaved", "use_qk_norm"})
    if (json.boolean(key, false)) refuse(key, "true", "false");
  if (json.has("quantization_config"))
    throw_input("{}: quantization_config: quantized weights are not supported", json.source());
  if (json.integer("pretraining_tp", 1, kLargestWidth, 1) != 1)
    refuse("pretraining_tp", json.at("pretraining_tp").dump(), "1");
  if (json.has("sliding_window") && json.boolean("use_sliding_window", true))
    refuse("sliding_window", json.at("sliding_window").dump(), "null");
  if (json.real("partial_rotary_factor", 0.0, 1.0, 1.0) != 1.0)
    refuse("partial_rotary_factor", json.at("partial_rotary_factor").dump(), "1");
  if (!json.has("layer_types")) return;
  for (const nlohmann::json& layer : json.at("layer_types"))
    if (layer != "full_attention") refuse("layer_types", layer.dump(), "\"full_attention\"");
}

kernels::RopeScaling parse_scaling(const JsonObject& json) {
  kernels::RopeScaling scaling;
  const std::string type = json.text(json.has("rope_type") ? "rope_type" : "type", "default");
  if (json.real("partial_rotary_factor", 0.0, 1.0, 1.0) != 1.0)
    throw_input("{}: partial_rotary_factor must be 1", json.source());
  if (type == "default") return scaling;
  if (type != "llama3")
    throw_input("{}: rope_type {} is not supported, only llama3 and default", json.source(),
                nlohmann::json(type).dump());
  scaling.factor = json.real("factor", 1.0, 1e6);
  scaling.low_frequency_factor = json.real("low_freq_factor", 1e-6, 1e6);
  scaling.high_frequency_factor = json.real("high_freq_factor", 1e-6, 1e6);
  scaling.original_length = static_cast<double>(json.integer("original_max_position_embeddings", 1, kLongestContext));
  if (scaling.high_frequency_factor <= scaling.low_frequency_factor)
    throw_input("{}: high_freq_factor must be larger than low_freq_factor", json.source());
  return scaling.factor == 1.0 ? kernels::RopeScaling{} : scaling;
}

// rope_theta and rope_scaling beside each other, or (newer) both within rope_parameters; where a file has both
// spellings they must agree.
void parse_rope(const JsonObject& json, LlamaConfig& config) {
  config.rope_theta = json.real("rope_theta", 1.0, kLargestTheta, 10000.0);
  if (json.has("rope_scaling")) config.rope_scaling = parse_scaling(json.object("rope_scaling"));
  if (!json.has("rope_parameters")) return;
  const JsonObject rope = json.object("rope_parameters");
  LlamaConfig newer = config;
  newer.rope_theta = rope.real("rope_theta", 1.0, kLargestTheta, config.rope_theta);
  if (json.has("rope_theta") && newer.rope_theta != config.rope_theta)
    throw_input("{}: rope_theta {} is not the {} of rope_parameters", json.source(), config.rope_theta,
                newer.rope_theta);
  config.rope_theta = newer.rope_theta;
  newer.rope_scaling = parse_scaling(rope);
  if (json.has("rope_scaling") && !(newer == config))
    throw_input("{}: rope_scaling is not what rope_parameters say", json.source());
  config = newer;
}

// The tensors tell their types themselves; a type that has no name here is that of something else (a checkpoint in
// double).
std::string parse_dtype(const JsonObject& json) {
  const std::string dtype = json.text(json.has("dtype") ? "dtype" : "torch_dtype", "float32");
  return dtype == "bfloat16" || dtype == "float16" ? dtype : "float32";
}

std::int32_t checked_token_id(const JsonObject& json, const std::string& key, const nlohmann::json& id,
                              std::int64_t vocab_size) {
  const bool fits = id.is_number_integer() && id >= 0 && id < vocab_size;
  if (!fits) throw_input("{}: {} must be a token id below vocab_size {}", json.source(), key, vocab_size);
  return id.get<std::int32_t>();
}

// One id, or a list of at least one; empty when the key is absent.
std::vector<std::int32_t> parse_token_ids(const JsonObject& json, const std::string& key, std::int64_t vocab_size) {
  if (!json.has(key)) return {};
  const nlohmann::json& value = json.at(key);
  if (!value.is_array() || value.empty()) return {checked_token_id(json, key, value, vocab_size)};
  std::vector<std::int32_t> ids;
  for (const nlohmann::json& id : value) ids.push_back(checked_token_id(json, key, id, vocab_size));
  return ids;
}

void parse_token_ids(const JsonObject& json, LlamaConfig& config) {
  const std::vector<std::int32_t> begin = parse_token_ids(json, "bos_token_id", config.vocab_size);
  const std::vector<std::int32_t> end = parse_token_ids(json, "eos_token_id", config.vocab_size);
  if (!begin.empty()) config.bos_token_id = begin.front();
  if (end.empty()) return;
  config.eos_token_id = end.front();
  config.more_eos_token_ids.assign(end.begin() + 1, end.end());
}

void parse_widths(const JsonObject& json, LlamaConfig& config) {
  config.vocab_size = json.integer("vocab_size", 1, kLargestVocabulary);
  config.hidden_size = json.integer("hidden_size", 1, kLargestWidth);
  config.intermediate_size = json.integer("intermediate_size", 1, kLargestWidth);
  config.num_hidden_layers = json.integer("num_hidden_layers", 1, kMostLayers);
  const std::int64_t heads = json.integer("num_attention_heads", 1, kLargestWidth);
  config.num_attention_heads = heads;
  config.num_key_value_heads = json.integer("num_key_value_heads", 1, heads, heads);
  if (heads % config.num_key_value_heads != 0)
    throw_input("{}: num_attention_heads {} must be a multiple of num_key_value_heads {}", json.source(), heads,
                config.num_key_value_heads);
  if (!json.has("head_dim") && config.hidden_size % heads != 0)
    throw_input("{}: hidden_size {} must be a multiple of num_attention_heads {} unless head_dim is given",
                json.source(), config.hidden_size, heads);
  config.head_dim = json.integer("head_dim", 2, kLargestWidth / heads, config.hidden_size / heads);
  if (config.head_dim < 2 || config.head_dim % 2 != 0 || config.query_width() > kLargestWidth)
    throw_input("{}: head_dim {} must be even, and with {} heads not wider than {}", json.source(), config.head_dim,
                heads, kLargestWidth);
}
}  // namespace

// An absent key means what it means to Transformers' LlamaConfig, which is not always this structure's default.
LlamaConfig parse_config(std::string_view text, const std::string& source) {
  const nlohmann::json parsed = parse_json(text, source);
  const JsonObject json(parsed, source);
  refuse_unsupported(json);
  LlamaConfig config;
  parse_widths(json, config);
  config.max_position_embeddings = json.integer("max_position_embeddings", 1, kLongestContext, 2048);
  config.rms_norm_eps = json.real("rms_norm_eps", kSmallestEpsilon, 1.0, 1e-6);
  config.initializer_range = json.real("initializer_range", 0.0, 1e3, 0.02);
  config.tie_word_embeddings = json.boolean("tie_word_embeddings", false);
  parse_rope(json, config);
  parse_token_ids(json, config);
  config.dtype = parse_dtype(json);
  return config;
}

std::string to_json(const LlamaConfig& config) { return to_json(config, config.dtype); }

std::string to_json(const LlamaConfig& config, const std::string& dtype) {
  const auto id_or_null = [](std::int32_t id) {
    return id < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(id);
  };
  nlohmann::ordered_json end = id_or_null(config.eos_token_id);
  if (!config.more_eos_token_ids.empty()) {
    end = nlohmann::ordered_json::array({config.eos_token_id});
    for (const std::int32_t id : config.more_eos_token_ids) end.push_back(id);
  }
  nlohmann::ordered_json json = {{"architectures", nlohmann::ordered_json::array({"LlamaForCausalLM"})},
                                 {"model_type", "llama"},
                                 {"vocab_size", config.vocab_size},
                                 {"hidden_size", config.hidden_size},
                                 {"intermediate_size", config.intermediate_size},
                                 {"num_hidden_layers", config.num_hidden_layers},
                                 {"num_attention_heads", config.num_attention_heads},
                                 {"num_key_value_heads", config.num_key_value_heads},
                                 {"head_dim", config.head_dim},
                                 {"hidden_act", "silu"},
                                 {"max_position_embeddings", config.max_position_embeddings},
                                 {"rms_norm_eps", config.rms_norm_eps},
                                 {"rope_theta", config.rope_theta},
                                 {"rope_scaling", nullptr},
                                 {"tie_word_embeddings", config.tie_word_embeddings},
                                 {"attention_bias", false},
                                 {"mlp_bias", false},
                                 {"initializer_range", config.initializer_range},
                                 {"bos_token_id", id_or_null(config.bos_token_id)},
                                 {"eos_token_id", end},
                                 {"torch_dtype", dtype}};
  const kernels::RopeScaling& scaling = config.rope_scaling;
  if (scaling.factor != 1.0)
    json["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", scaling.factor},
                            {"low_freq_factor", scaling.low_frequency_factor},
                            {"high_freq_factor", scaling.high_frequency_factor},
                            {"original_max_position_embeddings", static_cast<std::int64_t>(scaling.original_length)}};
  return json.dump(2) + "\n";
}

}  // namespace recpo::model
