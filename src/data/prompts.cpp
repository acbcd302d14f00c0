#include "src/data/prompts.hpp"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/text/utf8.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 20;
constexpr std::string_view kHistory = "{history}", kCandidates = "{candidates}", kDivider = "---";

struct Line {
  std::string text;
  int number;
};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The lines of each template, comments and blank lines around it taken off.
std::vector<std::vector<Line>> split_templates(const std::string& content) {
  std::vector<std::vector<Line>> blocks(1);
  int number = 0;
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.starts_with('#')) continue;
    if (trimmed(line) == kDivider) {
      blocks.emplace_back();
    } else if (!trimmed(line).empty() || !blocks.back().empty()) {
      blocks.back().push_back({std::move(line), number});
    }
  }
  for (auto& block : blocks)
    while (!block.empty() && trimmed(block.back().text).empty()) block.pop_back();
  std::erase_if(blocks, [](const auto& block) { return block.empty(); });
  return blocks;
}

std::size_t only_line(const std::vector<Line>& block, std::string_view placeholder, const std::string& file) {
  std::size_t found = block.size();
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (block[i].text.find(placeholder) == std::string::npos) continue;
    if (trimmed(block[i].text) != placeholder)
      throw_input("{}:{}: {} must stand on a line of its own", file, block[i].number, placeholder);
    if (found < block.size()) throw_input("{}:{}: a second {} in one template", file, block[i].number, placeholder);
    found = i;
  }
  if (found == block.size())
    throw_input("{}:{}: the template that begins here has no line {}", file, block.front().number, placeholder);
  return found;
}

// {word} that is no placeholder is a mistake, not text.
void refuse_unknown(const std::vector<Line>& block, const std::string& file) {
  for (const Line& line : block) {
    const auto open = line.text.find('{');
    const auto close = line.text.find('}', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || close == std::string::npos) continue;
    const std::string word = line.text.substr(open, close - open + 1);
    if (word != kHistory && word != kCandidates)
      throw_input("{}:{}: unknown placeholder {}, there are {} and {}", file, line.number, word, kHistory, kCandidates);
  }
}

std::string joined(const std::vector<Line>& block, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) text += block[i].text + "\n";
  return text;
}

fs::path shipped_folder() {
  if (const char* chosen = std::getenv("RECPO_PROMPTS")) return chosen;
  const fs::path folder = "inputs/prompts";
  return find_shipped(folder).value_or(folder);
}
}  // namespace

PromptTemplates PromptTemplates::load(const fs::path& path) {
  const std::string file = path.string(), content = read_file(path, kMaxFileBytes);
  if (text::valid_utf8_prefix(content) < content.size()) throw_input("{} is not UTF-8 text", file);
  PromptTemplates result;
  for (const auto& block : split_templates(content)) {
    refuse_unknown(block, file);
    const std::size_t history = only_line(block, kHistory, file), candidates = only_line(block, kCandidates, file);
    if (candidates < history)
      throw_input("{}:{}: {} must come before {}", file, block[history].number, kHistory, kCandidates);
    Template parts{joined(block, 0, history), joined(block, history + 1, candidates),
                   joined(block, candidates + 1, block.size())};
    if (!parts.after.empty()) parts.after.pop_back();  // the answer follows the last line at once
    result.templates_.push_back(std::move(parts));
  }
  if (result.templates_.empty()) throw_input("{} holds no template", file);
  return result;
}

Prompt PromptTemplates::render(std::size_t index, std::span<const HistoryItem> history,
                               std::span<const Candidate> candidates, bool with_ratings) const {
  const Template& parts = templates_.at(index);
  Prompt prompt;
  prompt.text = parts.before;
  prompt.history_begin = prompt.text.size();
  for (const HistoryItem& item : history) prompt.text += history_line(item, with_ratings) + "\n";
  prompt.history_end = prompt.text.size();
  prompt.text += parts.between;
  for (const Candidate& candidate : candidates) prompt.text += candidate.title + "\n";
  prompt.text += parts.after;
  if (parts.after.empty()) prompt.text.pop_back();
  return prompt;
}

std::string history_line(const HistoryItem& item, bool with_rating) {
  return with_rating ? fmt::format("{} | Rating: {}", item.title, item.rating) : item.title;
}

fs::path template_file(const std::string& templates, const std::string& domain) {
  return templates.empty() ? shipped_folder() / (domain + ".txt") : fs::path(templates);
}

}  // namespace recpo::data
