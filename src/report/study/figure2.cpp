#include <fmt/format.h>

#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
struct Tier {
  const char* value;
  const char* label;
  const char* colour;
};
constexpr Tier kTiers[] = {{"filtered", "filtered", "#f5d08a"},
                           {"full", "full", "#e69f00"},
                           {"filtered+rating", "filtered\n+rating", "#7fb8dc"},
                           {"full+rating", "full\n+rating", "#0072b2"}};

bool has_tiers(const std::vector<const Variant*>& variants) {  // the base variant alone is no comparison
  return variants.size() > 1 || (variants.size() == 1 && !variants[0]->is_base);
}
}  // namespace

void add_figure2(const Study& study, Document& document) {
  document.add(Heading{"Figure 2: what the history shows"});
  Table table{"Figure 2 in numbers: HR@1 of SFT by input tier.", {{"data set", "", true}}, {}, true};
  for (const Tier& tier : kTiers) table.columns.push_back({tier.value, "", false});
  std::vector<BarPanel> panels;
  for (const std::string& dataset : study.datasets) {
    const std::vector<const Variant*> variants = study.sweep(dataset, "sft", "data.tier");
    if (!has_tiers(variants)) continue;
    BarPanel panel{"HR@1, " + dataset, {}, {}};
    std::vector<Cell> row = {{dataset, {}, {}}};
    for (const Tier& tier : kTiers) {
      const Variant* variant = find_value(variants, {{"data.tier", tier.value}});
      panel.bars.push_back(bar_of(variant, &SystemFigures::main, tier.label, tier.colour));
      if (variant != nullptr && variant->pooled.main) panel.chance = variant->pooled.main->chance;
      row.push_back(hit_rate_cell(variant, {}));
    }
    panels.push_back(std::move(panel));
    table.rows.push_back(std::move(row));
  }
  if (panels.empty()) document.add(Paragraph{"Not run: no SFT with a second data.tier."});
  document.add(
      Picture{"figure2.svg", bar_figure("Figure 2: SFT by what the history shows", panels),
              fmt::format("HR@1 of SFT when the history holds liked items only (filtered) or all (full), without "
                          "or with ratings. {} The paper draws this figure for MovieLens and Amazon-Books "
                          "without its numbers; in its text, full+rating is best, and full without ratings is "
                          "worse than filtered.",
                          kSigns)});
  document.add(std::move(table));
}

}  // namespace recpo::report
