#include "src/model/config.hpp"

#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <tuple>

#include "src/model/architecture.hpp"
#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::model {
namespace {
auto tied(const kernels::RopeScaling& scaling) {
  return std::tie(scaling.factor, scaling.low_frequency_factor, scaling.high_frequency_factor, scaling.original_length);
}
auto tied(const LlamaConfig& c) {
  return std::tie(c.model_type, c.vocab_size, c.hidden_size, c.intermediate_size, c.num_hidden_layers,
                  c.num_attention_heads, c.num_key_value_heads, c.head_dim, c.max_position_embeddings, c.rms_norm_eps,
                  c.rope_theta, c.tie_word_embeddings, c.bos_token_id, c.eos_token_id, c.more_eos_token_ids,
                  c.initializer_range);
}

LlamaConfig shape(std::int64_t vocabulary, std::int64_t hidden, std::int64_t ffn, std::int64_t layers,
                  std::int64_t heads, std::int64_t key_value_heads, bool tied) {
  LlamaConfig config;
  config.vocab_size = vocabulary, config.hidden_size = hidden, config.intermediate_size = ffn;
  config.num_hidden_layers = layers, config.num_attention_heads = heads;
  config.num_key_value_heads = key_value_heads, config.head_dim = hidden / heads;
  config.tie_word_embeddings = tied;
  return config;
}

LlamaConfig smollm2(LlamaConfig config) {
  config.rope_theta = 100000.0;
  config.bos_token_id = 1, config.eos_token_id = 2;
  return config;
}

LlamaConfig llama3(LlamaConfig config, double factor) {
  config.max_position_embeddings = 131072, config.rope_theta = 500000.0;
  config.rope_scaling = {factor, 1.0, 4.0, 8192.0};
  config.bos_token_id = 128000, config.eos_token_id = 128001;
  return config;
}

struct NamedShape {
  const char* size;
  LlamaConfig config;
};
const std::vector<NamedShape>& named_shapes() {
  static const std::vector<NamedShape> shapes = {
      {"tiny", shape(512, 64, 176, 2, 4, 2, true)},
      {"smollm2-135m", smollm2(shape(49152, 576, 1536, 30, 9, 3, true))},
      {"llama-3.2-1b", llama3(shape(128256, 2048, 8192, 16, 32, 8, true), 32.0)},
      {"llama-3.1-8b", llama3(shape(128256, 4096, 14336, 32, 32, 8, false), 8.0)}};
  return shapes;
}

}  // namespace

bool operator==(const LlamaConfig& a, const LlamaConfig& b) {
  return tied(a) == tied(b) && tied(a.rope_scaling) == tied(b.rope_scaling);
}

std::vector<std::string> named_sizes() {
  std::vector<std::string> sizes;
  for (const NamedShape& named : named_shapes()) sizes.emplace_back(named.size);
  return sizes;
}

LlamaConfig named_config(const std::string& size) {
  for (const NamedShape& named : named_shapes())
    if (size == named.size) return named.config;
  throw_usage("model.size {} is not known; known: {}", size, fmt::join(named_sizes(), ", "));
}

namespace {
// Far above every known model, and small enough that no product of them in num_parameters() overflows.
constexpr std::int64_t kLargestWidth = std::int64_t{1} << 20;
constexpr std::int64_t kLargestVocabulary = std::int64_t{1} << 26;
constexpr std::int64_t kMaxLayers = std::int64_t{1} << 12;
constexpr std::int64_t kLongestContext = std::int64_t{1} << 30;
constexpr double kLargestTheta = 1e12;
constexpr double kSmallestEpsilon = 1e-12;  // an all-zero row must not become NaN in float

const Architecture& parse_architecture(const JsonObject& json) {
  const Architecture* architecture = find_architecture(json.text("model_type"));
  if (architecture == nullptr) {
    std::vector<std::string> known;
    for (const Architecture* one : architectures()) known.emplace_back(one->model_type);
    throw_input("{}: model_type {} is not supported, only {}", json.source(), json.at("model_type").dump(),
                fmt::join(known, ", "));
  }
  const nlohmann::json name = nlohmann::json::array({architecture->class_name});
  if (json.has("architectures") && json.at("architectures") != name)
    throw_input("{}: architectures {} is not supported, only {}", json.source(), json.at("architectures").dump(),
                name.dump());
  return *architecture;
}

// What no decoder here does must not be asked for.
void refuse_unsupported(const JsonObject& json) {
  const auto refuse = [&](const std::string& key, const std::string& value, const std::string& right) {
    throw_input("{}: {} {} is not supported, only {}", json.source(), key, value, right);
  };
  const std::string activation = json.text("hidden_act", "silu");
  if (activation != "silu") refuse("hidden_act", json.at("hidden_act").dump(), "silu");
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

// rope_theta and rope_scaling next to each other, or (newer) both within rope_parameters; where a file has both
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
Dtype parse_dtype(const JsonObject& json) {
  const auto dtype = find_value<Dtype>(json.text(json.has("dtype") ? "dtype" : "torch_dtype", ""));
  return dtype == Dtype::kFloat64 ? Dtype::kFloat32 : dtype.value_or(Dtype::kFloat32);
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
  config.num_hidden_layers = json.integer("num_hidden_layers", 1, kMaxLayers);
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

// An absent key means what it means to Transformers' LlamaConfig, which is not always this structure's default; where
// an architecture's own default differs, it is read again with the architecture's keys.
LlamaConfig parse_config(std::string_view text, const std::string& source) {
  const nlohmann::json parsed = parse_json(text, source);
  const JsonObject json(parsed, source);
  const Architecture& architecture = parse_architecture(json);
  refuse_unsupported(json);
  LlamaConfig config;
  config.model_type = architecture.model_type;
  parse_widths(json, config);
  config.max_position_embeddings = json.integer("max_position_embeddings", 1, kLongestContext, 2048);
  config.rms_norm_eps = json.real("rms_norm_eps", kSmallestEpsilon, 1.0, 1e-6);
  config.initializer_range = json.real("initializer_range", 0.0, 1e3, 0.02);
  config.tie_word_embeddings = json.boolean("tie_word_embeddings", false);
  parse_rope(json, config);
  parse_token_ids(json, config);
  config.dtype = parse_dtype(json);
  architecture.read_keys(json, config);
  return config;
}

std::string to_json(const LlamaConfig& config) { return to_json(config, config.dtype); }

std::string to_json(const LlamaConfig& config, Dtype dtype) {
  const auto id_or_null = [](std::int32_t id) {
    return id < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(id);
  };
  nlohmann::ordered_json end = id_or_null(config.eos_token_id);
  if (!config.more_eos_token_ids.empty()) {
    end = nlohmann::ordered_json::array({config.eos_token_id});
    for (const std::int32_t id : config.more_eos_token_ids) end.push_back(id);
  }
  const Architecture& architecture = architecture_of(config);
  nlohmann::ordered_json json = {{"architectures", nlohmann::ordered_json::array({architecture.class_name})},
                                 {"model_type", architecture.model_type},
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
                                 {"tie_word_embeddings", config.tie_word_embeddings}};
  architecture.write_keys(config, json);
  json["initializer_range"] = config.initializer_range;
  json["bos_token_id"] = id_or_null(config.bos_token_id);
  json["eos_token_id"] = end;
  json["torch_dtype"] = name_of(dtype);
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
