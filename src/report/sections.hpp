#pragma once
// The sections of a report, in its order, and the cells and bars that they share. A section adds its heading, tables
// and pictures, or nothing where it has nothing to show.

#include "src/report/comparisons.hpp"
#include "src/report/document.hpp"
#include "src/report/figures.hpp"
#include "src/report/study.hpp"

namespace recpo::report {

void add_verdicts(const Study& study, const std::vector<Comparison>& comparisons, Document& document);
void add_results(const Study& study, Document& document);  // Table 1 and its bars
void add_comparisons(const std::vector<Comparison>& comparisons, const Study& study, Document& document);
void add_examples(const Study& study, Document& document);  // five questions with the answers of all systems
void add_sweeps(const Study& study, Document& document);    // Table 2, Figures 2 and 6, every other key that was varied
void add_tests(const Study& study, Document& document);     // Figure 4: the tests besides main
void add_training(const Study& study, Document& document);  // curves of the base variants
void add_data(const Study& study, Document& document);      // Table 3, rows and dropped rows
void add_settings(const Study& study, Document& document);

std::string decimals(const std::optional<double>& value);  // four; "-" without a value
Cell missing_cell(const std::string& text = "not run");

// A metric with its interval, of HR@1 the lowest and highest seed, and the paper's value; "not run" for nullptr.
Cell metric_cell(const Variant* variant, const std::string& test, const std::string& metric,
                 const std::optional<double>& paper);

std::optional<double> hit_rate_of(const Variant* variant);  // HR@1 of test main; nullopt for nullptr

// Bold for the best cell, underlined for the second, by `values`; cells without one do not compete.
void emphasize(std::vector<Cell>& cells, const std::vector<std::optional<double>>& values);

Bar bar_of(const Variant* variant, const std::string& test, const std::string& metric, const std::string& label,
           const std::string& colour);

// In captions of figures.
inline constexpr const char* kSigns =
    "Whiskers: 95 % bootstrap intervals (of rows; of users with all their rows where seeds are pooled). Rings: seeds.";

}  // namespace recpo::report
