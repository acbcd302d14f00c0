#pragma once
// What `--model` and `model.path` may name: a native checkpoint, its parent (newest whole one), a Hugging Face folder
// or one in Meta's form.

#include <filesystem>
#include <string>

#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/parallel/communicator.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::checkpoint {

struct ModelSource {
  enum class Kind { kNative, kHuggingFace, kMeta };
  Kind kind = Kind::kHuggingFace;
  std::filesystem::path path;  // of the checkpoint itself
  model::LlamaConfig config;
};

// Throws kBadInput saying what was looked for in the folder. A checkpoint is verified: by all `ranks` together where
// they are given (collective), else by this rank alone.
ModelSource open_model(const std::filesystem::path& path, parallel::Communicator& ranks);
ModelSource open_model(const std::filesystem::path& path);
// Throws kBadInput when it has more tokens than the model.
text::Tokenizer read_tokenizer(const ModelSource& source);
// The element type of a file that holds these weights bit for bit: float32 | bfloat16 | float16. For imported models
// that of the files they came from, for trained ones that of the training's weights.
std::string lossless_dtype(const ModelSource& source);
// The part that the store holds.
template <class T>
void load_weights(const ModelSource& source, model::ParameterStore<T>& store);

// The model's identity: SHA-256 over the files that hold its weights and config, natively over the weights' fingerprint
// in the manifest and the config.
std::string model_hash(const ModelSource& source);

}  // namespace recpo::checkpoint
