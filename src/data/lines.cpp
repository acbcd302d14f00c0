#include "src/data/lines.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "src/support/check.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"
#include "src/text/utf8.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr std::size_t kBlockBytes = std::size_t{1} << 18;
constexpr std::size_t kBadLinesNamed = 10;
constexpr std::size_t kExcerptBytes = 40;
constexpr double kLargestTime = 9e18;  // still an int64

// Lines of a plain or gzip file; zlib reads both alike.
class LineSource {
 public:
  explicit LineSource(const fs::path& path)
      : path_(path), file_(gzopen(path.c_str(), "rb"), gzclose), block_(kBlockBytes, '\0') {
    if (!file_) throw_input("cannot read {}: {}", path.string(), std::strerror(errno));
    if (!is_file(path)) throw_input("{} is not a regular file", path.string());
    gzbuffer(file_.get(), kBlockBytes);
  }

  bool next(std::string& line) {
    line.clear();
    for (;;) {
      if (begin_ == end_ && !fill()) break;
      const std::string_view rest(block_.data() + begin_, end_ - begin_);
      const auto newline = rest.find('\n');
      line += rest.substr(0, newline);
      begin_ += newline == std::string_view::npos ? rest.size() : newline + 1;
      if (line.size() > kMaxLineBytes)
        throw_input("{}:{}: line longer than {} bytes", path_.string(), number_ + 1, kMaxLineBytes);
      if (newline != std::string_view::npos) return found(line);
    }
    return !line.empty() && found(line);
  }

  std::int64_t number() const { return number_; }
  std::int64_t offset() const { return gzoffset(file_.get()); }  // bytes of the file itself, compressed or not

 private:
  bool found(std::string& line) {
    ++number_;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return true;
  }

  bool fill() {
    const int count = gzread(file_.get(), block_.data(), kBlockBytes);
    int status = Z_OK;
    const char* message = gzerror(file_.get(), &status);
    if (count < 0 || status == Z_BUF_ERROR)
      throw_input("{} is damaged or cut off after line {}: {}", path_.string(), number_, message);
    begin_ = 0;
    end_ = static_cast<std::size_t>(count);
    return count > 0;
  }

  fs::path path_;
  std::unique_ptr<gzFile_s, decltype(&gzclose)> file_;
  std::string block_;
  std::size_t begin_ = 0, end_ = 0;
  std::int64_t number_ = 0;
};

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t") == std::string_view::npos; }

void check_share(const fs::path& path, const FileReport& file, double max_bad_lines, const std::string& first) {
  const auto read = static_cast<double>(file.lines - file.blank_lines);
  if (static_cast<double>(file.bad_lines) <= max_bad_lines * read) return;
  throw_input("{}: {} of {} lines cannot be read, more than the share data.max_bad_lines = {} allows; the first: {}",
              path.string(), file.bad_lines, file.lines - file.blank_lines, max_bad_lines, first);
}
}  // namespace

void read_lines(const fs::path& path, const LineLimits& limits, ImportReport& report, const LineParser& parse) {
  LineSource source(path);
  std::error_code error;
  Progress progress("read " + path.filename().string(), static_cast<std::int64_t>(fs::file_size(path, error)), "bytes");
  FileReport file{path.filename().string()};
  std::string line, first_bad;
  std::int64_t offset = 0;
  while ((limits.max_lines == 0 || source.number() < limits.max_lines) && source.next(line)) {
    if (source.offset() != offset) progress.advance(source.offset() - std::exchange(offset, source.offset()));
    if (is_blank(line)) {
      ++file.blank_lines;
      continue;
    }
    try {
      parse(line, source.number());
    } catch (const BadLine& bad) {
      const std::string message = fmt::format("{}:{}: {}", file.name, source.number(), bad.what());
      if (file.bad_lines++ == 0) first_bad = message;
      if (report.first_bad_lines.size() < kBadLinesNamed) report.first_bad_lines.push_back(message);
    }
  }
  file.lines = source.number();
  check_share(path, file, limits.max_bad_lines, first_bad);
  if (file.bad_lines > 0) log::warn("{}: {} bad lines left out, the first: {}", file.name, file.bad_lines, first_bad);
  report.files.push_back(std::move(file));
}

nlohmann::ordered_json report_json(const ImportReport& report) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  std::int64_t bad_lines = 0;
  for (const FileReport& file : report.files) {
    files.push_back(
        {{"file", file.name}, {"lines", file.lines}, {"blank_lines", file.blank_lines}, {"bad_lines", file.bad_lines}});
    bad_lines += file.bad_lines;
  }
  return {
      {"files", files}, {"bad_lines", bad_lines}, {"first_bad_lines", report.first_bad_lines}, {"notes", report.notes}};
}

std::optional<fs::path> find_file(const fs::path& folder, const std::string& name) {
  for (const char* ending : {"", ".gz"})
    if (is_file(folder / (name + ending))) return folder / (name + ending);
  return std::nullopt;
}

std::vector<fs::path> files_ending(const fs::path& folder, const std::vector<std::string>& endings) {
  std::vector<fs::path> found;
  for (const fs::path& path : list_folder(folder)) {
    const std::string name = path.filename().string();
    const bool fits = std::ranges::any_of(
        endings, [&](const std::string& end) { return name.ends_with(end) || name.ends_with(end + ".gz"); });
    if (fits && is_file(path)) found.push_back(path);
  }
  return found;
}

std::vector<std::string_view> split_fields(std::string_view line, std::string_view separator) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto end = line.find(separator);
    fields.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return fields;
    line.remove_prefix(end + separator.size());
  }
}

double parse_real(std::string_view text, const char* what) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw BadLine(fmt::format("{} '{}' is not a number", what, excerpt(text)));
  return value;
}

double parse_rating(std::string_view text) {
  const double rating = parse_real(text, "rating");
  if (rating <= 0) throw BadLine(fmt::format("rating '{}' is not above 0", excerpt(text)));
  return rating;
}

double parse_stars(std::string_view text) {
  const double rating = parse_rating(text);
  if (rating < 1 || rating > 5) throw BadLine(fmt::format("rating {} is not 1-5", rating));
  return rating;
}

std::int64_t parse_time(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) return seconds;
  const double real = parse_real(text, "time");
  if (std::fabs(real) > kLargestTime) throw BadLine(fmt::format("time '{}' is out of range", excerpt(text)));
  return static_cast<std::int64_t>(std::floor(real));
}

std::int64_t parse_date(std::string_view text) {
  const auto number = [&](std::size_t begin, std::size_t length) {
    int value = -1;
    const char* last = text.data() + begin + length;
    const auto [end, error] = std::from_chars(text.data() + begin, last, value);
    return error == std::errc() && end == last ? value : -1;
  };
  if (text.size() == 10 && text[4] == '-' && text[7] == '-') {
    const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                           std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                           std::chrono::day(static_cast<unsigned>(number(8, 2)))};
    const bool exists = date.ok() && date.year() > std::chrono::year(0);
    if (exists) return std::chrono::sys_seconds(std::chrono::sys_days(date)).time_since_epoch().count();
  }
  throw BadLine(fmt::format("date '{}' is not of the form 2017-12-31", excerpt(text)));
}

std::string_view parse_id(std::string_view text, const char* what) {
  if (text.empty()) throw BadLine(fmt::format("the {} is empty", what));
  return text;
}

std::string latin1_to_utf8(std::string_view text) {
  std::string result;
  for (const char c : text) text::append_utf8(result, static_cast<unsigned char>(c));
  return result;
}

std::string excerpt(std::string_view text) {
  std::string shown = text::replace_invalid_utf8(text.substr(0, kExcerptBytes));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return shown + (text.size() > kExcerptBytes ? ".." : "");
}

}  // namespace recpo::data
