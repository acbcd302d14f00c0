#pragma once
// What the paper states in numbers beside Table 1 (systems.hpp): data sets, Tables 2 and 3, and one sentence on
// Figure 4. Its Figures 2, 4 and 6 are drawings whose values stand nowhere in the text, so there is nothing to set
// beside ours.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "src/report/systems.hpp"

namespace recpo::report {

std::span<const char* const> paper_datasets();  // in the order of its tables

// Table 2: HR@1 of recpo with a margin function of align.margin.
std::optional<double> published_margin(const std::string& margin, const std::string& dataset);

struct PublishedStatistics {  // Table 3
  std::int64_t sequences = 0, items = 0, interactions = 0;
};
std::optional<PublishedStatistics> published_statistics(const std::string& dataset);

// Section 6.3: relative spread of HR@1 over history lengths on BeerAdvocate.
std::optional<double> published_spread(const System& system, const std::string& dataset);

// The paper's default of a key that its tables and figures vary or fix; nullopt for all others.
std::optional<std::string> paper_setting(const std::string& key);

}  // namespace recpo::report
