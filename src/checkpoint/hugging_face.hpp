#pragma once
// Hugging Face model folders: config.json, model.safetensors or shards with model.safetensors.index.json,
// tokenizer.json (or Meta's tokenizer.model). Files are hostile: every size, offset and name is checked against the
// file and the folder; errors are kBadInput and name file and tensor.

#include <filesystem>

#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::checkpoint {

model::LlamaConfig read_hugging_face_config(const std::filesystem::path& folder);

// Fills the part of the weights that the store holds from fp32, bf16 or fp16 tensors, a few MB at a time. Every
// parameter must be there with its shape; a missing lm_head is only right with tied embeddings; unknown tensors (rotary
// inverse frequencies) are ignored.
template <class T>
void load_hugging_face_weights(const std::filesystem::path& folder, const model::LlamaConfig& config,
                               model::ParameterStore<T>& store);

// Writes what Transformers loads, from a store that holds the whole model: config.json, safetensors (sharded above
// `shard_bytes`), tokenizer file. dtype: float32 | bfloat16 | float16. Complete or not at all (temporary folder,
// rename). Throws kCannotWrite.
template <class T>
void export_hugging_face(const std::filesystem::path& folder, const model::LlamaConfig& config,
                         const model::ParameterStore<T>& store, const text::Tokenizer& tokenizer,
                         const std::string& dtype = "float32", std::int64_t shard_bytes = 5'000'000'000);

}  // namespace recpo::checkpoint
