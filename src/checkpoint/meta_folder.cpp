#include "src/checkpoint/meta_folder.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "src/support/check.hpp"
#include "src/support/folder.hpp"
#include "src/support/json.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::int64_t kLargestWidth = std::int64_t{1} << 20;
constexpr std::int64_t kLargestVocabulary = std::int64_t{1} << 26;
constexpr std::int64_t kMaxLayers = std::int64_t{1} << 12;
constexpr int kParamsDepth = 8;

// dim * 8 / 3, times the multiplier, rounded up to a multiple: each step rounds as Meta's code does.
std::int64_t feed_forward_width(const JsonObject& json, std::int64_t dim) {
  std::int64_t width = 8 * dim / 3;
  if (json.has("ffn_dim_multiplier"))
    width = static_cast<std::int64_t>(json.real("ffn_dim_multiplier", 1e-3, 1e3) * static_cast<double>(width));
  const std::int64_t multiple = json.integer("multiple_of", 1, kLargestWidth, 256);
  width = (width + multiple - 1) / multiple * multiple;
  if (width < 1 || width > kLargestWidth)
    throw_input("{}: ffn_dim_multiplier and multiple_of give a feed-forward width of {}, more than the {} allowed",
                json.source(), width, kLargestWidth);
  return width;
}

void parse_heads(const JsonObject& json, model::LlamaConfig& config) {
  const std::int64_t heads = json.integer("n_heads", 1, kLargestWidth);
  config.num_attention_heads = heads;
  config.num_key_value_heads = json.integer("n_kv_heads", 1, heads, heads);
  if (heads % config.num_key_value_heads != 0)
    throw_input("{}: n_heads {} must be a multiple of n_kv_heads {}", json.source(), heads, config.num_key_value_heads);
  if (config.hidden_size % (2 * heads) != 0)
    throw_input("{}: dim {} must be an even multiple of n_heads {}", json.source(), config.hidden_size, heads);
  config.head_dim = config.hidden_size / heads;
}

// The file says that frequencies are scaled, not by how much: by 8 in Llama-3.1, by 32 in the two sizes of Llama-3.2.
kernels::RopeScaling scaling_of(const model::LlamaConfig& config) {
  const std::pair shape(config.hidden_size, config.num_hidden_layers);
  const bool is_3_2 = shape == std::pair<std::int64_t, std::int64_t>(2048, 16) ||
                      shape == std::pair<std::int64_t, std::int64_t>(3072, 28);
  return {is_3_2 ? 32.0 : 8.0, 1.0, 4.0, 8192.0};
}

// Parts of the names below a layer.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kLayerNames = {
    {{"self_attn.q_proj", "attention.wq"},
     {"self_attn.k_proj", "attention.wk"},
     {"self_attn.v_proj", "attention.wv"},
     {"self_attn.o_proj", "attention.wo"},
     {"mlp.gate_proj", "feed_forward.w1"},
     {"mlp.down_proj", "feed_forward.w2"},
     {"mlp.up_proj", "feed_forward.w3"},
     {"input_layernorm", "attention_norm"},
     {"post_attention_layernorm", "ffn_norm"}}};
}  // namespace

model::LlamaConfig parse_meta_params(std::string_view text, const std::string& source) {
  const nlohmann::json parsed = parse_json(text, source, kParamsDepth);
  const JsonObject json(parsed, source);
  for (const char* key : {"moe", "moe_args", "quantization_args", "lora_args", "vision_chunk_size"})
    if (json.has(key)) throw_input("{}: {} is not supported, only plain Llama weights", source, key);
  model::LlamaConfig config;
  config.hidden_size = json.integer("dim", 2, kLargestWidth);
  config.num_hidden_layers = json.integer("n_layers", 1, kMaxLayers);
  parse_heads(json, config);
  config.intermediate_size = feed_forward_width(json, config.hidden_size);
  const std::int64_t vocabulary = json.integer("vocab_size", -1, kLargestVocabulary, -1);
  if (vocabulary == 0) throw_input("{}: vocab_size must be a whole number from 1 to {}", source, kLargestVocabulary);
  config.vocab_size = std::max<std::int64_t>(vocabulary, 0);
  config.rms_norm_eps = json.real("norm_eps", 1e-12, 1.0, 1e-5);
  config.rope_theta = json.real("rope_theta", 1.0, 1e12, 10000.0);
  const bool scaled = json.boolean("use_scaled_rope", false);
  if (scaled) config.rope_scaling = scaling_of(config);
  config.max_position_embeddings = scaled ? 131072 : 8192;
  return config;
}

std::string meta_name(const std::string& parameter) {
  if (parameter == "model.embed_tokens.weight") return "tok_embeddings.weight";
  if (parameter == "model.norm.weight") return "norm.weight";
  if (parameter == "lm_head.weight") return "output.weight";
  constexpr std::string_view kModel = "model.", kWeight = ".weight";
  std::string name = parameter.substr(kModel.size(), parameter.size() - kModel.size() - kWeight.size());
  for (const auto& [ours, theirs] : kLayerNames) {
    if (name.ends_with(ours)) return name.replace(name.size() - ours.size(), ours.size(), theirs) + ".weight";
  }
  throw_error(ExitCode::kInternal, "parameter {} has no name in Meta's form", parameter);
}

bool has_rotary_rows(const std::string& parameter) {
  return parameter.ends_with("self_attn.q_proj.weight") || parameter.ends_with("self_attn.k_proj.weight");
}

std::int64_t meta_row(std::int64_t row, std::int64_t head_dim) {
  const std::int64_t place = row % head_dim, half = head_dim / 2;
  return row - place + 2 * (place % half) + place / half;
}

std::vector<fs::path> meta_files(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::string pickle;
  for (const fs::path& path : list_folder(folder)) {
    const std::string name = path.filename().string();
    if (!name.starts_with("consolidated")) continue;
    if (name.ends_with(".safetensors")) paths.push_back(path);
    if (name.ends_with(".pth")) pickle = name;
  }
  if (paths.empty() && !pickle.empty())
    throw_input(
        "{}: a pickle, which may run code when it is read; make it safetensors once with torch.load(path, "
        "weights_only=True, map_location=\"cpu\") and safetensors.torch.save_file(), or take the model's Hugging Face "
        "form",
        (folder / pickle).string());
  if (paths.empty()) throw_input("{}: there is {} but no consolidated*.safetensors", folder.string(), kMetaParams);
  return paths;
}

}  // namespace recpo::checkpoint
