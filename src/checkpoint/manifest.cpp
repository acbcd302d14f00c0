#include "src/checkpoint/manifest.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "src/checkpoint/hashing.hpp"
#include "src/checkpoint/shard_table.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/json.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::string_view kFormat = "recpo checkpoint";
constexpr std::int64_t kVersion = 2;
constexpr std::uint64_t kLargestManifest = std::uint64_t{1} << 24;
constexpr std::size_t kHashDigits = 64;
constexpr std::int64_t kMaxRanks = 1 << 12;  // along either axis
constexpr const char* kOwnHash = "manifest_sha256";

bool is_hash(const std::string& text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// The hash of the text itself, with zeros where it stands; empty where it does not stand there digit by digit.
std::string own_hash(std::string text, const std::string& hash) {
  const std::size_t place = text.find(hash);
  if (place == std::string::npos) return "";
  return sha256_hex(text.replace(place, kHashDigits, std::string(kHashDigits, '0')));
}

std::string checked_hash(const JsonObject& json, const std::string& key, std::size_t digits = kHashDigits) {
  const std::string hash = json.text(key);
  if (!is_hash(hash, digits)) throw_input("{}: {} must be {} hexadecimal digits", json.source(), key, digits);
  return hash;
}

Progress parse_progress(const JsonObject& json) {
  Progress progress;
  progress.stage = json.text("stage");
  progress.step = json.integer("step", 0, INT64_MAX);
  progress.samples = json.integer("samples", 0, INT64_MAX);
  progress.total_steps = json.integer("total_steps", 0, INT64_MAX);
  progress.complete = json.boolean("complete");
  progress.inputs_hash = json.text("inputs_hash");
  progress.rows_hash = json.text("rows_hash");
  progress.extra = json.text("extra");
  if (json.has("best")) {
    const JsonObject best = json.object("best");
    progress.best_step = best.integer("step", 1, progress.step);
    progress.keep_best = best.boolean("kept");
  }
  return progress;
}

std::map<std::string, FileRecord> parse_files(const JsonObject& json) {
  std::map<std::string, FileRecord> files;
  for (const auto& [name, value] : json.value().items()) {
    if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos)
      throw_input("{}: \"{}\" must be the name of a file in this folder", json.source(), name);
    const JsonObject record = json.object(name);
    files[name] = {static_cast<std::uint64_t>(record.integer("bytes", 0, INT64_MAX)), checked_hash(record, "sha256")};
  }
  return files;
}

std::map<std::string, std::vector<std::int64_t>> parse_shapes(const JsonObject& json) {
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& [name, extents] : json.value().items()) {
    const bool fits = extents.is_array() && (extents.size() == 1 || extents.size() == 2) &&
                      std::ranges::all_of(extents, [](const nlohmann::json& extent) {
                        return extent.is_number_integer() && extent > 0 && extent <= INT32_MAX;
                      });
    if (!fits) throw_input("{}: {} must be a list of one or two positive whole numbers", json.source(), name);
    shapes[name] = extents.get<std::vector<std::int64_t>>();
  }
  return shapes;
}

WriterGrid parse_grid(const JsonObject& json) {
  WriterGrid grid;
  grid.tp = static_cast<int>(json.integer("tp", 1, kMaxRanks));
  grid.dp = static_cast<int>(json.integer("dp", 1, kMaxRanks));
  grid.zero_shards = static_cast<int>(json.integer("zero_shards", 1, grid.dp));
  if (grid.zero_shards != 1 && grid.zero_shards != grid.dp)
    throw_input("{}: zero_shards must be 1 or dp", json.source());
  return grid;
}

nlohmann::ordered_json format_adapters(const AdapterRecord& adapters) {
  const auto& [options, base] = adapters;
  return {{"rank", options.rank},
          {"alpha", options.alpha},
          {"dropout", options.dropout},
          {"targets", options.targets},
          {"base_path", base.path},
          {"base_hash", base.hash},
          {"base_seed", static_cast<std::int64_t>(base.seed)}};
}

std::vector<std::string> parse_targets(const JsonObject& json) {
  const std::vector<std::string> known = model::LoraOptions().targets;
  std::vector<std::string> targets;
  const nlohmann::json& list = json.at("targets");
  if (!list.is_array() || list.empty()) throw_input("{}: targets must be a list of projections", json.source());
  for (const nlohmann::json& target : list) {
    const std::string name = target.is_string() ? target.get<std::string>() : "";
    if (std::ranges::find(known, name) == known.end() || std::ranges::find(targets, name) != targets.end())
      throw_input("{}: targets: {} must be one of {}, once", json.source(), target.dump(), fmt::join(known, ", "));
    targets.push_back(name);
  }
  return targets;
}

AdapterRecord parse_adapters(const JsonObject& json) {
  constexpr std::int64_t kLargestRank = 1 << 16;
  constexpr double kLargestAlpha = 1e9;
  AdapterRecord adapters;
  adapters.options.rank = json.integer("rank", 1, kLargestRank);
  adapters.options.alpha = json.real("alpha", 0, kLargestAlpha);
  if (adapters.options.alpha == 0) throw_input("{}: alpha must be above 0", json.source());
  adapters.options.dropout = json.real("dropout", 0, 1);
  if (adapters.options.dropout == 1) throw_input("{}: dropout must be below 1", json.source());
  adapters.options.targets = parse_targets(json);
  adapters.base.path = json.text("base_path");
  adapters.base.hash = json.text("base_hash");
  adapters.base.seed = static_cast<std::uint64_t>(json.integer("base_seed", INT64_MIN, INT64_MAX));
  return adapters;
}

// The listed parameters are those of such adapters, so that nothing is allocated by the record alone.
void check_adapters(const Contents& contents, const std::string& source) {
  const model::LoraOptions& options = contents.manifest.progress.adapters.options;
  if (!options.exists()) return;
  std::size_t expected = 0;
  for (const model::Parameter& parameter : model::adapter_parameters(contents.manifest.config, options)) {
    const auto listed = contents.shapes.find(parameter.name);
    if (listed == contents.shapes.end() || listed->second != parameter.shape)
      throw_input("{}: adapters: {} of shape [{}] is not listed", source, parameter.name,
                  fmt::join(parameter.shape, ", "));
    ++expected;
  }
  if (contents.shapes.size() != expected)
    throw_input("{}: adapters: {} parameters are listed beside lora_A and lora_B of the targets", source,
                contents.shapes.size() - expected);
}

// No more names than the manifest itself lists.
void check_grid(const Contents& contents, const std::string& source) {
  const auto shards = static_cast<std::size_t>(contents.grid.tp) * static_cast<std::size_t>(contents.grid.zero_shards);
  if (shards > contents.files.size())
    throw_input("{}: grid: {} x {} shards, but {} files are listed", source, contents.grid.tp,
                contents.grid.zero_shards, contents.files.size());
}

// A model is as large as its files, so that no memory is taken by config alone. Adapters are checked above.
void check_model_size(const Contents& contents, const std::string& source) {
  if (contents.manifest.progress.adapters.options.exists()) return;
  double listed = 0;  // exact up to 2^53, and no overflow beyond
  for (const auto& [name, shape] : contents.shapes)
    listed += std::accumulate(shape.begin(), shape.end(), 1.0, std::multiplies<>());
  if (const auto described = static_cast<double>(contents.manifest.config.num_parameters()); listed != described)
    throw_input("{}: parameters have {} elements, the model of config {}", source, listed, described);
  const double element_bytes = contents.dtype == Dtype::kFloat64 ? 8 : contents.dtype == Dtype::kFloat32 ? 4 : 2;
  double bytes = 0;
  for (const std::string& name : contents.shard_names()) bytes += static_cast<double>(contents.files.at(name).bytes);
  if (bytes < element_bytes * listed)
    throw_input("{}: files: the shards have {} bytes, {} elements in {} need {}", source, bytes, listed,
                name_of(contents.dtype), element_bytes * listed);
}

void require_file(const Contents& contents, const std::string& name, const std::string& source) {
  if (!contents.files.contains(name)) throw_input("{}: files: {} is missing", source, name);
}
}  // namespace

std::vector<std::string> Contents::shard_names() const {
  std::vector<std::string> names;
  for (int tp = 0; tp < grid.tp; ++tp)
    for (int dp = 0; dp < grid.zero_shards; ++dp) names.push_back(shard_name(tp, dp));
  return names;
}

std::string format_contents(const Contents& contents) {
  const Progress& progress = contents.manifest.progress;
  const std::string zeros(kHashDigits, '0');
  nlohmann::ordered_json json = {{kOwnHash, zeros},
                                 {"format", kFormat},
                                 {"version", kVersion},
                                 {"stage", progress.stage},
                                 {"step", progress.step},
                                 {"samples", progress.samples},
                                 {"total_steps", progress.total_steps},
                                 {"complete", progress.complete},
                                 {"inputs_hash", progress.inputs_hash},
                                 {"rows_hash", progress.rows_hash},
                                 {"extra", progress.extra},
                                 {"has_optimizer", contents.manifest.has_optimizer},
                                 {"optimizer_steps", contents.optimizer_steps},
                                 {"weights_hash", contents.manifest.weights_hash},
                                 {"dtype", name_of(contents.dtype)},
                                 {"tokenizer", contents.tokenizer_name}};
  if (progress.best_step > 0) json["best"] = {{"step", progress.best_step}, {"kept", progress.keep_best}};
  json["config"] = nlohmann::ordered_json::parse(model::to_json(contents.manifest.config));
  if (progress.adapters.options.exists()) json["adapters"] = format_adapters(progress.adapters);
  json["grid"] = {{"tp", contents.grid.tp}, {"dp", contents.grid.dp}, {"zero_shards", contents.grid.zero_shards}};
  json["files"] = nlohmann::ordered_json::object();
  for (const auto& [name, record] : contents.files)
    json["files"][name] = {{"bytes", record.bytes}, {"sha256", record.sha256}};
  json["parameters"] = contents.shapes;
  std::string text = json.dump(1) + "\n";
  return text.replace(text.find(zeros), kHashDigits, sha256_hex(text));
}

Contents parse_contents(const std::string& text, const std::string& source) {
  const nlohmann::json parsed = parse_json(text, source);
  const JsonObject json(parsed, source);
  const std::string hash = checked_hash(json, kOwnHash);
  if (own_hash(text, hash) != hash) throw_input("{}: damaged, its text does not match its {}", source, kOwnHash);
  if (json.text("format") != kFormat) throw_input("{}: format must be \"{}\"", source, kFormat);
  const std::int64_t version = json.integer("version", 1, INT32_MAX);
  if (version != kVersion)
    throw_input(
        "{}: a checkpoint of format version {}; this program reads version {} only, so use the program that "
        "wrote it (and its command export to take the weights along)",
        source, version, kVersion);
  Contents contents;
  contents.manifest.progress = parse_progress(json);
  contents.manifest.has_optimizer = json.boolean("has_optimizer");
  contents.manifest.weights_hash = checked_hash(json, "weights_hash", Fingerprint::kDigits);
  contents.optimizer_steps = json.integer("optimizer_steps", 0, INT64_MAX);
  contents.grid = parse_grid(json.object("grid"));
  contents.manifest.config = model::parse_config(json.at("config").dump(), source + ": config");
  if (json.has("adapters")) contents.manifest.progress.adapters = parse_adapters(json.object("adapters"));
  const auto dtype = find_value<Dtype>(json.text("dtype"));
  if (!dtype || dtype == Dtype::kFloat16) throw_input("{}: dtype must be float32, float64 or bfloat16", source);
  contents.dtype = *dtype;
  contents.tokenizer_name = json.text("tokenizer");
  contents.shapes = parse_shapes(json.object("parameters"));
  check_adapters(contents, source);
  contents.files = parse_files(json.object("files"));
  check_grid(contents, source);
  for (const std::string& name : contents.shard_names()) require_file(contents, name, source);
  check_model_size(contents, source);
  require_file(contents, kDeckName, source);
  require_file(contents, contents.tokenizer_name, source);
  return contents;
}

Contents read_contents(const fs::path& checkpoint) {
  const fs::path path = checkpoint / kManifestName;
  return parse_contents(read_file(path, kLargestManifest), path.string());
}

void check_size(const fs::path& checkpoint, const std::string& name, const FileRecord& record) {
  const fs::path path = checkpoint / name;
  if (!is_file(path)) throw_input("{} is missing or not a regular file", path.string());
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error || bytes != record.bytes)
    throw_input("{}: {} bytes, {} says {}", path.string(), bytes, kManifestName, record.bytes);
}

void check_hash(const fs::path& checkpoint, const std::string& name, const FileRecord& record, ByteProgress& progress) {
  const fs::path path = checkpoint / name;
  if (hash_file(path, progress) != record.sha256)
    throw_input("{}: damaged, its SHA-256 is not the one in {}", path.string(), kManifestName);
}

std::string read_checked(const fs::path& checkpoint, const Contents& contents, const std::string& name) {
  const FileRecord& record = contents.files.at(name);
  check_size(checkpoint, name, record);
  std::string text = read_file(checkpoint / name);
  if (sha256_hex(text) != record.sha256)
    throw_input("{}: damaged, its SHA-256 is not the one in {}", (checkpoint / name).string(), kManifestName);
  return text;
}

}  // namespace recpo::checkpoint
