#pragma once
// Which candidate an answer's text names.
//   exact     the trimmed text equals one candidate's title
//   contains  exactly one candidate's title occurs in the text

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "src/data/rows.hpp"

namespace recpo::evaluation {

std::string trim(std::string_view text);  // without white space (ASCII) at both ends

// The candidate's index; nullopt: no valid answer. `match` is exact | contains.
std::optional<std::size_t> named_candidate(std::string_view answer, std::span<const data::Candidate> candidates,
                                           const std::string& match);

}  // namespace recpo::evaluation
