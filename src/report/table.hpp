#pragma once
// The figures of a run as text: Markdown for people, CSV for programs.

#include <string>
#include <vector>

#include "src/report/evaluation_file.hpp"

namespace recpo::report {

// The table's columns, each with its title first, one text a system; columns that have nothing to say are left out.
std::vector<std::vector<std::string>> table_columns(const std::vector<SystemFigures>& figures,
                                                    const std::string& dataset);

// `reading` stands under the table, a line each.
std::string markdown(const std::vector<SystemFigures>& figures, const std::string& dataset,
                     const std::vector<std::string>& reading);

// One line a system and test, full precision, the paper's figures beside the main test; empty where there is nothing.
std::string csv(const std::vector<SystemFigures>& figures, const std::string& dataset);

}  // namespace recpo::report
