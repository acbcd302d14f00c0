#include "src/model/config.hpp"

#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

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

auto tied(const kernels::RopeScaling& scaling) {
  return std::tie(scaling.factor, scaling.low_frequency_factor, scaling.high_frequency_factor, scaling.original_length);
}
auto tied(const LlamaConfig& c) {
  return std::tie(c.vocab_size, c.hidden_size, c.intermediate_size, c.num_hidden_layers, c.num_attention_heads,
                  c.num_key_value_heads, c.head_dim, c.max_position_embeddings, c.rms_norm_eps, c.rope_theta,
                  c.tie_word_embeddings, c.bos_token_id, c.eos_token_id, c.initializer_range);
}

// What the decoder does not do must not be asked for.
void refuse_unsupported(const JsonObject& json) {
  const auto refuse = [&](const std::string& key, const std::string& value, const std::string& right) {
    throw_input("{}: {} {} is not supported, only {}", json.source(), key, value, right);
  };
  const std::string type = json.text("model_type"), activation = json.text("hidden_act", "silu");
  if (type != "llama") refuse("model_type", type, "llama");
  if (activation != "silu") refuse("hidden_act", activation, "silu");
  for (const std::string key : {"attention_bias", "mlp_bias"})
    if (json.boolean(key, false)) refuse(key, "true", "false");
  if (json.has("quantization_config"))
    throw_input("{}: quantization_config: quantized weights are not supported", json.source());
  if (json.has("pretraining_tp")) json.integer("pretraining_tp", 1, kLargestWidth);
}

kernels::RopeScaling parse_scaling(const JsonObject& json) {
  kernels::RopeScaling scaling;
  const std::string type = json.text(json.has("rope_type") ? "rope_type" : "type", "default");
  if (type == "default") return scaling;
  if (type != "llama3") throw_input("{}: rope_type {} is not supported, only llama3 and default", json.source(), type);
  scaling.factor = json.real("factor", 1.0, 1e6);
  scaling.low_frequency_factor = json.real("low_freq_factor", 1e-6, 1e6);
  scaling.high_frequency_factor = json.real("high_freq_factor", 1e-6, 1e6);
  scaling.original_length = static_cast<double>(json.integer("original_max_position_embeddings", 1, kLongestContext));
  if (scaling.high_frequency_factor <= scaling.low_frequency_factor)
    throw_input("{}: high_freq_factor must be larger than low_freq_factor", json.source());
  return scaling.factor == 1.0 ? kernels::RopeScaling{} : scaling;
}

// One id, or a list whose first counts; -1 when there is none.
std::int32_t parse_token_id(const JsonObject& json, const std::string& key, std::int64_t vocab_size) {
  if (!json.has(key)) return -1;
  const nlohmann::json& value = json.at(key);
  const nlohmann::json& id = value.is_array() && !value.empty() ? value.front() : value;
  const bool fits = id.is_number_integer() && id >= 0 && id < vocab_size;
  if (!fits) throw_input("{}: {} must be a token id below vocab_size {}", json.source(), key, vocab_size);
  return id.get<std::int32_t>();
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

std::int64_t LlamaConfig::num_parameters() const {
  const std::int64_t attention = 2 * hidden_size * (query_width() + key_value_width());
  const std::int64_t layer = attention + 3 * hidden_size * intermediate_size + 2 * hidden_size;
  return num_hidden_layers * layer + hidden_size + (tie_word_embeddings ? 1 : 2) * vocab_size * hidden_size;
}

bool operator==(const LlamaConfig& a, const LlamaConfig& b) {
  return tied(a) == tied(b) && tied(a.rope_scaling) == tied(b.rope_scaling);
}

// An absent key means what it means to Transformers' LlamaConfig, which is not always this structure's default.
LlamaConfig parse_config(std::string_view text, const std::string& source) {
  const nlohmann::json parsed = parse_json(text, source);
  const JsonObject json(parsed, source);
  refuse_unsupported(json);
  LlamaConfig config;
  parse_widths(json, config);
  config.max_position_embeddings = json.integer("max_position_embeddings", 1, kLongestContext, 2048);
  config.rms_norm_eps = json.real("rms_norm_eps", 0.0, 1.0, 1e-6);
  config.initializer_range = json.real("initializer_range", 0.0, 1e3, 0.02);
  config.tie_word_embeddings = json.boolean("tie_word_embeddings", false);
  config.rope_theta = json.real("rope_theta", 1.0, kLargestTheta, 10000.0);
  if (json.has("rope_scaling")) config.rope_scaling = parse_scaling(json.object("rope_scaling"));
  if (json.has("rope_parameters")) {  // newer files keep the angle's base and its scaling together
    const JsonObject rope = json.object("rope_parameters");
    config.rope_theta = rope.real("rope_theta", 1.0, kLargestTheta, config.rope_theta);
    config.rope_scaling = parse_scaling(rope);
  }
  config.bos_token_id = parse_token_id(json, "bos_token_id", config.vocab_size);
  config.eos_token_id = parse_token_id(json, "eos_token_id", config.vocab_size);
  return config;
}

std::string to_json(const LlamaConfig& config, const std::string& torch_dtype) {
  const auto id_or_null = [](std::int32_t id) {
    return id < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(id);
  };
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
                                 {"eos_token_id", id_or_null(config.eos_token_id)},
                                 {"torch_dtype", torch_dtype}};
  const kernels::RopeScaling& scaling = config.rope_scaling;
  if (scaling.factor != 1.0)
    json["rope_scaling"] = {{"rope_type", "llama3"},
                            {"factor", scaling.factor},
                            {"low_freq_factor", scaling.low_frequency_factor},
                            {"high_freq_factor", scaling.high_frequency_factor},
                            {"original_max_position_embeddings", static_cast<std::int64_t>(scaling.original_length)}};
  return json.dump(2) + "\n";
}

LlamaConfig named_config(const std::string& size) {
  LlamaConfig config;
  const auto shape = [&](std::int64_t vocabulary, std::int64_t hidden, std::int64_t ffn, std::int64_t layers,
                         std::int64_t heads, std::int64_t key_value_heads) {
    config.vocab_size = vocabulary, config.hidden_size = hidden, config.intermediate_size = ffn;
    config.num_hidden_layers = layers, config.num_attention_heads = heads;
    config.num_key_value_heads = key_value_heads, config.head_dim = hidden / heads;
  };
  const auto llama3 = [&](double factor) {
    config.max_position_embeddings = 131072, config.rope_theta = 500000.0;
    config.rope_scaling = {factor, 1.0, 4.0, 8192.0};
    config.bos_token_id = 128000, config.eos_token_id = 128001;
  };
  if (size == "tiny") {
    shape(512, 64, 176, 2, 4, 2);
    config.tie_word_embeddings = true;
  } else if (size == "smollm2-135m") {
    shape(49152, 576, 1536, 30, 9, 3);
    config.rope_theta = 100000.0, config.tie_word_embeddings = true;
    config.bos_token_id = 1, config.eos_token_id = 2;
  } else if (size == "llama-3.2-1b") {
    shape(128256, 2048, 8192, 16, 32, 8);
    llama3(32.0), config.tie_word_embeddings = true;
  } else if (size == "llama-3.1-8b") {
    shape(128256, 4096, 14336, 32, 32, 8);
    llama3(8.0);
  } else {
    throw_usage("model.size {} is not known; known: tiny, smollm2-135m, llama-3.2-1b, llama-3.1-8b", size);
  }
  return config;
}

}  // namespace recpo::model
