#include "src/data/recbole_files.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr std::string_view kSeparator = "\t";
constexpr std::size_t kMissing = ~std::size_t{0};

// Names under which published files hold a column, the best first.
constexpr std::array<std::string_view, 2> kUser = {"user_id", "user"};
constexpr std::array<std::string_view, 2> kItem = {"item_id", "item"};
constexpr std::array<std::string_view, 2> kRating = {"rating", "overall"};
constexpr std::array<std::string_view, 3> kTime = {"timestamp", "time", "date"};
constexpr std::array<std::string_view, 7> kTitle = {"title",     "movie_title", "item_name", "name",
                                                    "book_name", "app_name",    "beer_name"};
constexpr std::array<std::string_view, 3> kYear = {"release_year", "year", "publish_year"};

class Header {
 public:
  Header(const fs::path& path, std::string_view line) : path_(path) {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    for (const std::string_view column : split_fields(line, kSeparator))
      names_.emplace_back(column.substr(0, column.find(':')));
  }

  std::size_t find(std::span<const std::string_view> wanted) const {
    for (const std::string_view name : wanted)
      if (const auto at = std::ranges::find(names_, name); at != names_.end())
        return static_cast<std::size_t>(at - names_.begin());
    return kMissing;
  }

  std::size_t require(std::span<const std::string_view> wanted) const {
    const std::size_t column = find(wanted);
    if (column == kMissing)
      throw_input("{}:1: the header has none of the columns {}", path_.string(), fmt::join(wanted, ", "));
    return column;
  }

  void check(const std::vector<std::string_view>& fields) const {
    if (fields.size() != names_.size())
      throw BadLine(fmt::format("{} fields instead of {}", fields.size(), names_.size()));
  }

 private:
  fs::path path_;
  std::vector<std::string> names_;
};

// Reads the header with `open`, every other line's fields with `parse`.
template <class Open, class Parse>
void read_table(const fs::path& path, double max_bad_lines, ImportReport& report, const Open& open,
                const Parse& parse) {
  std::optional<Header> header;
  read_lines(path, max_bad_lines, report, [&](std::string_view line, std::int64_t) {
    if (!header) return open(header.emplace(path, line));
    const auto fields = split_fields(line, kSeparator);
    header->check(fields);
    parse(fields);
  });
  if (!header) throw_input("{} is empty", path.string());
}

std::optional<fs::path> only_file(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file(error) && (name.ends_with(ending) || name.ends_with(ending + ".gz")))
      found.push_back(entry.path());
  }
  if (found.size() > 1) throw_input("data.path = {}: more than one *{} there, keep one", folder.string(), ending);
  if (found.empty()) return std::nullopt;
  return found.front();
}
}  // namespace

std::optional<std::vector<fs::path>> find_recbole_files(const fs::path& folder) {
  const auto items = only_file(folder, ".item"), interactions = only_file(folder, ".inter");
  if (!items || !interactions) return std::nullopt;
  return std::vector<fs::path>{*items, *interactions};
}

void import_recbole(const std::vector<fs::path>& files, double max_bad_lines, RatingsBuilder& builder,
                    ImportReport& report) {
  std::size_t item = 0, title = 0, year = kMissing, user = 0, rating = 0, time = 0;
  read_table(
      files[0], max_bad_lines, report,
      [&](const Header& header) {
        item = header.require(kItem);
        title = header.require(kTitle);
        year = header.find(kYear);
      },
      [&](const auto& fields) {
        builder.add_item(parse_id(fields[item], "item"), fields[title], year == kMissing ? "" : fields[year]);
      });
  read_table(
      files[1], max_bad_lines, report,
      [&](const Header& header) {
        user = header.require(kUser);
        item = header.require(kItem);
        rating = header.require(kRating);
        time = header.require(kTime);
      },
      [&](const auto& fields) {
        const std::string_view user_id = parse_id(fields[user], "user"), item_id = parse_id(fields[item], "item");
        builder.add_interaction(user_id, item_id, parse_rating(fields[rating]), parse_time(fields[time]));
      });
}

}  // namespace recpo::data
