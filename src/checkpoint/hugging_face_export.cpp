#include <nlohmann/json.hpp>

#include "src/checkpoint/hugging_face.hpp"
#include "src/checkpoint/new_folder.hpp"
#include "src/checkpoint/pieces.hpp"
#include "src/checkpoint/safetensors.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
using Shard = std::vector<model::Parameter>;

// In storage order, a new shard whenever the next parameter would pass the limit (a larger one stands alone).
std::vector<Shard> cut_into_shards(const std::vector<model::Parameter>& parameters, int element_bytes,
                                   std::int64_t shard_bytes) {
  std::vector<Shard> shards(1);
  std::int64_t bytes = 0;
  for (const model::Parameter& parameter : parameters) {
    const std::int64_t more = parameter.size() * element_bytes;
    if (!shards.back().empty() && bytes + more > shard_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().push_back(parameter);
    bytes += more;
  }
  return shards;
}

std::string shard_name(std::size_t index, std::size_t count) {
  return count == 1 ? "model.safetensors" : fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

template <class T>
void write_shard(const fs::path& path, const Shard& shard, const ElementType& type,
                 const model::ParameterStore<T>& store, recpo::Progress& progress) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> tensors;
  for (const model::Parameter& parameter : shard) tensors.emplace_back(parameter.name, parameter.shape);
  SafetensorsWriter writer(path, type, tensors);
  for (const model::Parameter& parameter : shard) {
    read_pieces(valid_part(store.weights(), parameter), [&](std::int64_t, std::span<const T> piece) {
      writer.append(piece);
      progress.advance(static_cast<std::int64_t>(piece.size()));
    });
  }
  writer.close();
}

std::string index_text(const std::vector<Shard>& shards, int element_bytes) {
  nlohmann::ordered_json map;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    for (const model::Parameter& parameter : shards[i]) {
      map[parameter.name] = shard_name(i, shards.size());
      bytes += parameter.size() * element_bytes;
    }
  }
  return nlohmann::ordered_json{{"metadata", {{"total_size", bytes}}}, {"weight_map", map}}.dump(2) + "\n";
}

void write_tokenizer(const fs::path& folder, const text::Tokenizer& tokenizer, const Companions& companions) {
  write_file(folder / tokenizer.file_name(), tokenizer.file_content());
  for (const auto& [name, content] : companions) write_file(folder / name, content);
  // Without it Transformers would take model_type's own tokenizer class, which need not be this file's.
  if (tokenizer.file_name() == "tokenizer.json" && !companions.contains("tokenizer_config.json"))
    write_file(folder / "tokenizer_config.json", "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}\n");
}

// A configuration without token ids (Meta's) takes the tokenizer's, by which others know where to stop.
std::string config_text(model::LlamaConfig config, const text::Tokenizer& tokenizer, const std::string& dtype) {
  if (config.bos_token_id < 0) config.bos_token_id = tokenizer.begin_id();
  if (config.eos_token_id < 0) config.eos_token_id = tokenizer.end_id();
  return model::to_json(config, dtype);
}
}  // namespace

template <class T>
void export_hugging_face(const fs::path& folder, const model::LlamaConfig& config,
                         const model::ParameterStore<T>& store, const text::Tokenizer& tokenizer,
                         const std::string& dtype, std::int64_t shard_bytes, const Companions& companions) {
  for (const model::Parameter& parameter : store.parameters())
    RECPO_REQUIRE(parameter.size() == parameter.global_size());
  const ElementType type = element_type(dtype);
  write_new_folder(folder, [&](const fs::path& temporary) {
    const std::vector<Shard> shards = cut_into_shards(store.parameters(), type.bytes, shard_bytes);
    recpo::Progress progress("export " + folder.string(), config.num_parameters(), "weights");
    for (std::size_t i = 0; i < shards.size(); ++i)
      write_shard(temporary / shard_name(i, shards.size()), shards[i], type, store, progress);
    if (shards.size() > 1) write_file(temporary / "model.safetensors.index.json", index_text(shards, type.bytes));
    write_file(temporary / "config.json", config_text(config, tokenizer, dtype));
    write_tokenizer(temporary, tokenizer, companions);
  });
}

#define RECPO_INSTANTIATE(T)                                                                                        \
  template void export_hugging_face<T>(const std::filesystem::path&, const model::LlamaConfig&,                     \
                                       const model::ParameterStore<T>&, const text::Tokenizer&, const std::string&, \
                                       std::int64_t, const Companions&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
