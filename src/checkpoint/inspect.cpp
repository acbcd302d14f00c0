#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/hugging_face.hpp"
#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/meta_folder.hpp"
#include "src/checkpoint/model_files.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/checkpoint/shard_file.hpp"
#include "src/checkpoint/step_folders.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
std::string or_none(const std::string& text) { return text.empty() ? "none" : text; }

std::string describe_config(const model::LlamaConfig& config) {
  return fmt::format(
      "model      Llama, {:.4g} M parameters: {} layers, hidden {}, feed-forward {}, {} heads of {}, {} key/value "
      "heads\n"
      "           vocabulary {}, context {}, rope theta {}{}, {} embeddings\n",
      static_cast<double>(config.num_parameters()) * 1e-6, config.num_hidden_layers, config.hidden_size,
      config.intermediate_size, config.num_attention_heads, config.head_dim, config.num_key_value_heads,
      config.vocab_size, config.max_position_embeddings, config.rope_theta,
      config.rope_scaling.factor == 1.0 ? "" : fmt::format(" scaled by {}", config.rope_scaling.factor),
      config.tie_word_embeddings ? "tied" : "separate");
}

std::string describe_file(const std::string& name, std::uint64_t bytes, const std::string& sha256) {
  return fmt::format("file       {:<24} {:>10}  sha256 {}\n", name, format_bytes(bytes), sha256);
}

std::string describe_grid(const WriterGrid& grid) {
  const int files = grid.tp * grid.zero_shards;
  return fmt::format("grid       written by {} tensor-parallel x {} data-parallel rank{}, {}, {} shard file{}\n",
                     grid.tp, grid.dp, grid.tp * grid.dp == 1 ? "" : "s",
                     grid.zero_shards == 1 ? "no ZeRO" : fmt::format("ZeRO over {}", grid.zero_shards), files,
                     files == 1 ? "" : "s");
}

// What the tables of the shards say: they are read, and must cover every parameter.
std::string describe_shards(const ShardReader& reader) {
  std::string text;
  for (const ShardReader::Summary& shard : reader.summaries())
    text += fmt::format("shard      {:<24} {} pieces, {} elements\n", shard.name, shard.pieces, shard.elements);
  for (const auto& [name, shape] : reader.contents().shapes)
    text += fmt::format("parameter  {:<16} {}\n", format_shape(shape), name);
  return text;
}

std::string describe_adapters(const AdapterRecord& adapters) {
  const auto& [options, base] = adapters;
  if (!options.exists()) return "";
  return fmt::format("adapters   rank {}, alpha {}, dropout {}, on {}\nbeside     {}, hash {}\n", options.rank,
                     options.alpha, options.dropout, fmt::join(options.targets, ", "),
                     base.path.empty() ? fmt::format("random weights of seed {}", base.seed) : base.path, base.hash);
}

std::string describe_checkpoint(const fs::path& path) {
  verify(path);
  const ShardReader reader(path);
  const Contents& contents = reader.contents();
  const Progress& progress = contents.manifest.progress;
  std::string text = fmt::format("{}: checkpoint, whole\n", path.string());
  text += fmt::format("stage      {}, step {} of {}, {} samples, {}\n", progress.stage, progress.step,
                      progress.total_steps, progress.samples, progress.complete ? "complete" : "not complete");
  if (progress.best_step > 0)
    text += fmt::format("best       step {} by validation{}\n", progress.best_step,
                        progress.keep_best ? ", kept: the stage's model" : "");
  text += describe_config(contents.manifest.config);
  text += fmt::format("weights    {}, hash {}\n", name_of(contents.dtype), contents.manifest.weights_hash);
  text += describe_adapters(progress.adapters);
  text += fmt::format("optimizer  {}\n", contents.manifest.has_optimizer
                                             ? fmt::format("AdamW moments after {} steps", contents.optimizer_steps)
                                             : "none");
  text += describe_grid(contents.grid);
  text += fmt::format("inputs     hash {}\nrows       hash {}\n", or_none(progress.inputs_hash),
                      or_none(progress.rows_hash));
  for (const auto& [name, record] : contents.files) text += describe_file(name, record.bytes, record.sha256);
  return text + describe_shards(reader);
}

std::string describe_stage(const fs::path& path, const std::vector<StepFolder>& folders) {
  std::string text = fmt::format("{}: checkpoints of a stage, newest first\n", path.string()), newest, failure;
  for (const StepFolder& folder : folders) {
    try {
      const std::string description = describe_checkpoint(folder.path);
      text += fmt::format("{}  whole\n", folder.path.filename().string());
      if (newest.empty()) newest = description;
    } catch (const Error& error) {
      text += fmt::format("{}  broken: {}\n", folder.path.filename().string(), error.what());
      if (failure.empty()) failure = error.what();
    }
  }
  if (newest.empty()) throw_input("{}: every checkpoint is broken (the newest: {})", path.string(), failure);
  return text + newest;
}

std::string describe_tensors(const SafetensorsFile& file) {
  std::string text;
  for (const Tensor& tensor : file.tensors())
    text += fmt::format("tensor     {:<4} {:<16} {}\n", tensor.dtype, format_shape(tensor.shape), tensor.name);
  return text;
}

std::string describe_model(const fs::path& path, const char* form, const model::LlamaConfig& config) {
  const ModelFiles files(path);
  files.check(config);
  std::string text = fmt::format("{}: {} model, all tensors there\n", path.string(), form);
  text += describe_config(config);
  for (const SafetensorsFile& file : files.files())
    text += describe_file(file.path().filename().string(), fs::file_size(file.path()), sha256_file_hex(file.path()));
  for (const SafetensorsFile& file : files.files()) text += describe_tensors(file);
  return text;
}
}  // namespace

std::string describe(const fs::path& path) {
  if (is_file(path)) {
    const SafetensorsFile file(path);
    return fmt::format("{}: safetensors file, whole\n", path.string()) + describe_tensors(file) +
           describe_file(path.filename().string(), fs::file_size(path), sha256_file_hex(path));
  }
  if (is_there(path / kManifestName)) return describe_checkpoint(path);
  if (const auto folders = list_steps(path); !folders.empty()) return describe_stage(path, folders);
  if (is_there(path / "config.json")) return describe_model(path, "Hugging Face", read_hugging_face_config(path));
  if (is_there(path / kMetaParams)) return describe_model(path, "Meta", read_meta_config(path));
  throw_input("{}: neither a checkpoint, a folder of checkpoints, a model's folder nor a safetensors file",
              path.string());
}

}  // namespace recpo::checkpoint
