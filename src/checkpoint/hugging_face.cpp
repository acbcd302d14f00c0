#include "src/checkpoint/hugging_face.hpp"

#include <nlohmann/json.hpp>

#include "src/checkpoint/host_staging.hpp"
#include "src/checkpoint/meta_folder.hpp"
#include "src/checkpoint/model_files.hpp"
#include "src/checkpoint/shard_table.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"
#include "src/support/units.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t kLargestConfig = std::uint64_t{1} << 20;

// Row by row where the store holds only some columns, or where the file has the rows in another order.
template <class T>
void read_range(const ModelFiles::Found& found, std::int64_t head_dim, const Range& range, std::span<T> values) {
  const std::int64_t columns = found.tensor->shape.back();
  if (range.columns == columns && !found.meta_rows)
    return found.file->read(*found.tensor, range.row_begin * columns + range.begin, values);
  for (const Rectangle& part : rectangles_of(range)) {
    if (part.empty()) continue;
    for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
      const std::int64_t file_row = found.meta_rows ? meta_row(row, head_dim) : row;
      found.file->read(*found.tensor, file_row * columns + part.column_begin,
                       values.subspan(static_cast<std::size_t>(range.place(row, part.column_begin)),
                                      static_cast<std::size_t>(part.columns())));
    }
  }
}

// The part of a parameter that the store holds; returns the bytes it has in the file.
template <class T>
std::int64_t load_parameter(const ModelFiles::Found& found, const model::LlamaConfig& config,
                            const model::Parameter& parameter, const model::ParameterStore<T>& store) {
  const Range held = valid_range(parameter, 0, parameter.size());
  write_pieces(valid_part(store.weights(), parameter), [&](std::int64_t begin, std::span<T> piece) {
    read_range(found, config.head_dim, held.part(begin, static_cast<std::int64_t>(piece.size())), piece);
    found.file->release(*found.tensor);
  });
  return held.count * element_bytes(found.tensor->dtype);
}
}  // namespace

model::LlamaConfig read_hugging_face_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  return model::parse_config(read_file(path, kLargestConfig), path.string());
}

model::LlamaConfig read_meta_config(const fs::path& folder) {
  const fs::path path = folder / kMetaParams;
  model::LlamaConfig config = parse_meta_params(read_file(path, kLargestConfig), path.string());
  const ModelFiles files(folder);
  config.tie_word_embeddings = files.find_tensor("output.weight") == nullptr;
  const Tensor* embedding = files.find_tensor("tok_embeddings.weight");
  if (config.vocab_size > 0) return config;
  const bool fits = embedding != nullptr && embedding->shape.size() == 2 && embedding->shape[0] > 0;
  if (!fits) throw_input("{}: vocab_size is missing, and no tensor tok_embeddings.weight tells it", path.string());
  config.vocab_size = embedding->shape[0];
  return config;
}

template <class T>
void load_hugging_face_weights(const fs::path& folder, const model::LlamaConfig& config,
                               model::ParameterStore<T>& store) {
  const auto start = Clock::now();
  const ModelFiles files(folder);
  files.check(config);
  recpo::Progress progress("load " + folder.string(), store.size(), "weights");
  std::int64_t bytes = 0;
  for (const model::Parameter& parameter : store.parameters()) {
    bytes += load_parameter(files.find(parameter), config, parameter, store);
    progress.advance(parameter.size());
  }
  const double seconds = seconds_since(start);
  log::info("load: {} of {} in {:.2f} s, {:.2f} GB/s", format_bytes(bytes), folder.string(), seconds,
            static_cast<double>(bytes) / 1e9 / seconds);
}

RECPO_INSTANTIATE_STORAGE(load_hugging_face_weights);

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
void write_tensor_shard(const fs::path& path, const Shard& shard, Dtype dtype, const model::ParameterStore<T>& store,
                        recpo::Progress& progress) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> tensors;
  for (const model::Parameter& parameter : shard) tensors.emplace_back(parameter.name, parameter.shape);
  SafetensorsWriter writer(path, dtype, tensors);
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

void write_tokenizer(const fs::path& folder, const text::Tokenizer& tokenizer, const AuxiliaryFiles& auxiliary) {
  write_file(folder / tokenizer.file_name(), tokenizer.file_content());
  for (const auto& [name, content] : auxiliary) write_file(folder / name, content);
  // Without it Transformers would take model_type's own tokenizer class, which need not be this file's.
  if (tokenizer.file_name() == "tokenizer.json" && !auxiliary.contains("tokenizer_config.json"))
    write_file(folder / "tokenizer_config.json", "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}\n");
}

// A configuration without token ids (Meta's) takes the tokenizer's, by which others know where to stop.
std::string config_text(model::LlamaConfig config, const text::Tokenizer& tokenizer, Dtype dtype) {
  if (config.bos_token_id < 0) config.bos_token_id = tokenizer.begin_id();
  if (config.eos_token_id < 0) config.eos_token_id = tokenizer.end_id();
  return model::to_json(config, dtype);
}
}  // namespace

template <class T>
void export_hugging_face(const fs::path& folder, const model::LlamaConfig& config,
                         const model::ParameterStore<T>& store, const text::Tokenizer& tokenizer, Dtype dtype,
                         std::int64_t shard_bytes, const AuxiliaryFiles& auxiliary) {
  for (const model::Parameter& parameter : store.parameters())
    RECPO_REQUIRE(parameter.size() == parameter.global_size());
  const int element = element_bytes(format_name(dtype));
  write_atomic_dir(folder, [&](const fs::path& temporary) {
    const std::vector<Shard> shards = cut_into_shards(store.parameters(), element, shard_bytes);
    recpo::Progress progress("export " + folder.string(), config.num_parameters(), "weights");
    for (std::size_t i = 0; i < shards.size(); ++i)
      write_tensor_shard(temporary / shard_name(i, shards.size()), shards[i], dtype, store, progress);
    if (shards.size() > 1) write_file(temporary / "model.safetensors.index.json", index_text(shards, element));
    write_file(temporary / "config.json", config_text(config, tokenizer, dtype));
    write_tokenizer(temporary, tokenizer, auxiliary);
  });
}

RECPO_INSTANTIATE_STORAGE(export_hugging_face);

namespace {

std::string config_text(const model::LoraOptions& options, const std::string& base) {
  nlohmann::ordered_json modules = nlohmann::ordered_json::array();
  for (std::size_t p = 0; p < model::kProjections; ++p) {
    const auto projection = static_cast<model::Projection>(p);
    const std::string name = model::module_name(projection);  // "self_attn.q_proj"
    if (options.has(projection)) modules.push_back(name.substr(name.find('.') + 1));
  }
  return nlohmann::ordered_json{{"peft_type", "LORA"},
                                {"task_type", "CAUSAL_LM"},
                                {"base_model_name_or_path", base},
                                {"r", options.rank},
                                {"lora_alpha", options.alpha},
                                {"lora_dropout", options.dropout},
                                {"target_modules", modules},
                                {"bias", "none"},
                                {"fan_in_fan_out", false},
                                {"inference_mode", true}}
             .dump(2) +
         "\n";
}

}  // namespace

template <class T>
void export_peft(const std::filesystem::path& folder, const model::Adapters<T>& adapters, const std::string& base,
                 Dtype dtype) {
  const model::ParameterStore<T>& store = adapters.store;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> tensors;
  for (const model::Parameter& parameter : store.parameters()) {
    RECPO_REQUIRE(parameter.size() == parameter.global_size());
    tensors.emplace_back("base_model.model." + parameter.name, parameter.shape);
  }
  write_atomic_dir(folder, [&](const std::filesystem::path& temporary) {
    SafetensorsWriter writer(temporary / "adapter_model.safetensors", dtype, tensors);
    for (const model::Parameter& parameter : store.parameters())
      read_pieces(valid_part(store.weights(), parameter),
                  [&](std::int64_t, std::span<const T> piece) { writer.append(piece); });
    writer.close();
    write_file(temporary / "adapter_config.json", config_text(adapters.options, base));
  });
}

RECPO_INSTANTIATE_STORAGE(export_peft);

}  // namespace recpo::checkpoint
