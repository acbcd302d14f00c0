#pragma once
// dataset = "rows": ready rows as JSON lines, {"prompt", "chosen", "rejected": [..]} with optional ratings, latencies
// and candidates (INTERFACE, "Own rows"). What `prepare --export` writes is read back as the same rows. A file's split
// is the deck key that names it. Prompt and answers are taken as they stand.

#include <nlohmann/json.hpp>

#include "src/data/lines.hpp"
#include "src/data/options.hpp"
#include "src/data/prepare.hpp"

namespace recpo::data {

// Appends rows and origins of data.train, data.valid, data.test. Bad lines are counted and limited as everywhere.
void import_own_rows(const DataOptions& options, Prepared& prepared, nlohmann::ordered_json& summary);

// An import's files and bad lines for prepare.json.
nlohmann::ordered_json report_json(const ImportReport& report);

}  // namespace recpo::data
