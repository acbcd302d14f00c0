#pragma once
// The safetensors files of a model folder as one table of tensors: model.safetensors, or the shards that
// model.safetensors.index.json names, or (next to params.json) Meta's consolidated*.safetensors. Shards are plain file
// names in the folder, so that no path leaves it; symbolic links to regular files are followed, as Hugging Face's cache
// needs. Errors are kBadInput.

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "src/checkpoint/safetensors.hpp"
#include "src/model/parameter_store.hpp"

namespace recpo::checkpoint {

class ModelFiles {
 public:
  explicit ModelFiles(const std::filesystem::path& folder);

  struct Found {
    const SafetensorsFile* file = nullptr;
    const Tensor* tensor = nullptr;
    bool meta_rows = false;  // rotary pairs are neighbours (meta_folder.hpp)
  };
  // The tensor of a parameter; throws when it is missing or has another shape or an unsupported type.
  Found find(const model::Parameter& parameter) const;
  // find() of every parameter of the decoder; and refuses weights that the decoder would silently ignore.
  void check(const model::LlamaConfig& config) const;
  const Tensor* find_tensor(const std::string& name) const;  // null when there is none

  // The type that holds every weight of the decoder without loss.
  Dtype dtype(const model::LlamaConfig& config) const;
  bool is_meta() const { return is_meta_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }

 private:
  void read_index(const std::filesystem::path& folder);
  void read_meta(const std::filesystem::path& folder);
  void check_left_out(const SafetensorsFile& file, const Tensor& tensor, const model::LlamaConfig& config) const;

  std::filesystem::path described_by_;  // the file whose list of tensors counts: named when one is missing
  bool is_meta_ = false;
  std::vector<SafetensorsFile> files_;
};

}  // namespace recpo::checkpoint
