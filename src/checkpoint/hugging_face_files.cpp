#include "src/checkpoint/hugging_face_files.hpp"

#include <set>

#include "src/checkpoint/safetensors_index.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t kLargestIndex = std::uint64_t{1} << 24;
}  // namespace

HuggingFaceFiles::HuggingFaceFiles(const fs::path& folder) {
  const fs::path single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  std::error_code ignored;  // a link that leads nowhere is there: opening it says so
  const auto is_there = [&](const fs::path& path) { return fs::exists(fs::symlink_status(path, ignored)); };
  if (is_there(single)) {
    described_by_ = single;
    files_.emplace_back(single);
  } else if (is_there(index)) {
    described_by_ = index;
    read_index(folder);
  } else {
    throw_input("{}: there is neither model.safetensors nor model.safetensors.index.json", folder.string());
  }
}

// Every tensor the index names must be in the shard it names, and every shard it names must be there.
void HuggingFaceFiles::read_index(const fs::path& folder) {
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

HuggingFaceFiles::Found HuggingFaceFiles::find(const model::Parameter& parameter) const {
  for (const SafetensorsFile& file : files_) {
    const Tensor* tensor = file.find(parameter.name);
    if (tensor == nullptr) continue;
    const std::string where = fmt::format("{}: tensor {}", file.path().string(), tensor->name);
    if (tensor->shape != parameter.shape)
      throw_input("{} has shape {}, config.json wants {}", where, format_shape(tensor->shape),
                  format_shape(parameter.shape));
    if (tensor->dtype != "F32" && tensor->dtype != "BF16" && tensor->dtype != "F16")
      throw_input("{} has dtype {}; supported are F32, BF16 and F16", where, tensor->dtype);
    return {&file, tensor};
  }
  const bool head = parameter.name == "lm_head.weight";
  throw_input("{}: tensor {} {} is missing{}", described_by_.string(), parameter.name, format_shape(parameter.shape),
              head ? ", which is right only with tie_word_embeddings = true in config.json" : "");
}

void HuggingFaceFiles::check(const model::LlamaConfig& config) const {
  std::set<std::string> known;
  for (const model::Parameter& parameter : model::llama_parameters(config)) {
    find(parameter);
    known.insert(parameter.name);
  }
  // Tensors the decoder does not know are ignored (rotary inverse frequencies), except for what would change its
  // results: a bias of a known matrix, or a layer more than config.json says.
  const std::string next_layer = fmt::format("model.layers.{}.", config.num_hidden_layers);
  for (const SafetensorsFile& file : files_) {
    for (const Tensor& tensor : file.tensors()) {
      const std::string where = fmt::format("{}: tensor {}", file.path().string(), tensor.name);
      if (tensor.name.ends_with(".bias") && known.contains(tensor.name.substr(0, tensor.name.size() - 4) + "weight"))
        throw_input("{}: biases are not supported", where);
      if (tensor.name.starts_with(next_layer) && tensor.name.ends_with(".weight"))
        throw_input("{}: config.json says num_hidden_layers = {}", where, config.num_hidden_layers);
    }
  }
}

}  // namespace recpo::checkpoint
