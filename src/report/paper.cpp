#include "src/report/paper.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace recpo::report {
namespace {
constexpr std::array<const char*, 4> kDatasets = {"ml-1m", "amazon-books", "steam", "beeradvocate"};
constexpr PublishedStatistics kStatistics[] = {
    {6040, 3952, 994169}, {5103, 38203, 62290}, {3171, 4251, 82072}, {4724, 6105, 91207}};

struct Margin {
  const char* name;
  double hit_rate[4];
};
constexpr Margin kMargins[] = {{"log-diff", {.3160, .5370, .4284, .5023}},
                               {"log-ratio", {.3247, .5455, .4517, .5257}},
                               {"ratio", {.3451, .5802, .4672, .5771}}};

struct Default {
  std::string_view key, value;
};
constexpr Default kDefaults[] = {{"data.tier", "full+rating"}, {"data.candidates", "20"},
                                 {"data.negatives", "3"},      {"data.positive", "best-utility"},
                                 {"evaluate.match", "exact"},  {"align.beta", "1"},
                                 {"align.lambda", "2"},        {"align.alpha", "0.5"},
                                 {"align.margin", "ratio"},    {"align.margin_form", "pairwise"},
                                 {"align.simpo_margin", "2"},  {"align.sft_weight", "0"}};

std::optional<std::size_t> index_of(const std::string& dataset) {
  const auto found = std::find(kDatasets.begin(), kDatasets.end(), dataset);
  if (found == kDatasets.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kDatasets.begin());
}
}  // namespace

std::span<const char* const> paper_datasets() { return kDatasets; }

std::optional<double> published_margin(const std::string& margin, const std::string& dataset) {
  const auto index = index_of(dataset);
  for (const Margin& known : kMargins)
    if (index && margin == known.name) return known.hit_rate[*index];
  return std::nullopt;
}

std::optional<PublishedStatistics> published_statistics(const std::string& dataset) {
  const auto index = index_of(dataset);
  return index ? std::optional(kStatistics[*index]) : std::nullopt;
}

std::optional<double> published_spread(const System& system, const std::string& dataset) {
  if (dataset != "beeradvocate") return std::nullopt;
  if (system.name == std::string_view("recpo")) return 0.087;
  if (system.name == std::string_view("s-dpo")) return 0.178;
  return std::nullopt;
}

std::optional<std::string> paper_setting(const std::string& key) {
  for (const Default& known : kDefaults)
    if (key == known.key) return std::string(known.value);
  return std::nullopt;
}

}  // namespace recpo::report
