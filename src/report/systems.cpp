#include "src/report/systems.hpp"

#include <array>

namespace recpo::report {
namespace {
constexpr SystemKind kModel = SystemKind::kLanguageModel, kTraditional = SystemKind::kTraditional,
                     kYardstick = SystemKind::kYardstick;
constexpr std::array<System, 12> kSystems = {{
    {"base", "Zero-shot", "#999999", kModel, {.0929, .7351}, {.0654, .6165}, {.0852, .8672}, {.0686, .6617}},
    {"sft", "SFT", "#e69f00", kModel, {.2478, .9985}, {.4447, .9974}, {.3122, .9990}, {.2645, .9936}},
    {"dpo", "DPO", "#009e73", kModel, {.2809, .9970}, {.5049, .9887}, {.3340, .9980}, {.4412, .9875}},
    {"simpo", "SimPO", "#56b4e9", kModel, {.2974, .9725}, {.5129, .9564}, {.3401, .9766}, {.4020, .9250}},
    {"s-dpo", "S-DPO", "#0072b2", kModel, {.2902, .9983}, {.5065, .9880}, {.3588, .9990}, {.4698, .9903}},
    {"recpo", "RecPO", "#d55e00", kModel, {.3451, .9969}, {.5802, .9851}, {.4672, .9985}, {.5771, .9887}},
    {"gru4rec", "GRU4Rec", "#7a5c99", kTraditional, {.2664, 1.0}, {.1310, 1.0}, {.4584, 1.0}, {.3708, 1.0}},
    {"caser", "Caser", "#cc79a7", kTraditional, {.2714, 1.0}, {.1538, 1.0}, {.4394, 1.0}, {.3757, 1.0}},
    {"sasrec", "SASRec", "#a05195", kTraditional, {.2671, 1.0}, {.1559, 1.0}, {.4587, 1.0}, {.3800, 1.0}},
    {"popularity", "Popularity", "#6b6b3a", kYardstick, {}, {}, {}, {}},
    {"random", "Random", "#bbbbbb", kYardstick, {}, {}, {}, {}},
    {"bayes", "Bayes", "#333333", kYardstick, {}, {}, {}, {}},
}};
}  // namespace

std::span<const System> systems() { return kSystems; }

const System* find_system(std::string_view name) {
  for (const System& system : kSystems)
    if (name == system.name) return &system;
  return nullptr;
}

std::string system_names() {
  std::string names;
  for (const System& system : kSystems) names += (names.empty() ? "" : ", ") + std::string(system.name);
  return names;
}

std::optional<PublishedFigures> published(const System& system, const std::string& dataset) {
  if (system.kind == SystemKind::kYardstick) return std::nullopt;
  if (dataset == "ml-1m") return system.movielens_1m;
  if (dataset == "amazon-books") return system.amazon_books;
  if (dataset == "steam") return system.steam;
  if (dataset == "beeradvocate") return system.beeradvocate;
  return std::nullopt;
}

}  // namespace recpo::report
