#include "src/checkpoint/model_files.hpp"

#include <charconv>

#include "src/checkpoint/meta_folder.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t kLargestIndex = std::uint64_t{1} << 24;

[[noreturn]] void refuse_empty(const fs::path& folder) {
  for (const char* pickle : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
    if (has_name(folder / pickle))
      throw_input(
          "{}: a pickle, which may run code when it is read; take the model's safetensors, or make them once with "
          "Transformers' from_pretrained() and save_pretrained()",
          (folder / pickle).string());
  throw_input("{}: there is neither model.safetensors nor model.safetensors.index.json", folder.string());
}
}  // namespace

ModelFiles::ModelFiles(const fs::path& folder) {
  const fs::path single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  if (has_name(single)) {  // a link that leads nowhere: opening it says so
    described_by_ = single;
    files_.emplace_back(single);
  } else if (has_name(index)) {
    described_by_ = index;
    read_index(folder);
  } else if (has_name(folder / kMetaParams)) {
    described_by_ = folder / kMetaParams;
    read_meta(folder);
  } else {
    refuse_empty(folder);
  }
}

// Every tensor the index names must be in the shard it names, and every shard it names must be there.
void ModelFiles::read_index(const fs::path& folder) {
  const std::string source = described_by_.string();
  std::set<std::string> seen;
  for (const auto& [shard, tensors] : parse_index(read_file(described_by_, kLargestIndex), source)) {
    const SafetensorsFile& file = files_.emplace_back(folder / shard);
    std::set<std::string> there;
    for (const Tensor& tensor : file.tensors()) {
      there.insert(tensor.name);
      if (!seen.insert(tensor.name).second)
        throw_input("{}: tensor {} is in two shards", file.path().string(), tensor.name);
    }
    for (const std::string& tensor : tensors)
      if (!there.contains(tensor))
        throw_input("{}: tensor {} is missing, {} says it is here", file.path().string(), tensor, source);
  }
}

void ModelFiles::read_meta(const fs::path& folder) {
  is_meta_ = true;
  std::set<std::string> seen;
  for (const fs::path& path : meta_files(folder)) {
    const SafetensorsFile& file = files_.emplace_back(path);
    for (const Tensor& tensor : file.tensors())
      if (!seen.insert(tensor.name).second)
        throw_input(
            "{}: tensor {} is in two files: parts for several devices (70B and more) are not supported, only "
            "whole tensors",
            path.string(), tensor.name);
  }
}

const Tensor* ModelFiles::find_tensor(const std::string& name) const {
  for (const SafetensorsFile& file : files_)
    if (const Tensor* tensor = file.find(name)) return tensor;
  return nullptr;
}

ModelFiles::Found ModelFiles::find(const model::Parameter& parameter) const {
  const std::string name = is_meta_ ? meta_name(parameter.name) : parameter.name;
  for (const SafetensorsFile& file : files_) {
    const Tensor* tensor = file.find(name);
    if (tensor == nullptr) continue;
    const std::string where = fmt::format("{}: tensor {}", file.path().string(), name);
    if (tensor->shape != parameter.shape)
      throw_input("{} has shape {}, {} wants {}", where, format_shape(tensor->shape),
                  is_meta_ ? kMetaParams : "config.json", format_shape(parameter.shape));
    if (!tensor->number()) throw_input("{} has dtype {}; supported are F32, BF16 and F16", where, tensor->dtype);
    return {&file, tensor, is_meta_ && has_rotary_rows(parameter.name)};
  }
  const bool head = name == "lm_head.weight";
  throw_input("{}: tensor {} {} is missing{}", described_by_.string(), name, format_shape(parameter.shape),
              head ? ", which is right only with tie_word_embeddings = true in config.json" : "");
}

void ModelFiles::check(const model::LlamaConfig& config) const {
  std::set<std::string> known;
  for (const model::Parameter& parameter : model::llama_parameters(config)) known.insert(find(parameter).tensor->name);
  for (const SafetensorsFile& file : files_)
    for (const Tensor& tensor : file.tensors())
      if (!known.contains(tensor.name)) check_left_out(file, tensor, config);
}

// Tensors that are not the decoder's are ignored (rotary frequencies, a head that is tied anyway), except for what
// would change its results: a bias, a layer more than the configuration says, anything else within a layer.
void ModelFiles::check_left_out(const SafetensorsFile& file, const Tensor& tensor,
                                const model::LlamaConfig& config) const {
  const std::string where = fmt::format("{}: tensor {}", file.path().string(), tensor.name);
  const std::string layers = is_meta_ ? "layers." : "model.layers.";
  if (tensor.name.ends_with("inv_freq")) return;
  if (tensor.name.ends_with(".bias")) throw_input("{}: biases are not supported", where);
  if (!tensor.name.starts_with(layers)) return;
  std::int64_t layer = 0;
  std::from_chars(tensor.name.data() + layers.size(), tensor.name.data() + tensor.name.size(), layer);
  if (layer >= config.num_hidden_layers)
    throw_input("{}: {} says {} = {}", where, is_meta_ ? kMetaParams : "config.json",
                is_meta_ ? "n_layers" : "num_hidden_layers", config.num_hidden_layers);
  throw_input("{}: a Llama layer has no such weights", where);
}

Dtype ModelFiles::dtype(const model::LlamaConfig& config) const {
  std::set<Dtype> types;
  for (const model::Parameter& parameter : model::llama_parameters(config))
    types.insert(find(parameter).tensor->number().value());
  return types.size() > 1 ? Dtype::kFloat32 : *types.begin();  // which holds them all
}

}  // namespace recpo::checkpoint
