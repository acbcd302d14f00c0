#pragma once
// Hugging Face model folders: config.json, model.safetensors or shards with model.safetensors.index.json,
// tokenizer.json (or Meta's tokenizer.model); and Meta's own (meta_folder.hpp), which are only read. Untrusted
// input: every size, offset and name is checked; errors are kBadInput and name file and tensor.

#include <filesystem>
#include <string>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "src/model/config.hpp"
#include "src/model/lora.hpp"
#include "src/model/parameter_store.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::checkpoint {

model::LlamaConfig read_hugging_face_config(const std::filesystem::path& folder);
model::LlamaConfig read_meta_config(const std::filesystem::path& folder);  // of params.json and the tensors

// Fills the store's shard from fp32, bf16 or fp16 tensors of either layout, a few MB at a time: extra memory is one
// staging buffer (host_staging.hpp) and its mapped pages. Every parameter must exist with its shape; a missing LM head
// is accepted only with tied embeddings; tensors outside the decoder's layers are ignored. Logs bytes, seconds and
// GB/s.
template <class T>
void load_hugging_face_weights(const std::filesystem::path& folder, const model::LlamaConfig& config,
                               model::ParameterStore<T>& store);

inline constexpr std::int64_t kShardBytes = 5'000'000'000;

// Writes what Transformers and vLLM load, from an unsharded store: config.json, safetensors (sharded
// above `shard_bytes`), tokenizer file and auxiliary files. `dtype`: not double (lossless_dtype() for the model's own).
// Atomic (temporary folder, rename). Throws kCannotWrite.
template <class T>
void export_hugging_face(const std::filesystem::path& folder, const model::LlamaConfig& config,
                         const model::ParameterStore<T>& store, const text::Tokenizer& tokenizer,
                         Dtype dtype = Dtype::kFloat32, std::int64_t shard_bytes = kShardBytes,
                         const AuxiliaryFiles& auxiliary = {});

// Adapters in the form of Hugging Face's PEFT: adapter_config.json and adapter_model.safetensors, which PeftModel and
// vLLM load on top of the base model. Not collective; the adapters are unsharded.

// `base`: the base model's path or name as written to adapter_config.json. Atomic.
// Throws kCannotWrite.
template <class T>
void export_peft(const std::filesystem::path& folder, const model::Adapters<T>& adapters, const std::string& base,
                 Dtype dtype);

}  // namespace recpo::checkpoint
