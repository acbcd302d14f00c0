#include "src/report/study/relevance.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

namespace recpo::report {
namespace {
constexpr std::array kWithoutEffect = {"data.path",       "evaluate.tests",           "evaluate.batch_tokens",
                                       "model.recompute", "sft.micro_batch_tokens",   "align.micro_batch_tokens",
                                       "align.objective", "evaluate.rank_candidates", "baseline.model"};
constexpr std::array kPaths = {"model.path", "tokenizer.path", "prompt.templates", "align.reference",
                               "data.train", "data.valid",     "data.test"};

struct Reader {
  std::string_view key, systems;  // systems that read the key, between spaces
};
// Keys of a section that not all of its systems read.
constexpr Reader kReaders[] = {{"data.negatives", " s-dpo recpo "}, {"data.default_rating", " recpo "},
                               {"data.default_latency", " recpo "}, {"align.lambda", " recpo "},
                               {"align.margin", " recpo "},         {"align.margin_form", " recpo "},
                               {"align.simpo_margin", " simpo "},   {"align.reference", " dpo s-dpo recpo "}};

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool uses_section(const System& system, std::string_view section) {
  if (section == "data" || section == "evaluate") return true;
  if (system.kind == SystemKind::kTraditional) return section == "baseline";
  if (system.kind == SystemKind::kYardstick) return false;
  const std::string_view name = system.name;
  if (section == "prompt" || section == "tokenizer" || section == "model") return true;
  if (section == "optimizer" || section == "sft") return name != "base";
  return section == "align" && name != "base" && name != "sft";
}

bool matters(const System& system, std::string_view key) {
  if (!uses_section(system, key.substr(0, key.find('.'))) || contains(kWithoutEffect, key)) return false;
  const auto reader =
      std::find_if(std::begin(kReaders), std::end(kReaders), [&](const Reader& r) { return r.key == key; });
  if (reader == std::end(kReaders)) return true;
  return reader->systems.find(fmt::format(" {} ", system.name)) != std::string_view::npos;
}

std::string place_free(const std::string& path) {
  const std::size_t checkpoint = path.rfind("checkpoints/");
  if (checkpoint != std::string::npos) return path.substr(checkpoint, path.find('/', checkpoint + 12) - checkpoint);
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}
}  // namespace

Settings relevant_settings(const System& system, const Settings& settings) {
  Settings relevant;
  for (const auto& [key, setting] : settings) {
    if (!matters(system, key)) continue;
    relevant[key] = setting;
    if (contains(kPaths, key)) relevant[key].text = place_free(setting.text);
  }
  return relevant;
}

}  // namespace recpo::report
