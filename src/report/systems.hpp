#pragma once
// The systems a report knows, in the order of its rows, with the paper's figures (Table 1).

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace recpo::report {

struct PublishedFigures {
  double hit_rate = 0, valid_ratio = 0;
};

enum class SystemKind {
  kLanguageModel,
  kTraditional,
  kYardstick,  // not in the paper: what any recommender should beat, and on made-up data the best there can be
};

struct System {
  const char* name;    // in evaluation.json
  const char* label;   // in sentences
  const char* colour;  // in figures; Okabe and Ito's palette, apart for colour-blind readers, too
  SystemKind kind;
  PublishedFigures movielens_1m, amazon_books, steam, beeradvocate;
};

std::span<const System> systems();
const System* find_system(std::string_view name);  // nullptr: unknown
std::string system_names();                        // "base, sft, ...", for errors

// nullopt: the paper has no figures for this system or data set.
std::optional<PublishedFigures> published(const System& system, const std::string& dataset);

}  // namespace recpo::report
