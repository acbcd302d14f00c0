#pragma once
// Llama models in Meta's format: params.json, consolidated*.safetensors, tokenizer.model. Tensor names differ
// from Hugging Face's, and wq and wk interleave rotary pairs within each head, where Hugging Face pairs row d with row
// d + D/2. Untrusted input.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "src/model/config.hpp"

namespace recpo::checkpoint {

inline constexpr const char* kMetaParams = "params.json";

// The configuration that params.json stands for, as Transformers' conversion derives it: the feed-forward width from
// dim, multiple_of and ffn_dim_multiplier, Llama-3.1's scaling from use_scaled_rope. vocab_size is 0 where the file
// has none (-1: "as the tokenizer"), and whether embeddings are tied is seen in the tensors alone. Throws kBadInput
// naming `source` and the key.
model::LlamaConfig parse_meta_params(std::string_view json, const std::string& source);

// "layers.3.attention.wq.weight" for "model.layers.3.self_attn.q_proj.weight"
std::string meta_name(const std::string& parameter);
// The weights of queries and keys, whose rows are in Meta's order.
bool has_rotary_rows(const std::string& parameter);
// Where row `row` of Hugging Face's order is in Meta's.
std::int64_t meta_row(std::int64_t row, std::int64_t head_dim);

// consolidated*.safetensors by name; kBadInput when there is none, saying what to do with consolidated.*.pth.
std::vector<std::filesystem::path> meta_files(const std::filesystem::path& folder);

}  // namespace recpo::checkpoint
