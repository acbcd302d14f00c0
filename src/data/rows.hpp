#pragma once
// Frozen rows: what `prepare` draws once and every system reads. A row is one question (history, candidates) with
// the preferred item and, for alignment, the drawn negatives; and the same as tokens.

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "src/support/enum_names.hpp"

namespace recpo::data {

enum class Split : std::uint8_t { kTrain, kValid, kTest, kAdherence, kAvoidance };
constexpr auto names_of(Split) { return std::array{"train", "valid", "test", "adherence", "avoidance"}; }

struct HistoryItem {
  std::string item;   // identifier in the raw files
  std::string title;  // cleaned
  double rating = 0;
  std::int64_t time = 0;
};

struct Candidate {
  std::string item;
  std::string title;              // for dataset = "rows": the answer's text without leading space
  std::optional<double> rating;   // no value: an item without feedback
  std::optional<double> latency;  // position among the following interactions, from 1 (or days)
  bool leading_space = true;      // own rows may hold answers that do not begin with a space
};
std::string completion(const Candidate& candidate);  // the text behind the prompt, without the end token

// The utility of a following item (paper eq. 5): phi(s, Delta) = s / Delta^alpha, s its rating, Delta its latency.
inline double utility(double rating, double latency, double alpha) { return rating / std::pow(latency, alpha); }

struct Row {
  std::int64_t id = 0;  // counts from 0 in file order, over all splits
  Split split = Split::kTrain;
  std::string user;
  std::vector<HistoryItem> history;  // what the prompt shows, oldest first
  // The answers that can be given. `preferred` and `negatives` index it. For dataset = "rows" without candidates:
  // chosen, then the rejected ones. K negatives are the first K of `negatives`, for any K.
  std::vector<Candidate> candidates;
  std::int32_t preferred = 0;
  std::vector<std::int32_t> negatives;
  std::int32_t history_length = 0;  // interactions before the question, before any cut
  std::string prompt;

  // Tokens. prompt_ids begins with the begin token where the tokenizer has one. answer_ids[c] are candidate c's
  // completion tokens, end token included; prompt and completion were tokenized as one text.
  std::vector<std::int32_t> prompt_ids;
  std::vector<std::vector<std::int32_t>> answer_ids;  // [candidates]
};

struct RowFile {
  std::vector<Row> rows;  // ordered by id: train, valid, test, adherence, avoidance
  std::string hash;       // of everything the rows depend on: raw files, options, templates, tokenizer
  std::string tokenizer_hash;
  std::int32_t end_id = 0;      // end token that closes every answer
  double default_rating = 3.0;  // of candidates without feedback
  double default_latency = 11.0;

  std::vector<const Row*> of_split(Split split) const;
};

// rows.h5. Writing is complete or not at all (temporary file, fsync, rename): kCannotWrite. Reading checks
// checksums and every index: kBadInput.
void write_rows(const std::filesystem::path& path, const RowFile& rows);
RowFile read_rows(const std::filesystem::path& path);
// Only the hash, without reading the rows; nullopt when the file is missing or incomplete.
std::optional<std::string> read_rows_hash(const std::filesystem::path& path);

// JSONL, one row a line; readable again as dataset = "rows" (datasets/rows.cpp).
void export_rows(const std::filesystem::path& path, const RowFile& rows);

}  // namespace recpo::data
