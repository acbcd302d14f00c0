#pragma once
// The sections of a study's report, in its order. Each adds its heading, tables and pictures, and says plainly what is
// missing from them.

#include "src/report/document.hpp"
#include "src/report/study/pairs.hpp"
#include "src/report/study/study.hpp"

namespace recpo::report {

void add_summary(const Study& study, const std::vector<Comparison>& comparisons, Document& document);
void add_table1(const Study& study, Document& document);
void add_comparisons(const Study& study, const std::vector<Comparison>& comparisons, Document& document);
void add_table2(const Study& study, Document& document);   // margin functions and forms
void add_figure2(const Study& study, Document& document);  // input tiers
void add_figure4(const Study& study, Document& document);  // adherence, avoidance, history lengths
void add_figure6(const Study& study, Document& document);  // lambda
void add_sweeps(const Study& study, Document& document);   // every other setting that was varied alone
void add_data(const Study& study, Document& document);     // Table 3, rows and dropped rows
void add_settings(const Study& study, Document& document);
void add_missing(const Study& study, Document& document);

}  // namespace recpo::report
