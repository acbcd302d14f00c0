#pragma once
// Tables in text files, a header of column names and then a record a line: CSV and TSV by RFC 4180, with a delimiter
// that the header shows, and RecBole's atomic files (tabs, no quotes, columns name:type).
//
//   read_table(path, csv_format, limits, report, [&](const Header& header) { user = header.require(kUserColumn, ""); },
//              [&](Fields fields) { add(fields[user]); });

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/data/lines.hpp"

namespace recpo::data {

struct TableFormat {
  char delimiter = ',';
  bool quotes = true;  // a field may be "quoted": it then holds delimiters, line ends and, doubled, quotes
  bool types = false;  // columns are called name:type
};
inline constexpr TableFormat kAtomicFormat{'\t', false, true};

// The delimiter that occurs most in the header, of comma, tab, semicolon and bar; where none does, tab in files *.tsv.
TableFormat csv_format(const std::filesystem::path& path, std::string_view header);
const char* name_of_delimiter(char delimiter);  // "tab"

// Splits records into fields.
class RecordParser {
 public:
  explicit RecordParser(const TableFormat& format) : format_(format) {}
  // The next line of a record. True: the record is complete; false: a quoted field goes on in the next line. Throws
  // BadLine and starts a new record.
  bool add(std::string_view line);
  std::span<const std::string> fields() const { return std::span(fields_).first(count_); }
  std::size_t bytes() const { return bytes_; }  // of the record so far

 private:
  void begin_field(std::string_view& rest);
  void take_quoted(std::string_view& rest);
  void parse(std::string_view rest);
  TableFormat format_;
  std::vector<std::string> fields_;  // keep their memory from record to record
  std::size_t count_ = 0, bytes_ = 0;
  bool inside_quotes_ = false;
};

// A column as the deck names it, or by the names that it has in published files, the best first. Case, blanks and
// punctuation do not count: "User ID" is user_id.
struct ColumnNames {
  const char* what;  // "user"
  const char* key;   // "data.columns.user"
  std::span<const std::string_view> usual;
};
extern const ColumnNames kUserColumn, kItemColumn, kRatingColumn, kTimeColumn, kTitleColumn, kYearColumn;

class Header {
 public:
  Header(std::filesystem::path path, const TableFormat& format, std::string_view line);

  // `wanted`: the deck's name, "" for the usual ones. Throws kBadInput, listing the header's columns, where the deck's
  // column is not there, and `require` where no other is.
  std::optional<std::size_t> find(const ColumnNames& column, const std::string& wanted) const;
  std::size_t require(const ColumnNames& column, const std::string& wanted) const;
  // The usual ones too where the deck's is not there.
  std::optional<std::size_t> find_any(const ColumnNames& column, const std::string& wanted) const;

  const std::filesystem::path& path() const { return path_; }
  const TableFormat& format() const { return format_; }
  const std::vector<std::string>& names() const { return names_; }
  std::string place(std::size_t column) const;  // "column 4 (date)", for messages
  std::string columns() const;                  // "columns separated by comma: user, item", for messages

 private:
  std::optional<std::size_t> find_name(std::string_view name) const;
  [[noreturn]] void fail(const ColumnNames& column, const std::string& problem) const;
  std::filesystem::path path_;
  TableFormat format_;
  std::vector<std::string> names_;
};

using Fields = std::span<const std::string>;
using FormatOf = TableFormat (*)(const std::filesystem::path& path, std::string_view header);
// Calls `open` with the header, which may throw kBadInput, and `parse` with every record, which may throw BadLine. An
// empty file, UTF-16 and a quote that is never closed are kBadInput.
void read_table(const std::filesystem::path& path, FormatOf format_of, const LineLimits& limits, ImportReport& report,
                const std::function<void(const Header&)>& open, const std::function<void(Fields)>& parse);

// The header alone.
Header read_header(const std::filesystem::path& path, FormatOf format_of);

// "x.csv, separated by comma: userId is the user, movieId the item; not used: genres".
using ColumnUses = std::vector<std::pair<const char*, std::optional<std::size_t>>>;  // what a column is, and its place
std::string describe(const Header& header, const ColumnUses& uses);

// parse(field); a BadLine names the column.
template <class Parse>
auto parse_column(const Header& header, Fields fields, std::size_t column, const Parse& parse) {
  try {
    return parse(fields[column]);
  } catch (const BadLine& bad) {
    throw BadLine(header.place(column) + ": " + bad.what());
  }
}

}  // namespace recpo::data
