#pragma once
// The safetensors files of a Hugging Face folder as one table of tensors: model.safetensors, or the shards that
// model.safetensors.index.json names. Shards are plain file names in the folder, so that no path leads out of it; links
// to regular files are followed, as Hugging Face's cache needs. Errors are kBadInput.

#include <filesystem>
#include <vector>

#include "src/checkpoint/safetensors.hpp"
#include "src/model/parameter_store.hpp"

namespace recpo::checkpoint {

class HuggingFaceFiles {
 public:
  explicit HuggingFaceFiles(const std::filesystem::path& folder);

  struct Found {
    const SafetensorsFile* file = nullptr;
    const Tensor* tensor = nullptr;
  };
  // The tensor of a parameter; throws when it is missing or has another shape or an unsupported type.
  Found find(const model::Parameter& parameter) const;
  // find() of every parameter of the decoder; and no weights that the decoder would silently leave out.
  void check(const model::LlamaConfig& config) const;

  const std::vector<SafetensorsFile>& files() const { return files_; }

 private:
  void read_index(const std::filesystem::path& folder);

  std::filesystem::path described_by_;  // the file whose list of tensors counts: named when one is missing
  std::vector<SafetensorsFile> files_;
};

}  // namespace recpo::checkpoint
