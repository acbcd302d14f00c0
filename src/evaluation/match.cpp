#include "src/evaluation/match.hpp"

namespace recpo::evaluation {

std::string trim(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1));
}

std::optional<std::size_t> named_candidate(std::string_view answer, std::span<const data::Candidate> candidates,
                                           const std::string& match) {
  const bool contains = match == "contains";
  const std::string said = trim(answer);
  std::optional<std::size_t> named;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    const std::string title = trim(candidates[c].title);
    if (title.empty() || (contains ? said.find(title) == std::string::npos : said != title)) continue;
    if (named) return std::nullopt;
    named = c;
  }
  return named;
}

}  // namespace recpo::evaluation
