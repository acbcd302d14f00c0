#pragma once
// Times as rating logs of any origin spell them.

#include <cstdint>
#include <string_view>

namespace recpo::data {

enum class TimeForm : std::uint8_t { kSeconds, kMilliseconds, kIso8601 };
constexpr const char* title_of(TimeForm form) {
  return form == TimeForm::kSeconds ? "seconds" : form == TimeForm::kMilliseconds ? "milliseconds" : "ISO 8601";
}

// Seconds since 1970 (UTC), rounded down. Numbers are seconds, from 1e11 on (the year 5138) milliseconds, which begin
// in 1973. ISO 8601: 2017-12-31, or with a time of day behind T or a blank: 23:59, 23:59:58, 23:59:58.125, and Z,
// +01:00, +0100 or +01 where it is not UTC. Throws BadLine.
struct Time {
  std::int64_t seconds = 0;
  TimeForm form = TimeForm::kSeconds;
};
Time parse_any_time(std::string_view text);
inline std::int64_t parse_seconds(std::string_view text) { return parse_any_time(text).seconds; }

}  // namespace recpo::data
