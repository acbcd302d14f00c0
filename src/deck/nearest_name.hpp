#pragma once
// The known name that a misspelt one probably meant.

#include <span>
#include <string>
#include <string_view>

namespace recpo::deck {

// Smallest edit distance (insert, delete, replace a character, swap two neighbours); the first of equals. `known` is
// not empty.
const std::string& nearest_name(std::string_view name, std::span<const std::string> known);

}  // namespace recpo::deck
