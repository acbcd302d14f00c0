#pragma once
// What `--model` and `model.path` may name: a native checkpoint, its parent (newest whole one), a Hugging Face folder
// or one in Meta's form.

#include <filesystem>
#include <string>

#include "src/checkpoint/checkpoint.hpp"
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
  AdapterRecord adapters;  // of a checkpoint that holds adapters only
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
// Throws kBadInput unless the model beside which the source's adapters stand is there and is the one they were trained
// beside. Reads all of it.
void check_base(const ModelSource& source);
// The part that the store holds. A source of adapters loads their base first; then the adapters go into those that the
// store carries, where these have the same shape and scale, and are merged into its weights otherwise.
template <class T>
void load_weights(const ModelSource& source, model::ParameterStore<T>& store);

// Whether adapters of `a` go on as those of `b`: equal but for dropout.
bool same_adapters(const model::LoraOptions& a, const model::LoraOptions& b);

// The model's identity: SHA-256 over the files that hold its weights and config, natively over the weights' fingerprint
// in the manifest and the config, of adapters also over their base's identity.
std::string model_hash(const ModelSource& source);

}  // namespace recpo::checkpoint
