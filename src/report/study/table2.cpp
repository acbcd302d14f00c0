#include <algorithm>

#include "src/report/paper.hpp"
#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
// The variant of recpo with `value` of `key`, all else as in the base variant.
const Variant* find(const Study& study, const std::string& dataset, const std::string& key, const std::string& value) {
  for (const Variant* variant : study.sweep(dataset, "recpo", key))
    if (text_of(variant->settings, key) == value) return variant;
  return nullptr;
}

// `values` that are needed, and others that were run, in this order.
std::vector<std::string> columns_of(const Study& study, const std::string& key, std::vector<std::string> values) {
  for (const std::string& dataset : study.datasets)
    for (const Variant* variant : study.sweep(dataset, "recpo", key)) {
      const std::string value = text_of(variant->settings, key);
      if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    }
  return values;
}

std::vector<Cell> row_of(const Study& study, const std::string& dataset, const std::string& key,
                         const std::vector<std::string>& values) {
  std::vector<Cell> row = {{dataset, {}, {}}};
  std::vector<std::optional<double>> rates;
  for (const std::string& value : values) {
    const Variant* variant = find(study, dataset, key, value);
    const auto paper = key == "align.margin" ? published_margin(value, dataset) : std::nullopt;
    row.push_back(hit_rate_cell(variant, paper));
    rates.push_back(variant != nullptr && variant->pooled.main ? variant->pooled.main->hit_rate.value : std::nullopt);
  }
  std::vector<Cell*> cells;
  for (std::size_t i = 1; i < row.size(); ++i) cells.push_back(&row[i]);
  emphasize(cells, rates);
  return row;
}

Table margin_table(const Study& study, const std::string& key, const std::string& caption,
                   const std::vector<std::string>& needed) {
  Table table{caption, {{"data set", "", true}}, {}, false};
  const std::vector<std::string> values = columns_of(study, key, needed);
  for (const std::string& value : values) table.columns.push_back({value, key, false});
  for (const std::string& dataset : study.datasets)
    if (study.base(dataset, "recpo") != nullptr) table.rows.push_back(row_of(study, dataset, key, values));
  return table;
}
}  // namespace

void add_table2(const Study& study, Document& document) {
  document.add(Heading{"Table 2: margin functions"});
  Table functions = margin_table(study, "align.margin",
                                 "Table 2. HR@1 of RecPO by margin function, all else at the base settings, beside the "
                                 "paper's. Log-diff is lambda log(1 + phi_p - phi_d), the form its authors ran; "
                                 "log-diff-printed is the paper's formula with a floor inside the logarithm.",
                                 {"log-diff", "log-ratio", "ratio"});
  if (functions.rows.empty()) document.add(Paragraph{"Not run: no RecPO at the base settings."});
  document.add(std::move(functions));
  Table forms =
      margin_table(study, "align.margin_form",
                   "HR@1 of RecPO by the form in which the margin enters the loss: pairwise adds it inside the "
                   "exponent (as trained by the authors), printed-eq8 has the sign of the printed equation, "
                   "listwise-eq15 its sum over all negatives.",
                   {"pairwise"});
  if (forms.columns.size() > 2) document.add(std::move(forms));
}

}  // namespace recpo::report
