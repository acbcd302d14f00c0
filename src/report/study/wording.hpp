#pragma once
// Words and cells that several sections share.

#include <optional>
#include <string>
#include <vector>

#include "src/report/bars.hpp"
#include "src/report/document.hpp"
#include "src/report/study/study.hpp"

namespace recpo::report {

std::string decimals(const std::optional<double>& value);  // four; "-" without a value
std::string interval_text(const Estimate& estimate);       // "[0.331, 0.359]"; "" without an interval
std::string percent(double share);                         // "8.7 %", unbroken
std::string p_text(double p);                              // "0.012", "< 0.0001"

// The variant with these values of keys; nullptr: none.
const Variant* find_value(const std::vector<const Variant*>& variants,
                          const std::vector<std::pair<std::string, std::string>>& values);

Cell missing_cell(const std::string& text = "not run");

// HR@1 of a variant with its interval, what its seeds gave, and the paper's figure; "not run" for nullptr.
Cell hit_rate_cell(const Variant* variant, const std::optional<double>& paper);

// Bold for the best cell, underlined for the second, by `values`; cells without one do not compete.
void emphasize(const std::vector<Cell*>& cells, const std::vector<std::optional<double>>& values);

Bar bar_of(const Variant* variant, std::optional<TestFigures> SystemFigures::*test, const std::string& label,
           const std::string& colour);

// What every caption of a figure says of its signs.
inline constexpr const char* kSigns =
    "Whiskers are 95 % bootstrap intervals (of rows; of users with all their rows where several seeds are pooled), "
    "small "
    "rings single seeds.";

}  // namespace recpo::report
