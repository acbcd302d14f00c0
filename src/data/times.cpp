#include "src/data/times.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "src/data/lines.hpp"

namespace recpo::data {
namespace {
constexpr double kFirstMilliseconds = 1e11, kLastMilliseconds = 1e14;

// Takes two digits off the text's beginning; nullopt when they are not there or above `most`.
std::optional<std::int64_t> take_two_digits(std::string_view& text, std::int64_t most) {
  if (text.size() < 2 || !is_digit(text[0]) || !is_digit(text[1])) return std::nullopt;
  const std::int64_t value = (text[0] - '0') * 10 + (text[1] - '0');
  text.remove_prefix(2);
  return value <= most ? std::optional(value) : std::nullopt;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// "23:59:58.125" -> seconds of the day.
std::optional<std::int64_t> take_time_of_day(std::string_view& text) {
  const auto hour = take_two_digits(text, 23);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_two_digits(text, 59);
  if (!minute) return std::nullopt;
  std::int64_t seconds = *hour * 3600 + *minute * 60;
  if (!take(text, ':')) return seconds;
  const auto second = take_two_digits(text, 60);  // 60: a leap second
  if (!second) return std::nullopt;
  seconds += *second;
  if (!text.starts_with('.') && !text.starts_with(',')) return seconds;
  text.remove_prefix(1);
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
  return seconds;
}

// "", "Z", "+01:00", "-0330", "+01" -> seconds east of UTC; all of the text.
std::optional<std::int64_t> offset_of(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  const bool east = text.front() == '+';
  if (!east && text.front() != '-') return std::nullopt;
  text.remove_prefix(1);
  const auto hours = take_two_digits(text, 23);
  if (!hours) return std::nullopt;
  std::int64_t seconds = *hours * 3600;
  if (!text.empty()) {
    take(text, ':');
    const auto minutes = take_two_digits(text, 59);
    if (!minutes || !text.empty()) return std::nullopt;
    seconds += *minutes * 60;
  }
  return east ? seconds : -seconds;
}

std::optional<std::int64_t> iso_time(std::string_view text) {
  constexpr std::size_t kDate = 10;
  if (text.size() < kDate || text[4] != '-') return std::nullopt;
  const std::int64_t day = parse_date(text.substr(0, kDate));
  text.remove_prefix(kDate);
  if (text.empty()) return day;
  if (!take(text, 'T') && !take(text, ' ') && !take(text, 't')) return std::nullopt;
  const auto seconds = take_time_of_day(text);
  const auto offset = offset_of(text);
  return seconds && offset ? std::optional(day + *seconds - *offset) : std::nullopt;
}

std::optional<double> finite_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}
}  // namespace

Time parse_any_time(std::string_view text) {
  const auto value = finite_number(text);
  if (value && std::fabs(*value) < kFirstMilliseconds) return {parse_time(text), TimeForm::kSeconds};
  if (value && std::fabs(*value) < kLastMilliseconds)
    return {static_cast<std::int64_t>(std::floor(*value / 1000)), TimeForm::kMilliseconds};
  if (!value)
    if (const auto seconds = iso_time(text)) return {*seconds, TimeForm::kIso8601};
  throw BadLine(
      fmt::format("time '{}' is neither seconds, milliseconds nor ISO 8601 (2017-12-31T23:59:58Z)", excerpt(text)));
}

}  // namespace recpo::data
