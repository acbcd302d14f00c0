#pragma once
// RecBole's atomic files: tab-separated, UTF-8, a header of name:type columns found by name (src/data/table.hpp).
//   *.inter: user_id, item_id, rating, timestamp      *.item: item_id, a title, perhaps a year

#include <filesystem>
#include <optional>
#include <vector>

#include "src/data/lines.hpp"
#include "src/data/options.hpp"
#include "src/data/ratings.hpp"

namespace recpo::data {

// {X.item, X.inter} of `folder`, nullopt when one is missing. Throws kBadInput when several fit.
std::optional<std::vector<std::filesystem::path>> find_recbole_files(const std::filesystem::path& folder);

// A header without the columns is kBadInput, naming them.
void import_recbole(const std::vector<std::filesystem::path>& files, const DataOptions& options,
                    RatingsBuilder& builder, ImportReport& report);

}  // namespace recpo::data
