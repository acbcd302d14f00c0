#pragma once
// The data pipeline: raw ratings -> interactions -> user sequences -> frozen rows -> tokens. Data sets are files of
// `datasets/`.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "src/data/options.hpp"
#include "src/data/rows.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::data {

// How a row's text is tokenized.
struct TokenOptions {
  std::int64_t max_tokens = 768;  // prompt, the longest answer and the end token
  std::int32_t end_id = 0;        // end token of every answer
};

// Where a row came from and what may be cut from its prompt; needed between drawing and tokenizing only.
struct RowOrigin {
  std::string where;                               // for errors: "row 3 (train, user 196)" or "train.jsonl:4"
  std::size_t history_begin = 0, history_end = 0;  // bytes of the prompt: complete history lines, newlines included
};

struct Prepared {
  RowFile rows;
  std::vector<RowOrigin> origins;   // [rows]
  std::vector<std::string> titles;  // of all items that a row may show; equal ones may stand there more than once
  std::string summary_json;  // content of prepare.json: counts before and after each filter, bad lines, dropped rows
                             // and why, hashes
};

// Rows without tokens: import, filters, splits, draws, prompts. Used alone to learn a tokenizer from the rows.
Prepared draw_rows(const DataOptions& data, const PromptOptions& prompt, std::uint64_t seed);

// Fills prompt_ids and answer_ids, dropping the oldest history lines of prompts that are too long. Throws kBadInput,
// naming the row (or file and line), when a row does not fit even without history. Completes rows.hash and the summary.
void tokenize_rows(Prepared& prepared, const PromptOptions& prompt, const text::Tokenizer& tokenizer,
                   const TokenOptions& options);

// The hash tokenize_rows will give, from the inputs alone (raw files are hashed, nothing is imported): lets `run`
// skip what is done.
std::string rows_identity(const DataOptions& data, const PromptOptions& prompt, std::uint64_t seed,
                          const std::string& tokenizer_hash, const TokenOptions& options);

// What frozen rows depend on, as two hashes: of the drawn rows (options, seed, raw files, templates) and of those with
// tokens (tokenizer, length limit, end token). Files count by name and content, not by the folder they lie in.

// Raw files of the deck's data set, the templates behind them (none for ready rows). kBadInput when one is missing.
struct InputFiles {
  std::vector<std::filesystem::path> raw;
  std::filesystem::path templates;
};
InputFiles find_inputs(const DataOptions& data, const PromptOptions& prompt);

// Throws kUsage naming the key when an option is out of range or two contradict each other.
void check_options(const DataOptions& data);

std::string drawn_hash(const DataOptions& data, const InputFiles& inputs, std::uint64_t seed);
std::string tokenized_hash(const std::string& drawn_hash, const std::string& tokenizer_hash,
                           const TokenOptions& options);

}  // namespace recpo::data
