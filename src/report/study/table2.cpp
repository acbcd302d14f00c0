#include <algorithm>

#include "src/report/paper.hpp"
#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
constexpr const char *kFunction = "align.margin", *kForm = "align.margin_form";

constexpr const char* kFunctionCaption =
    "Table 2. HR@1 of RecPO by margin function, all else at the base settings, beside the paper's. Log-diff is lambda "
    "log(1 + phi_p - phi_d), the form its authors ran; log-diff-printed is the paper's formula with a floor inside the "
    "logarithm.";
constexpr const char* kFormCaption =
    "HR@1 of RecPO by margin function and by the form in which the margin enters the loss: pairwise adds it inside the "
    "exponent (as trained by the authors), printed-eq8 has the sign of the printed equation, listwise-eq15 its sum "
    "over "
    "all negatives.";

void add_values(const std::vector<const Variant*>& variants, const char* key, std::vector<std::string>& values) {
  for (const Variant* variant : variants) {
    const std::string value = text_of(variant->settings, key);
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
}

// The best and second cell of a row stand out; its first `names` cells are names.
void finish(std::vector<Cell>& row, std::size_t names, const std::vector<std::optional<double>>& rates) {
  std::vector<Cell*> cells;
  for (std::size_t i = names; i < row.size(); ++i) cells.push_back(&row[i]);
  emphasize(cells, rates);
}

Table table_of_functions(const Study& study) {
  Table table{kFunctionCaption, {{"data set", "", true}}, {}, false};
  std::vector<std::string> functions = {"log-diff", "log-ratio", "ratio"};  // of the paper, in its order
  for (const std::string& dataset : study.datasets)
    add_values(study.sweep(dataset, "recpo", kFunction), kFunction, functions);
  for (const std::string& function : functions) table.columns.push_back({function, kFunction, false});
  for (const std::string& dataset : study.datasets) {
    if (study.base(dataset, "recpo") == nullptr) continue;
    const std::vector<const Variant*> variants = study.sweep(dataset, "recpo", kFunction);
    std::vector<Cell> row = {{dataset, {}, {}}};
    std::vector<std::optional<double>> rates;
    for (const std::string& function : functions) {
      const Variant* variant = find_value(variants, {{kFunction, function}});
      row.push_back(hit_rate_cell(variant, published_margin(function, dataset)));
      rates.push_back(hit_rate_of(variant));
    }
    finish(row, 1, rates);
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Functions by forms, where a second form was run.
Table table_of_forms(const Study& study) {
  Table table{kFormCaption, {{"data set", "", true}, {"form", "", true}}, {}, false};
  std::vector<std::string> functions, forms;
  for (const std::string& dataset : study.datasets) {
    add_values(study.grid(dataset, "recpo", {kFunction, kForm}), kFunction, functions);
    add_values(study.grid(dataset, "recpo", {kFunction, kForm}), kForm, forms);
  }
  for (const std::string& function : functions) table.columns.push_back({function, kFunction, false});
  for (const std::string& dataset : study.datasets) {
    const std::vector<const Variant*> variants = study.grid(dataset, "recpo", {kFunction, kForm});
    std::vector<std::string> own_forms;
    add_values(variants, kForm, own_forms);
    for (const std::string& form : own_forms.size() > 1 ? forms : std::vector<std::string>()) {
      std::vector<Cell> row = {{dataset, {}, {}}, {form, {}, {}}};
      std::vector<std::optional<double>> rates;
      for (const std::string& function : functions) {
        const Variant* variant = find_value(variants, {{kFunction, function}, {kForm, form}});
        row.push_back(hit_rate_cell(variant, {}));
        rates.push_back(hit_rate_of(variant));
      }
      finish(row, 2, rates);
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}
}  // namespace

void add_table2(const Study& study, Document& document) {
  document.add(Heading{"Table 2: margin functions"});
  Table functions = table_of_functions(study);
  if (functions.rows.empty()) document.add(Paragraph{"Not run: no RecPO at the base settings."});
  document.add(std::move(functions));
  document.add(table_of_forms(study));
}

}  // namespace recpo::report
