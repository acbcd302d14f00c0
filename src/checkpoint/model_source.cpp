#include "src/checkpoint/model_source.hpp"

#include <algorithm>

#include "src/checkpoint/hashing.hpp"
#include "src/checkpoint/hugging_face.hpp"
#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/meta_folder.hpp"
#include "src/checkpoint/model_files.hpp"
#include "src/parallel/collective_try.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/json.hpp"
#include "src/support/log.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr char kIsFolder = 'f', kHasManifest = 'm', kHasConfig = 'c', kHasParams = 'p';

std::string look_at(const fs::path& path) {
  if (!is_folder(path)) return "";
  std::string seen(1, kIsFolder);
  if (is_there(path / kManifestName)) seen += kHasManifest;
  if (has_name(path / "config.json")) seen += kHasConfig;  // a link that leads nowhere: opening it says so
  if (has_name(path / kMetaParams)) seen += kHasParams;
  return seen;
}

bool sees(const std::string& seen, char what) { return seen.find(what) != std::string::npos; }

ModelSource native_source(const fs::path& checkpoint) {
  const Manifest manifest = read_contents(checkpoint).manifest;
  return {ModelSource::Kind::kNative, checkpoint, manifest.config, manifest.progress.adapters};
}

ModelSource open_native(const fs::path& checkpoint, parallel::Communicator& ranks) {
  verify(checkpoint, ranks);
  return native_source(checkpoint);
}

ModelSource open_base(const ModelSource& source) {
  try {
    return open_model(source.adapters.base.path);
  } catch (const Error& error) {
    throw_input("{}: the model beside which its adapters stand is not there: {}", source.path.string(), error.what());
  }
}

// How the model that the store holds a part of was cut.
template <class T>
model::Shard shard_of(const model::ParameterStore<T>& store) {
  const model::Parameter& query = store.parameters()[store.index("model.layers.0.self_attn.q_proj.weight")];
  return {static_cast<int>(query.row_begin / query.rows()), static_cast<int>(query.global_rows() / query.rows())};
}

template <class T>
void load_source(const ModelSource& source, model::ParameterStore<T>& store, int depth);

// `depth`: how many adapters stand on these, into whose base they are merged then, regardless of the store's own.
template <class T>
void load_adapters(const ModelSource& source, model::ParameterStore<T>& store, int depth) {
  constexpr int kMaxBases = 16;
  if (depth == kMaxBases)
    throw_input("{}: adapters beside adapters beside adapters, {} deep: is one of them its own base?",
                source.path.string(), depth);
  const AdapterRecord& adapters = source.adapters;
  if (adapters.base.path.empty()) {
    model::initialize_weights<T>(source.config, adapters.base.seed, store);
  } else {
    load_source<T>(open_base(source), store, depth + 1);
  }
  if (depth == 0 && store.adapters() && same_adapters(store.adapters()->options, adapters.options))
    return load_weights<T>(source.path, store.adapters()->store);
  const std::shared_ptr<model::Adapters<T>> carried = store.adapters();
  store.attach_adapters(std::make_shared<model::Adapters<T>>(source.config, adapters.options, shard_of(store),
                                                             model::GradientMemory::kNone));
  load_weights<T>(source.path, store.adapters()->store);
  model::merge_adapters(source.config, store);
  store.attach_adapters(carried);
}

template <class T>
void load_source(const ModelSource& source, model::ParameterStore<T>& store, int depth) {
  if (source.adapters.options.exists()) return load_adapters(source, store, depth);
  if (source.kind == ModelSource::Kind::kNative) return load_weights(source.path, store);
  load_hugging_face_weights(source.path, source.config, store);
}

// Shapes are compared with config.json here, before memory is allocated by it.
ModelSource open_folder(ModelSource::Kind kind, const fs::path& folder) {
  const ModelFiles files(folder);
  ModelSource source{kind, folder, {}, {}};
  source.config = kind == ModelSource::Kind::kMeta ? read_meta_config(folder) : read_hugging_face_config(folder);
  files.check(source.config);
  source.config.dtype = files.dtype(source.config);  // of the tensors: config.json may say another
  return source;
}
}  // namespace

ModelSource open_model(const fs::path& path, parallel::Communicator& ranks) {
  const std::string seen = parallel::collective_gather(ranks, [&] { return look_at(path); }).front();  // by rank 0
  if (!sees(seen, kIsFolder)) throw_input("model {}: there is no such folder", path.string());
  if (sees(seen, kHasManifest)) return open_native(path, ranks);
  if (const auto checkpoint = find_model(path, ranks)) return native_source(*checkpoint);
  if (sees(seen, kHasConfig)) return open_folder(ModelSource::Kind::kHuggingFace, path);
  if (sees(seen, kHasParams)) return open_folder(ModelSource::Kind::kMeta, path);
  throw_input(
      "model {}: there is neither {} (a checkpoint), nor a folder step_N (a stage's checkpoints), nor config.json (a "
      "Hugging Face model), nor {} (a model in Meta's form)",
      path.string(), kManifestName, kMetaParams);
}

ModelSource open_model(const fs::path& path) {
  parallel::SerialCommunicator alone;
  return open_model(path, alone);
}

text::Tokenizer read_tokenizer(const ModelSource& source) {
  text::Tokenizer tokenizer =
      source.kind == ModelSource::Kind::kNative ? read_tokenizer(source.path) : text::Tokenizer::load(source.path);
  if (tokenizer.vocab_size() > source.config.vocab_size)
    throw_input("{}: {} has {} tokens, the model's vocab_size is {}: they do not belong together", source.path.string(),
                tokenizer.file_name(), tokenizer.vocab_size(), source.config.vocab_size);
  return tokenizer;
}

Dtype lossless_dtype(const ModelSource& source) {
  if (source.kind != ModelSource::Kind::kNative) return source.config.dtype;
  const Contents contents = read_contents(source.path);
  if (contents.manifest.progress.stage == kImportStage) return source.config.dtype;
  return contents.dtype == Dtype::kBfloat16 ? Dtype::kBfloat16 : Dtype::kFloat32;
}

namespace {
constexpr std::uint64_t kLargestAuxiliaryFile = std::uint64_t{1} << 22;
constexpr const char* kNames[] = {"generation_config.json", "tokenizer_config.json", "special_tokens_map.json",
                                  "chat_template.jinja", "chat_template.json"};

AuxiliaryFiles read_folder(const fs::path& folder) {
  AuxiliaryFiles auxiliary;
  for (const char* name : kNames) {
    const fs::path path = folder / name;
    if (!has_name(path)) continue;
    std::string text = read_file(path, kLargestAuxiliaryFile);
    if (path.extension() == ".json") parse_json(text, path.string());
    auxiliary[name] = std::move(text);
  }
  return auxiliary;
}
}  // namespace

AuxiliaryFiles read_auxiliary_files(const ModelSource& source) {
  if (source.kind != ModelSource::Kind::kNative) return read_folder(source.path);
  const Contents contents = read_contents(source.path);
  AuxiliaryFiles auxiliary;
  for (const char* name : kNames)
    if (contents.files.contains(name)) auxiliary[name] = read_checked(source.path, contents, name);
  return auxiliary;
}

bool same_adapters(const model::LoraOptions& a, const model::LoraOptions& b) {
  model::LoraOptions other = b;
  other.dropout = a.dropout;
  if (std::ranges::is_permutation(a.targets, b.targets)) other.targets = a.targets;  // the order says nothing
  return a == other;
}

void check_base(const ModelSource& source) {
  const AdapterBase& base = source.adapters.base;
  if (!source.adapters.options.exists() || base.path.empty()) return;
  const ModelSource beside = open_base(source);
  if (model_hash(beside) != base.hash)
    throw_input("{}: {} is not the model beside which these adapters were trained (its weights or config differ)",
                source.path.string(), base.path);
  check_base(beside);  // of which the hash holds only what it was trained beside
}

template <class T>
void load_weights(const ModelSource& source, model::ParameterStore<T>& store) {
  load_source(source, store, 0);
}

std::string model_hash(const ModelSource& source) {
  Sha256 hash;
  if (source.kind == ModelSource::Kind::kNative) {
    const Manifest manifest = read_contents(source.path).manifest;
    hash.update(manifest.weights_hash +
                model::to_json(manifest.config, Dtype::kFloat32));  // the same weights in any type
    if (source.adapters.options.exists())
      hash.update(fmt::format("{} {} {}", source.adapters.base.hash, source.adapters.base.seed,
                              source.adapters.options.scale()));
    return hash.hex();
  }
  const ModelFiles files(source.path);
  std::int64_t bytes = 0;
  for (const SafetensorsFile& file : files.files()) bytes += static_cast<std::int64_t>(fs::file_size(file.path()));
  ByteProgress progress("hash " + source.path.string(), bytes);
  hash.update(sha256_file_hex(source.path / (files.is_meta() ? kMetaParams : "config.json")));
  for (const SafetensorsFile& file : files.files()) hash.update(hash_file(file.path(), progress));
  return hash.hex();
}

#define RECPO_INSTANTIATE(T) template void load_weights<T>(const ModelSource&, model::ParameterStore<T>&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::checkpoint
