#pragma once
// What frozen rows depend on, as two hashes: of the drawn rows (options, seed, raw files, templates) and of those with
// tokens (tokenizer, length limit, end token). Files count by name and content, not by the folder they lie in.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "src/data/options.hpp"
#include "src/data/prepare.hpp"

namespace recpo::data {

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
