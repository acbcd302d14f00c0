#pragma once
// Text files of one record a line, plain or gzip, read line by line with limits. A line that cannot be read is counted
// with its number; when more than the allowed share of a file's lines is bad, reading stops with kBadInput.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace recpo::data {

// Thrown by a line's parser, with the reason.
struct BadLine : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct FileReport {
  std::string name;
  std::int64_t lines = 0, blank_lines = 0, bad_lines = 0;
};

struct ImportReport {
  std::vector<FileReport> files;
  std::vector<std::string> first_bad_lines;     // "u.data:17: rating 'x' is not a number", the first few
  std::map<std::string, std::int64_t> dropped;  // by reason: records that a data set leaves out
  std::vector<std::string> notes;               // what stands in for a column that is not there
};

nlohmann::ordered_json report_json(const ImportReport& report);  // files and bad lines, for prepare.json

// Calls `parse(line, number)` for every line that is not blank; CR LF ends a line as LF does, and the last line needs
// none. Numbers count from 1. Throws kBadInput when the file is missing, damaged, holds a line over kMaxLineBytes, or
// has more than `max_bad_lines` (a share) bad lines.
inline constexpr std::size_t kMaxLineBytes = std::size_t{1} << 24;
struct LineLimits {
  double max_bad_lines = 0;
  std::int64_t max_lines = 0;  // reading ends after these; 0: the complete file
};
using LineParser = std::function<void(std::string_view line, std::int64_t number)>;
void read_lines(const std::filesystem::path& path, const LineLimits& limits, ImportReport& report,
                const LineParser& parse);

// `folder`/`name` or `folder`/`name`.gz, whichever is there.
std::optional<std::filesystem::path> find_file(const std::filesystem::path& folder, const std::string& name);
// Files of the folder whose names end so, or so and .gz; sorted.
std::vector<std::filesystem::path> files_ending(const std::filesystem::path& folder,
                                                const std::vector<std::string>& endings);

// Fields of a line. `what` names the field in BadLine messages. Numbers do not depend on the locale.
std::vector<std::string_view> split_fields(std::string_view line, std::string_view separator);
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
double parse_real(std::string_view text, const char* what);          // finite
double parse_rating(std::string_view text);                          // above 0: utilities are divided by each other
double parse_stars(std::string_view text);                           // a rating from 1 to 5
std::int64_t parse_time(std::string_view text);                      // seconds; "8.81e8" and "881250949.0" are read too
std::int64_t parse_date(std::string_view text);                      // "2017-12-17", as seconds at its midnight, UTC
std::string_view parse_id(std::string_view text, const char* what);  // not empty

std::string latin1_to_utf8(std::string_view text);
std::string excerpt(std::string_view text);  // the beginning of untrusted text, fit for a one-line message

}  // namespace recpo::data
