#pragma once
// Run folders in groups that one table can hold: a report of several kinds of runs is a part for each group.

#include <string>
#include <vector>

#include "src/report/study.hpp"

namespace recpo::report {

// Runs of language models whose settings of [model] and [tokenizer] differ in at most one key, as in a sweep, are of
// one group, as are runs connected by such. A run without a language model (a baseline), or without an evaluation,
// joins the group with which it shares most: the data set, settings of the data, the folder. Groups and runs keep the
// order.
std::vector<std::vector<RunFolder>> group_runs(std::vector<RunFolder> runs);

// "SmolLM2-135M-Instruct on ml-100k", "tiny model from random weights on ml-100k".
std::string title_of(const Study& study);

// Texts of report.note of the group's runs, each once.
std::vector<std::string> notes_of(const Study& study);

}  // namespace recpo::report
