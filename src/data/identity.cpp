#include "src/data/identity.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "src/data/dataset.hpp"
#include "src/data/prompts.hpp"
#include "src/data/synthetic/world.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr int kDrawVersion = 2;  // raised when the same inputs give other rows

void check_choice(const char* key, const std::string& value, const std::vector<std::string>& choices) {
  if (std::ranges::find(choices, value) == choices.end())
    throw_usage("{} = \"{}\" is none of {}", key, value, fmt::join(choices, ", "));
}

template <class T>
void check_range(const char* key, T value, T low, T high) {
  if (!(value >= low && value <= high)) throw_usage("{} = {} must lie in [{}, {}]", key, value, low, high);
}

// Every option rows depend on; max_eval_rows limits evaluation only, negatives alignment only.
nlohmann::json options_json(const DataOptions& data) {
  return {{"dataset", data.dataset},
          {"k_core_users", data.k_core_users},
          {"k_core_items", data.k_core_items},
          {"min_history", data.min_history},
          {"max_history", data.max_history},
          {"max_train_rows", data.max_train_rows},
          {"candidates", data.candidates},
          {"window", data.window},
          {"tier", data.tier},
          {"positive", data.positive},
          {"liked_rating", data.liked_rating},
          {"latency_unit", data.latency_unit},
          {"default_rating", data.default_rating},
          {"default_latency", data.default_latency},
          {"title_year", data.title_year},
          {"max_title", data.max_title},
          {"max_bad_lines", data.max_bad_lines},
          {"alpha", data.alpha},
          {"adherence_following", data.adherence_following},
          {"adherence_positive", data.adherence_positive}};
}

nlohmann::json synthetic_json(const SyntheticOptions& world) {
  return {{"seed", world.seed},       {"users", world.users},         {"types", world.types},
          {"genres", world.genres},   {"titles", world.titles},       {"shortest", world.shortest},
          {"longest", world.longest}, {"eagerness", world.eagerness}, {"rating_noise", world.rating_noise}};
}

std::vector<fs::path> ready_row_files(const DataOptions& data) {
  std::vector<fs::path> files;
  for (const std::string& file : {data.train, data.valid, data.test})
    if (!file.empty()) files.emplace_back(file);
  if (files.empty()) throw_usage("data.dataset = \"rows\" needs data.train, data.valid or data.test");
  return files;
}
}  // namespace

InputFiles find_inputs(const DataOptions& data, const PromptOptions& prompt) {
  if (data.dataset == "rows") return {ready_row_files(data), {}};
  const Dataset& dataset = find_dataset(data.dataset);
  if (!dataset.has_files()) return {{}, template_file(prompt.templates, dataset.domain)};
  std::error_code error;
  if (!fs::is_directory(data.path, error)) throw_input("data.path = {} is not a folder", data.path);
  return {dataset.find_files(data.path), template_file(prompt.templates, dataset.domain)};
}

void check_options(const DataOptions& data) {
  constexpr std::int64_t kMany = 1000000000;
  check_choice("data.tier", data.tier, {"filtered", "full", "filtered+rating", "full+rating"});
  check_choice("data.positive", data.positive, {"best-utility", "next-liked"});
  check_choice("data.latency_unit", data.latency_unit, {"steps", "days"});
  check_choice("data.adherence_positive", data.adherence_positive, {"nearest", "best-utility"});
  check_range<std::int64_t>("data.k_core_users", data.k_core_users, 0, kMany);
  check_range<std::int64_t>("data.k_core_items", data.k_core_items, 0, kMany);
  check_range<std::int64_t>("data.min_history", data.min_history, 1, kMany);
  check_range<std::int64_t>("data.max_history", data.max_history, 1, kMany);
  check_range<std::int64_t>("data.max_train_rows", data.max_train_rows, 0, kMany);
  check_range<std::int64_t>("data.max_eval_rows", data.max_eval_rows, 0, kMany);
  check_range<std::int64_t>("data.candidates", data.candidates, 2, 10000);
  check_range<std::int64_t>("data.window", data.window, 1, kMany);
  check_range<std::int64_t>("data.negatives", data.negatives, 1, kMany);
  check_range<std::int64_t>("data.adherence_following", data.adherence_following, 2, kMany);
  check_range<std::int64_t>("data.max_title", data.max_title, 0, kMany);
  check_range("data.max_bad_lines", data.max_bad_lines, 0.0, 1.0);
  check_range("data.liked_rating", data.liked_rating, 0.0, 1e9);
  check_range("data.default_rating", data.default_rating, 1e-9, 1e9);
  check_range("data.default_latency", data.default_latency, 1e-9, 1e9);
  check_range("align.alpha", data.alpha, 0.0, 100.0);
  if (data.dataset == "synthetic") check_synthetic(data.synthetic);
  if (data.negatives >= data.candidates)
    throw_usage(
        "data.negatives = {} must be smaller than data.candidates = {}: negatives are drawn from the other "
        "candidates",
        data.negatives, data.candidates);
  if (data.adherence_following > data.candidates)
    throw_usage("data.adherence_following = {} must not be larger than data.candidates = {}", data.adherence_following,
                data.candidates);
}

std::string drawn_hash(const DataOptions& data, const InputFiles& inputs, std::uint64_t seed) {
  nlohmann::json identity = {{"version", kDrawVersion}, {"seed", seed}, {"options", options_json(data)}};
  for (const fs::path& path : inputs.raw)
    identity["files"].push_back({path.filename().string(), sha256_file_hex(path)});
  if (data.dataset == "synthetic") identity["synthetic"] = synthetic_json(data.synthetic);
  // Which split a file of ready rows is for.
  if (data.dataset == "rows") identity["splits"] = {!data.train.empty(), !data.valid.empty(), !data.test.empty()};
  if (!inputs.templates.empty()) identity["templates"] = sha256_file_hex(inputs.templates);
  return sha256_hex(identity.dump());
}

std::string tokenized_hash(const std::string& drawn_hash, const std::string& tokenizer_hash,
                           const TokenOptions& options) {
  const nlohmann::json identity = {{"drawn", drawn_hash},
                                   {"tokenizer", tokenizer_hash},
                                   {"max_tokens", options.max_tokens},
                                   {"end_id", options.end_id}};
  return sha256_hex(identity.dump());
}

std::string rows_identity(const DataOptions& data, const PromptOptions& prompt, std::uint64_t seed,
                          const std::string& tokenizer_hash, const TokenOptions& options) {
  check_options(data);
  return tokenized_hash(drawn_hash(data, find_inputs(data, prompt), seed), tokenizer_hash, options);
}

}  // namespace recpo::data
