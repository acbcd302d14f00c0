#pragma once
// Model sources accepted by `--model` and `model.path`: a native checkpoint, its parent folder (newest complete
// checkpoint), a Hugging Face folder, or one in Meta's format.

#include <filesystem>
#include <string>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/safetensors.hpp"
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
// The element type of a file that holds these weights bit for bit, not double. For imported models
// that of the files they came from, for trained ones that of the training's weights.
Dtype lossless_dtype(const ModelSource& source);
// The auxiliary files in the model folder. Throws kBadInput when one is not a regular file, is too large, or is a .json
// that does not parse.
AuxiliaryFiles read_auxiliary_files(const ModelSource& source);
// Throws kBadInput unless the adapters' base model exists and has the recorded hash. Reads it completely.
void check_base(const ModelSource& source);
// Loads the store's shard. An adapter checkpoint loads its base first; then the adapters are loaded into the store's
// own adapters if rank, targets and scale match, otherwise merged into its weights.
template <class T>
void load_weights(const ModelSource& source, model::ParameterStore<T>& store);

// Whether training can continue adapters `a` as `b`: equal except for dropout.
bool same_adapters(const model::LoraOptions& a, const model::LoraOptions& b);

// The model's identity: SHA-256 over the files that hold its weights and config, natively over the weights' fingerprint
// in the manifest and the config, of adapters also over their base's identity.
std::string model_hash(const ModelSource& source);

// A text that describes a native checkpoint, a stage's folder of checkpoints, a model's folder or a safetensors file.
// Sizes and hashes are verified: throws kBadInput naming the broken file (for a stage folder: only when no checkpoint
// is complete; broken ones next to a complete one are listed in the text).
std::string describe(const std::filesystem::path& path);

}  // namespace recpo::checkpoint
