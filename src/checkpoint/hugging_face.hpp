#pragma once
// Hugging Face model folders: config.json, model.safetensors or shards with model.safetensors.index.json,
// tokenizer.json (or Meta's tokenizer.model); and Meta's own (meta_folder.hpp), which are only read. Files are hostile:
// every size, offset and name is checked against the file and the folder; errors are kBadInput and name file and
// tensor.

#include <filesystem>

#include "src/checkpoint/companions.hpp"
#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::checkpoint {

model::LlamaConfig read_hugging_face_config(const std::filesystem::path& folder);
model::LlamaConfig read_meta_config(const std::filesystem::path& folder);  // of params.json and the tensors

// Fills the part of the weights that the store holds from fp32, bf16 or fp16 tensors of either form, a few MB at a
// time: beyond the store it needs the memory of one piece (pieces.hpp) and of the pages that hold it. Every parameter
// must be there with its shape; a missing head is only right with tied embeddings; tensors outside the decoder's layers
// are ignored. Logs bytes, seconds and GB/s.
template <class T>
void load_hugging_face_weights(const std::filesystem::path& folder, const model::LlamaConfig& config,
                               model::ParameterStore<T>& store);

inline constexpr std::int64_t kShardBytes = 5'000'000'000;

// Writes what Transformers and vLLM load, from a store that holds the whole model: config.json, safetensors (sharded
// above `shard_bytes`), tokenizer file and the companions. dtype: float32 | bfloat16 | float16 (lossless_dtype() for
// the model's own). Complete or not at all (temporary folder, rename). Throws kCannotWrite.
template <class T>
void export_hugging_face(const std::filesystem::path& folder, const model::LlamaConfig& config,
                         const model::ParameterStore<T>& store, const text::Tokenizer& tokenizer,
                         const std::string& dtype = "float32", std::int64_t shard_bytes = kShardBytes,
                         const Companions& companions = {});

}  // namespace recpo::checkpoint
