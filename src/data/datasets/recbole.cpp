// Any data set in RecBole's atomic form: one *.inter and one *.item.

#include "src/data/datasets/recbole.hpp"

#include "src/data/dataset.hpp"
#include "src/data/table.hpp"
#include "src/data/times.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;

TableFormat atomic_format(const fs::path&, std::string_view) { return kAtomicFormat; }

std::optional<fs::path> only_file(const fs::path& folder, const std::string& ending) {
  const std::vector<fs::path> found = files_ending(folder, {ending});
  if (found.size() > 1) throw_input("data.path = {}: more than one *{} there, keep one", folder.string(), ending);
  return found.empty() ? std::nullopt : std::optional(found.front());
}
}  // namespace

std::optional<std::vector<fs::path>> find_recbole_files(const fs::path& folder) {
  const auto items = only_file(folder, ".item"), interactions = only_file(folder, ".inter");
  if (!items || !interactions) return std::nullopt;
  return std::vector<fs::path>{*items, *interactions};
}

void import_recbole(const std::vector<fs::path>& files, const DataOptions& options, RatingsBuilder& builder,
                    ImportReport& report) {
  const ColumnOptions& names = options.columns;
  std::size_t item = 0, title = 0, user = 0, rating = 0, time = 0;
  std::optional<std::size_t> year;
  std::optional<Header> interactions;
  read_table(
      files[0], atomic_format, line_limits(options), report,
      [&](const Header& header) {
        item = header.require(kItemColumn, names.item);
        title = header.require(kTitleColumn, names.title);
        year = header.find(kYearColumn, "");
      },
      [&](Fields fields) {
        builder.add_item(parse_id(fields[item], "item"), fields[title], year ? std::string_view(fields[*year]) : "");
      });
  read_table(
      files[1], atomic_format, line_limits(options), report,
      [&](const Header& header) {
        interactions = header;
        user = header.require(kUserColumn, names.user);
        item = header.require(kItemColumn, names.item);
        rating = header.require(kRatingColumn, names.rating);
        time = header.require(kTimeColumn, names.time);
      },
      [&](Fields fields) {
        const std::string_view user_id = parse_id(fields[user], "user"), item_id = parse_id(fields[item], "item");
        builder.add_interaction(user_id, item_id, parse_column(*interactions, fields, rating, parse_rating),
                                parse_column(*interactions, fields, time, parse_seconds));
      });
}

namespace {
std::optional<std::vector<fs::path>> find_files(const DataOptions& options) { return find_recbole_files(options.path); }

std::optional<Finding> recognize(const fs::path& folder) {
  const auto files = find_recbole_files(folder);
  if (!files) return std::nullopt;
  Finding finding;
  try {
    const Header items = read_header((*files)[0], atomic_format), log = read_header((*files)[1], atomic_format);
    finding.notes = {describe(log, {{kUserColumn.what, log.require(kUserColumn, "")},
                                    {kItemColumn.what, log.require(kItemColumn, "")},
                                    {kRatingColumn.what, log.require(kRatingColumn, "")},
                                    {kTimeColumn.what, log.require(kTimeColumn, "")}}),
                     describe(items, {{kItemColumn.what, items.require(kItemColumn, "")},
                                      {kTitleColumn.what, items.require(kTitleColumn, "")},
                                      {kYearColumn.what, items.find(kYearColumn, "")}})};
  } catch (const Error& error) {
    finding.obstacle = error.what();
  }
  return finding;
}
}  // namespace

extern const Dataset recbole;
const Dataset recbole = {.name = "recbole",
                         .domain = "generic",
                         .title = "RecBole",
                         .files = "one *.inter and one *.item",
                         .find_files = find_files,
                         .import = import_recbole,
                         .any_content = true,
                         .recognize = recognize};

}  // namespace recpo::data
