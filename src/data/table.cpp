#include "src/data/table.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
using Names = std::string_view[];
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kColumnsListed = 30;

// Simplified, as `simplified` below leaves them.
constexpr Names kUserNames = {"userid",     "user",         "uid",      "username",   "reviewerid", "reviewer",
                              "customerid", "customer",     "memberid", "visitorid",  "accountid",  "profilename",
                              "playerid",   "listenerid",   "readerid", "benutzerid", "benutzer",   "nutzerid",
                              "nutzer",     "kundennummer", "kundenid", "kunde"};
constexpr Names kItemNames = {"itemid",     "item",    "iid",       "movieid", "productid", "parentasin",
                              "asin",       "product", "bookid",    "isbn",    "songid",    "trackid",
                              "artistid",   "gameid",  "appid",     "beerid",  "animeid",   "recipeid",
                              "businessid", "newsid",  "articleid", "sku",     "mid",       "artikelnummer",
                              "artikelid",  "artikel", "produktid", "produkt", "filmid",    "buchid"};
constexpr Names kRatingNames = {"rating",     "ratings",    "overall", "stars",     "star",    "score",  "userrating",
                                "bookrating", "starrating", "grade",   "bewertung", "wertung", "sterne", "note"};
constexpr Names kTimeNames = {
    "timestamp", "time",      "date", "datetime", "unixreviewtime", "unixtime",  "reviewtime", "reviewdate",
    "createdat", "eventtime", "ts",   "ratedat",  "zeitstempel",    "zeitpunkt", "zeit",       "datum"};
constexpr Names kTitleNames = {"title",     "movietitle", "itemname",  "name",         "bookname",    "booktitle",
                               "appname",   "beername",   "itemtitle", "producttitle", "productname", "artistname",
                               "trackname", "gamename",   "titel",     "bezeichnung"};
constexpr Names kYearNames = {"releaseyear", "year", "publishyear"};

// Lower case without blanks and punctuation; letters beyond ASCII stay.
std::string simplified(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c >= 'A' && c <= 'Z') {
      result += static_cast<char>(c - 'A' + 'a');
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80) {
      result += c;
    }
  }
  return result;
}

std::string listed(const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (const std::string& name : names) {
    if (shown.size() == kColumnsListed) {
      shown.emplace_back("..");
      break;
    }
    shown.push_back(excerpt(name));
  }
  return fmt::format("{}", fmt::join(shown, ", "));
}

bool is_utf16(std::string_view line) { return line.starts_with("\xff\xfe") || line.starts_with("\xfe\xff"); }
}  // namespace

const ColumnNames kUserColumn = {"user", "data.columns.user", kUserNames};
const ColumnNames kItemColumn = {"item", "data.columns.item", kItemNames};
const ColumnNames kRatingColumn = {"rating", "data.columns.rating", kRatingNames};
const ColumnNames kTimeColumn = {"time", "data.columns.time", kTimeNames};
const ColumnNames kTitleColumn = {"title", "data.columns.title", kTitleNames};
const ColumnNames kYearColumn = {"year", "", kYearNames};

TableFormat csv_format(const fs::path& path, std::string_view header) {
  const std::string name = path.filename().string();
  TableFormat format{name.ends_with(".tsv") || name.ends_with(".tsv.gz") ? '\t' : ','};
  std::ptrdiff_t most = 0;
  for (const char delimiter : {',', '\t', ';', '|'}) {
    std::ptrdiff_t count = 0;
    bool inside_quotes = false;
    for (const char c : header) {
      if (c == '"') inside_quotes = !inside_quotes;
      count += c == delimiter && !inside_quotes;
    }
    if (count > most) format.delimiter = delimiter;
    most = std::max(most, count);
  }
  return format;
}

const char* name_of_delimiter(char delimiter) {
  switch (delimiter) {
    case ',':
      return "comma";
    case '\t':
      return "tab";
    case ';':
      return "semicolon";
    default:
      return "bar";
  }
}

bool RecordParser::add(std::string_view line) {
  try {
    parse(line);
  } catch (const BadLine&) {
    inside_quotes_ = false;
    throw;
  }
  return !inside_quotes_;
}

void RecordParser::begin_field(std::string_view& rest) {
  if (count_ == fields_.size()) fields_.emplace_back();
  fields_[count_++].clear();
  inside_quotes_ = format_.quotes && rest.starts_with('"');
  if (inside_quotes_) rest.remove_prefix(1);
}

// Up to the closing quote; where there is none, the field goes on in the next line.
void RecordParser::take_quoted(std::string_view& rest) {
  std::string& field = fields_[count_ - 1];
  for (;;) {
    const auto quote = rest.find('"');
    field += rest.substr(0, quote);
    if (quote == std::string_view::npos) return;
    rest.remove_prefix(quote + 1);
    if (!rest.starts_with('"')) break;
    field += '"';
    rest.remove_prefix(1);
  }
  inside_quotes_ = false;
  if (!rest.empty() && rest.front() != format_.delimiter)
    throw BadLine(fmt::format("column {}: text follows the closing quote: '{}'", count_, excerpt(rest)));
}

void RecordParser::parse(std::string_view rest) {
  bytes_ = inside_quotes_ ? bytes_ + 1 + rest.size() : rest.size();
  if (inside_quotes_) {
    fields_[count_ - 1] += '\n';
  } else {
    count_ = 0;
    begin_field(rest);
  }
  for (;;) {
    if (inside_quotes_) take_quoted(rest);
    if (inside_quotes_) return;
    const auto end = rest.find(format_.delimiter);
    fields_[count_ - 1] += rest.substr(0, end);
    if (end == std::string_view::npos) return;
    rest.remove_prefix(end + 1);
    begin_field(rest);
  }
}

Header::Header(fs::path path, const TableFormat& format, std::string_view line)
    : path_(std::move(path)), format_(format) {
  RecordParser parser(format);
  if (!parser.add(line)) throw_input("{}:1: a quote in the header is not closed", path_.string());
  for (const std::string& field : parser.fields()) {
    const auto begin = field.find_first_not_of(" \t"), end = field.find_last_not_of(" \t");
    std::string name = begin == std::string::npos ? "" : field.substr(begin, end + 1 - begin);
    names_.push_back(format.types ? name.substr(0, name.find(':')) : std::move(name));
  }
}

std::optional<std::size_t> Header::find_name(std::string_view name) const {
  auto at = std::ranges::find(names_, name);
  if (at == names_.end()) at = std::ranges::find(names_, simplified(name), simplified);
  if (at == names_.end() || name.empty()) return std::nullopt;
  return static_cast<std::size_t>(at - names_.begin());
}

void Header::fail(const ColumnNames& column, const std::string& problem) const {
  throw_input("{}:1: {}; {}; set {}", path_.string(), problem, columns(), column.key);
}

std::optional<std::size_t> Header::find(const ColumnNames& column, const std::string& wanted) const {
  if (wanted.empty()) return find_any(column, "");
  if (const auto found = find_name(wanted)) return found;
  fail(column, fmt::format("the header has no column '{}' ({})", excerpt(wanted), column.key));
}

std::size_t Header::require(const ColumnNames& column, const std::string& wanted) const {
  if (const auto found = find(column, wanted)) return *found;
  fail(column, fmt::format("the header has no column that is known to hold the {}", column.what));
}

std::optional<std::size_t> Header::find_any(const ColumnNames& column, const std::string& wanted) const {
  if (const auto found = find_name(wanted)) return found;
  for (const std::string_view name : column.usual)
    if (const auto found = find_name(name)) return found;
  return std::nullopt;
}

std::string Header::place(std::size_t column) const {
  return fmt::format("column {} ({})", column + 1, excerpt(names_[column]));
}

std::string Header::columns() const {
  return fmt::format("columns separated by {}: {}", name_of_delimiter(format_.delimiter), listed(names_));
}

Header read_header(const fs::path& path, FormatOf format_of) {
  std::optional<Header> found;
  ImportReport report;
  read_table(
      path, format_of, {.max_lines = 1}, report, [&](const Header& header) { found = header; }, [](Fields) {});
  return *found;
}

std::string describe(const Header& header, const ColumnUses& uses) {
  std::vector<std::string> used, unused;
  std::vector<bool> is_used(header.names().size());
  for (const auto& [what, column] : uses) {
    if (!column) continue;
    is_used[*column] = true;
    used.push_back(fmt::format("{} is the {}", excerpt(header.names()[*column]), what));
  }
  for (std::size_t i = 0; i < is_used.size(); ++i)
    if (!is_used[i]) unused.push_back(header.names()[i]);
  std::string text = fmt::format("{}, separated by {}: {}", header.path().filename().string(),
                                 name_of_delimiter(header.format().delimiter), fmt::join(used, ", "));
  return unused.empty() ? text : text + "; not used: " + listed(unused);
}

void read_table(const fs::path& path, FormatOf format_of, const LineLimits& limits, ImportReport& report,
                const std::function<void(const Header&)>& open, const std::function<void(Fields)>& parse) {
  std::optional<Header> header;
  std::optional<RecordParser> parser;
  std::int64_t first_line = 0;  // of a record that is not complete; 0: none
  const auto fail_open_quote = [&] {
    throw_input("{}:{}: the quote that opens column {} is not closed", path.string(), first_line,
                parser->fields().size());
  };
  const auto begin = [&](std::string_view line) {
    if (is_utf16(line)) throw_input("{} is UTF-16; save it as UTF-8", path.string());
    if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
    header.emplace(path, format_of(path, line), line);
    parser.emplace(header->format());
    open(*header);
  };
  const auto read_record = [&](std::string_view line, std::int64_t number) {
    const std::int64_t begun = first_line > 0 ? first_line : number;
    first_line = 0;
    if (!parser->add(line)) {
      first_line = begun;
      if (parser->bytes() > kMaxLineBytes) fail_open_quote();
      return;
    }
    if (parser->fields().size() != header->names().size())
      throw BadLine(fmt::format("{} fields instead of {}", parser->fields().size(), header->names().size()));
    parse(parser->fields());
  };
  read_lines(path, limits, report,
             [&](std::string_view line, std::int64_t number) { header ? read_record(line, number) : begin(line); });
  if (!header) throw_input("{} is empty", path.string());
  const bool cut = limits.max_lines > 0 && report.files.back().lines == limits.max_lines;
  if (first_line > 0 && !cut) fail_open_quote();
}

}  // namespace recpo::data
