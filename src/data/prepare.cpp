#include "src/data/prepare.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/data/dataset.hpp"
#include "src/data/lines.hpp"
#include "src/data/prompts.hpp"
#include "src/data/questions.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::data {
namespace {
using Json = nlohmann::ordered_json;

Json counts_json(const Ratings& ratings) {
  const Counts counts = count(ratings);
  return {{"users", counts.users}, {"items", counts.items}, {"interactions", counts.interactions}};
}

void log_counts(const char* when, const Json& counts) {
  log::info("{}: {} users, {} items, {} interactions", when, counts["users"].get<std::int64_t>(),
            counts["items"].get<std::int64_t>(), counts["interactions"].get<std::int64_t>());
}

Ratings import_ratings(const DataOptions& options, const InputFiles& inputs, Json& summary) {
  ImportReport report;
  RatingsBuilder builder(options.title_year, options.max_title);
  const Dataset& dataset = find_dataset(options.dataset);
  if (dataset.generate == nullptr) {
    dataset.import(inputs.raw, options, builder, report);
  } else {
    dataset.generate(options, builder);
  }
  for (const std::string& note : report.notes) log::info("{}", note);
  Ratings ratings = builder.finish();
  summary["import"] = report_json(report);
  summary["import"]["titles_cut"] = ratings.titles_cut;
  for (const auto& [reason, number] : report.dropped) summary["dropped"][reason] = number;
  summary["counts"]["imported"] = counts_json(ratings);
  summary["dropped"]["items without title"] = drop_untitled(ratings);
  summary["counts"]["with_title"] = counts_json(ratings);
  const std::int64_t passes = filter_k_core(ratings, options.k_core_users, options.k_core_items);
  summary["counts"]["k_core"] = counts_json(ratings);
  summary["counts"]["k_core"]["passes"] = passes;
  log_counts("imported", summary["counts"]["imported"]);
  log_counts("after the k-core filter", summary["counts"]["k_core"]);
  return ratings;
}

// Turns drawn questions into rows.
class RowMaker {
 public:
  RowMaker(const Ratings& ratings, const Sequences& sequences, const PromptTemplates& templates,
           const DataOptions& options, std::uint64_t seed)
      : ratings_(ratings), sequences_(sequences), templates_(templates), options_(options), seed_(seed) {}

  void add(const Question& question, const CandidateSet& set, Prepared& prepared) const {
    Row row;
    row.id = static_cast<std::int64_t>(prepared.rows.rows.size());
    row.split = question.split;
    row.user = ratings_.users[static_cast<std::size_t>(question.user)];
    row.history = history(question);
    row.history_length = question.position;
    for (const DrawnCandidate& drawn : set.candidates) row.candidates.push_back(candidate(question, drawn));
    row.preferred = set.preferred;
    row.negatives = set.negatives;
    const std::size_t chosen = question_random(seed_, "template", question).below(templates_.size());
    Prompt prompt = templates_.render(chosen, row.history, row.candidates, shows_ratings(options_.tier));
    row.prompt = std::move(prompt.text);
    prepared.origins.push_back({fmt::format("row {} ({}, user {})", row.id, name_of(row.split), excerpt(row.user)),
                                prompt.history_begin, prompt.history_end});
    prepared.rows.rows.push_back(std::move(row));
  }

 private:
  // The last max_history of the interactions before the question that the tier shows.
  std::vector<HistoryItem> history(const Question& question) const {
    const auto before = sequences_.of_user(question.user).first(static_cast<std::size_t>(question.position));
    const bool only_liked = shows_liked_only(options_.tier);
    std::vector<HistoryItem> shown;
    for (auto at = before.rbegin(); at != before.rend(); ++at) {
      if (only_liked && at->level < options_.liked_rating) continue;
      const Item& item = ratings_.items[static_cast<std::size_t>(at->item)];
      shown.push_back({item.id, item.title, at->rating, at->time});
      if (static_cast<std::int64_t>(shown.size()) == options_.max_history) break;
    }
    return {std::make_move_iterator(shown.rbegin()), std::make_move_iterator(shown.rend())};
  }

  Candidate candidate(const Question& question, const DrawnCandidate& drawn) const {
    const Item& item = ratings_.items[static_cast<std::size_t>(drawn.item)];
    Candidate result;
    result.item = item.id;
    result.title = item.title;
    if (drawn.index < 0) return result;
    const auto sequence = sequences_.of_user(question.user);
    result.rating = sequence[static_cast<std::size_t>(drawn.index)].level;
    result.latency = latency(sequence, question.position, drawn.index, options_);
    return result;
  }

  const Ratings& ratings_;
  const Sequences& sequences_;
  const PromptTemplates& templates_;
  const DataOptions& options_;
  std::uint64_t seed_;
};

void draw_from_ratings(const DataOptions& options, const InputFiles& inputs, std::uint64_t seed, Prepared& prepared,
                       Json& summary) {
  const PromptTemplates templates = PromptTemplates::load(inputs.templates);
  const Ratings ratings = import_ratings(options, inputs, summary);
  const Sequences sequences = build_sequences(ratings);
  Dropped dropped;
  std::vector<Question> questions = find_questions(sequences, options, dropped);
  draw_training(questions, options.max_train_rows, seed, dropped);
  CandidateDrawer drawer(ratings, sequences, options, seed);
  const RowMaker maker(ratings, sequences, templates, options, seed);
  Progress progress("draw rows", static_cast<std::int64_t>(questions.size()), "rows");
  for (const Question& question : questions) {
    if (const auto set = drawer.draw(question, dropped)) maker.add(question, *set, prepared);
    progress.advance();
  }
  for (const auto& [reason, number] : dropped) summary["dropped"][reason] = number;
  for (const Item& item : ratings.items) prepared.titles.push_back(item.title);
  summary["templates"] = {{"file", inputs.templates.filename().string()}, {"number", templates.size()}};
}

void count_rows(const RowFile& rows, Json& summary) {
  for (const char* name : names_of(Split{})) summary["rows"][name] = rows.of_split(*find_value<Split>(name)).size();
}
}  // namespace

Prepared draw_rows(const DataOptions& data, const PromptOptions& prompt, std::uint64_t seed) {
  check_options(data);
  const InputFiles inputs = find_inputs(data, prompt);
  Prepared prepared;
  prepared.rows.default_rating = data.default_rating;
  prepared.rows.default_latency = data.default_latency;
  Json summary = {{"dataset", data.dataset}, {"seed", seed}, {"dropped", Json::object()}};
  if (const Dataset& dataset = find_dataset(data.dataset); dataset.has_ready_rows()) {
    dataset.read_rows(data, prepared, summary);
    for (const Row& row : prepared.rows.rows) {
      for (const HistoryItem& item : row.history) prepared.titles.push_back(item.title);
      for (const Candidate& candidate : row.candidates) prepared.titles.push_back(candidate.title);
    }
  } else {
    draw_from_ratings(data, inputs, seed, prepared, summary);
  }
  if (prepared.rows.rows.empty())
    throw_input("{}: no rows are left; dropped: {}", inputs.raw.empty() ? data.dataset : inputs.raw.back().string(),
                summary["dropped"].dump());
  count_rows(prepared.rows, summary);
  prepared.rows.hash = drawn_hash(data, inputs, seed);
  summary["hashes"]["drawn_rows"] = prepared.rows.hash;
  prepared.summary_json = summary.dump(2) + "\n";
  return prepared;
}

namespace {
namespace fs = std::filesystem;
constexpr int kDrawVersion = 2;  // raised when the same inputs give other rows

// Every key that drawn rows depend on. Files count by their contents, see below.
std::string settings_text(DataOptions data) {
  Keys keys;
  keys.section("data", changes::kRows);
  data.declare(keys);
  const std::string_view unused = find_dataset(data.dataset).generate == nullptr ? kSyntheticSection : "";
  std::string text = fmt::format("align.alpha = {}\n", data.alpha);
  for (const Key& key : keys.all()) {
    if ((key.changed & changes::kRows) == 0 || key.is_path || key.section == unused) continue;
    text += fmt::format("{} = {}\n", key.full_name(), value_text(key).value_or(""));
  }
  return text;
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
  const Dataset& dataset = find_dataset(data.dataset);
  if (dataset.has_ready_rows()) return {ready_row_files(data), {}};
  if (!dataset.has_files()) return {{}, template_file(prompt.templates, dataset.domain)};
  if (!is_folder(data.path)) throw_input("data.path = {} is not a folder", data.path);
  return {find_raw_files(dataset, data), template_file(prompt.templates, dataset.domain)};
}

void check_options(const DataOptions& data) {
  DataOptions own = data;
  own.synthetic = {};  // checked below where it is read
  check_values(own, "data");
  const Dataset& dataset = find_dataset(data.dataset);
  if (dataset.generate != nullptr) check_synthetic(data.synthetic);
  if (dataset.has_ready_rows()) return;  // candidates and negatives are the rows' own
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
  nlohmann::json identity = {{"version", kDrawVersion}, {"seed", seed}, {"options", settings_text(data)}};
  for (const fs::path& path : inputs.raw)
    identity["files"].push_back({path.filename().string(), sha256_file_hex(path)});
  // Which split a file of ready rows is for, and which of them share one.
  if (find_dataset(data.dataset).has_ready_rows()) {
    identity["splits"] = {!data.train.empty(), !data.valid.empty(), !data.test.empty()};
    identity["shared"] = {data.train == data.valid, data.valid == data.test, data.train == data.test};
  }
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
