#include "src/data/tokenize.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "src/data/prepare.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::data {

TokenizedPrompt tokenize(const text::Tokenizer& tokenizer, std::string_view prompt,
                         std::span<const std::string> completions, std::int32_t end_id, SpecialTexts special) {
  // Of `text` with this much of the prompt at its beginning.
  const auto encode = [&](std::string_view text, std::size_t prompt_bytes) {
    return tokenizer.encode(text, special == SpecialTexts::kTokens ? prompt_bytes : 0);
  };
  const std::vector<std::int32_t> plain = encode(prompt, prompt.size());
  TokenizedPrompt result;
  const std::int32_t begin_id = tokenizer.begin_id();
  const bool is_spelled = special == SpecialTexts::kTokens && !plain.empty() && plain.front() == begin_id;
  if (begin_id >= 0 && !is_spelled) result.prompt.push_back(begin_id);
  result.prompt.insert(result.prompt.end(), plain.begin(), plain.end());
  if (result.prompt.empty()) throw_input("an empty prompt cannot be tokenized: the tokenizer adds no begin token");

  // Pieces of text before the prompt's last line do not depend on what follows it, so only that line is tokenized again
  // with each completion: twenty candidates cost little more than one. Checked: its tokens must end the prompt's.
  std::string_view shared = prompt.substr(prompt.rfind('\n') + 1);
  std::vector<std::int32_t> shared_ids = encode(shared, shared.size());
  const bool ends_prompt =
      shared_ids.size() <= plain.size() && std::equal(shared_ids.rbegin(), shared_ids.rend(), plain.rbegin());
  if (!ends_prompt) {
    shared = prompt;
    shared_ids = plain;
  }
  std::string joint(shared);
  for (const std::string& completion : completions) {
    joint.resize(shared.size());
    joint += completion;
    std::vector<std::int32_t> ids = encode(joint, shared.size());
    if (ids.size() >= shared_ids.size() && std::equal(shared_ids.begin(), shared_ids.end(), ids.begin())) {
      ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(shared_ids.size()));
    } else {
      ids = tokenizer.encode(completion);
    }
    ids.push_back(end_id);
    result.answers.push_back(std::move(ids));
  }
  return result;
}

// The second half of prepare: rows become tokens, in parallel and with the same result for any number of threads.

namespace {
constexpr std::size_t kRowsAtOnce = 16;

std::size_t longest_answer(const std::vector<std::vector<std::int32_t>>& answers) {
  std::size_t longest = 0;
  for (const auto& answer : answers) longest = std::max(longest, answer.size());
  return longest;
}

// Takes the oldest history line off the prompt; false when none is left.
bool drop_oldest(Row& row, RowOrigin& origin) {
  if (origin.history_begin == origin.history_end) return false;
  const auto line_end = row.prompt.find('\n', origin.history_begin) + 1;
  origin.history_end -= line_end - origin.history_begin;
  row.prompt.erase(origin.history_begin, line_end - origin.history_begin);
  row.history.erase(row.history.begin());
  return true;
}

// Returns the number of history lines dropped to make the row fit.
std::int64_t tokenize_row(Row& row, RowOrigin& origin, const text::Tokenizer& tokenizer, const TokenOptions& options) {
  std::vector<std::string> completions;
  for (const Candidate& candidate : row.candidates) completions.push_back(completion(candidate));
  const auto limit = static_cast<std::size_t>(options.max_tokens);
  for (std::int64_t dropped = 0;;) {
    TokenizedPrompt tokens = tokenize(tokenizer, row.prompt, completions, options.end_id);
    const std::size_t longest = longest_answer(tokens.answers);
    if (tokens.prompt.size() + longest <= limit) {
      row.prompt_ids = std::move(tokens.prompt);
      row.answer_ids = std::move(tokens.answers);
      return dropped;
    }
    while (tokens.prompt.size() + longest > limit) {
      if (!drop_oldest(row, origin))
        throw_input("{}: prompt and longest answer have {} tokens{}, more than model.max_tokens = {}", origin.where,
                    tokens.prompt.size() + longest, dropped > 0 ? " even without history" : "", options.max_tokens);
      ++dropped;
      tokens.prompt = tokenize(tokenizer, row.prompt, {}, options.end_id).prompt;
    }
  }
}

// Runs `work(i)` for all i below `count` on all cores. Of several failures the one of the smallest i is thrown.
template <class Work>
void for_all_rows(std::size_t count, const Work& work) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::size_t failed_at = count;
  std::exception_ptr failure;
  Progress progress("tokenize", static_cast<std::int64_t>(count), "rows");
  const auto run = [&] {
    for (std::size_t begin; (begin = next.fetch_add(kRowsAtOnce)) < count;) {
      const std::size_t end = std::min(count, begin + kRowsAtOnce);
      for (std::size_t i = begin; i < end; ++i) {
        try {
          work(i);
        } catch (...) {
          next = count;  // no new rows start; those in progress have smaller numbers and are finished
          const std::lock_guard lock(mutex);
          if (i < failed_at) {
            failed_at = i;
            failure = std::current_exception();
          }
          return;
        }
      }
      const std::lock_guard lock(mutex);
      progress.advance(static_cast<std::int64_t>(end - begin));
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned t = 1; t < std::thread::hardware_concurrency(); ++t) threads.emplace_back(run);
  run();
  threads.clear();  // joins
  if (failure) std::rethrow_exception(failure);
}
}  // namespace

void tokenize_rows(Prepared& prepared, const PromptOptions&, const text::Tokenizer& tokenizer,
                   const TokenOptions& options) {
  RowFile& file = prepared.rows;
  RECPO_REQUIRE(prepared.origins.size() == file.rows.size());
  std::atomic<std::int64_t> shortened{0}, dropped_lines{0};
  for_all_rows(file.rows.size(), [&](std::size_t i) {
    const std::int64_t dropped = tokenize_row(file.rows[i], prepared.origins[i], tokenizer, options);
    shortened += dropped > 0;
    dropped_lines += dropped;
  });
  file.hash = tokenized_hash(file.hash, tokenizer.hash(), options);
  file.tokenizer_hash = tokenizer.hash();
  file.end_id = options.end_id;

  std::size_t longest = 0;
  for (const Row& row : file.rows) longest = std::max(longest, row.prompt_ids.size() + longest_answer(row.answer_ids));
  auto summary = nlohmann::ordered_json::parse(prepared.summary_json);
  summary["tokens"] = {{"max_tokens", options.max_tokens},
                       {"longest_row", longest},
                       {"prompts_shortened", shortened.load()},
                       {"history_lines_dropped", dropped_lines.load()}};
  summary["hashes"]["tokenizer"] = file.tokenizer_hash;
  summary["hashes"]["rows"] = file.hash;
  prepared.summary_json = summary.dump(2) + "\n";
  if (shortened > 0)
    log::info("{} prompts lost their oldest history lines to fit into model.max_tokens = {}", shortened.load(),
              options.max_tokens);
}

}  // namespace recpo::data
