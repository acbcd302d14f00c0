#include "src/train/metrics_log.hpp"

#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"

namespace recpo::train {
namespace {

// Drops the stage's lines after `step`, and lines that a killed program left incomplete.
void rewind_metrics(const std::filesystem::path& file, const std::string& stage, std::int64_t step) {
  if (!is_there(file)) return;
  std::istringstream lines(read_file(file));
  std::string kept, line;
  bool changed = false;
  while (std::getline(lines, line)) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    const bool complete = json.is_object() && json.contains("stage") && json["stage"].is_string() &&
                          json.contains("step") && json["step"].is_number_integer();
    const bool drop = !complete || (json["stage"] == stage && json["step"].get<std::int64_t>() > step);
    if (drop) {
      changed = true;
    } else {
      kept += line + "\n";
    }
  }
  if (changed) write_file(file, kept);
}

// train/NAME for each number of the line, NAME for those of validation.
Scalars scalars_of(const nlohmann::ordered_json& line) {
  Scalars scalars;
  for (const auto& [name, value] : line.items())
    if (value.is_number() && name != "step")
      scalars.emplace_back(name.starts_with("eval_") ? name : "train/" + name, value.get<double>());
  return scalars;
}

}  // namespace

MetricsLog::MetricsLog(const LogOptions& options, const std::filesystem::path& run_folder, const std::string& stage,
                       std::int64_t last_step, std::int64_t total_steps)
    : file_(run_folder / "metrics.jsonl"), every_steps_(options.every_steps), total_steps_(total_steps) {
  rewind_metrics(file_, stage, last_step);
  if (options.tensorboard) events_.emplace(run_folder / "tensorboard" / stage, last_step);
}

void MetricsLog::add(const StepMetrics& metrics) const {
  if (metrics.step % every_steps_ != 0 && metrics.step != 1 && metrics.step != total_steps_ && !metrics.validation)
    return;
  const nlohmann::ordered_json line = to_json(metrics);
  append_to_file(file_, line.dump() + "\n");  // non-finite numbers become null
  if (events_) events_->add(metrics.step, scalars_of(line));
}

namespace {
namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "events.out.tfevents.";
constexpr std::size_t kHeaderBytes = 12, kFooterBytes = 4;  // around a record's payload

std::uint32_t masked_crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0u);
      entries[i] = crc;
    }
    return entries;
  }();
  std::uint32_t crc = ~0u;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

template <class T>
std::string little_endian(T value) {
  static_assert(std::endian::native == std::endian::little);
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

std::string record(const std::string& payload) {
  const std::string length = little_endian<std::uint64_t>(payload.size());
  return length + little_endian(masked_crc32c(length)) + payload + little_endian(masked_crc32c(payload));
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

// Protobuf: a field's number and kind, then its value.
enum Kind : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
std::string field(int number, Kind kind, const std::string& value) {
  return varint(static_cast<std::uint64_t>(number << 3 | kind)) + value;
}
std::string bytes_field(int number, const std::string& value) {
  return field(number, kBytes, varint(value.size()) + value);
}

constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5;  // of Event
constexpr int kValue = 1;                                                // of Summary
constexpr int kTag = 1, kSimpleValue = 2;                                // of Summary.Value

std::string wall_time_field(double wall_time) { return field(kWallTime, kFixed64, little_endian(wall_time)); }

// The step of an event that scalars_record wrote; 0 where it has none.
std::int64_t step_of(std::string_view payload) {
  constexpr std::size_t kBegin = 1 + sizeof(double);  // behind the wall time
  if (payload.size() <= kBegin || payload[kBegin] != (kStep << 3 | kVarint)) return 0;
  std::uint64_t step = 0;
  for (std::size_t i = kBegin + 1, shift = 0; i < payload.size() && shift < 64; ++i, shift += 7) {
    step |= static_cast<std::uint64_t>(payload[i] & 0x7F) << shift;
    if ((payload[i] & 0x80) == 0) break;
  }
  return static_cast<std::int64_t>(step);
}

// Bytes of complete records up to `last_step`.
std::size_t kept_bytes(std::string_view content, std::int64_t last_step) {
  std::size_t kept = 0;
  while (content.size() - kept >= kHeaderBytes + kFooterBytes) {
    std::uint64_t length = 0;
    std::memcpy(&length, content.data() + kept, sizeof length);
    if (length > content.size() - kept - kHeaderBytes - kFooterBytes) break;
    const std::string payload(content.substr(kept + kHeaderBytes, length));
    if (content.substr(kept, payload.size() + kHeaderBytes + kFooterBytes) != record(payload)) break;
    if (step_of(payload) > last_step) break;
    kept += payload.size() + kHeaderBytes + kFooterBytes;
  }
  return kept;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

fs::path find_or_name(const fs::path& folder) {
  for (const fs::path& path : list_folder(folder))
    if (path.filename().string().starts_with(kPrefix)) return path;
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '-';
  return folder / fmt::format("{}{:.0f}.{}", kPrefix, now(), host.data());
}

}  // namespace

std::string version_record(double wall_time) {
  return record(wall_time_field(wall_time) + bytes_field(kFileVersion, "brain.Event:2"));
}

std::string scalars_record(double wall_time, std::int64_t step, const Scalars& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars)
    summary += bytes_field(
        kValue, bytes_field(kTag, tag) + field(kSimpleValue, kFixed32, little_endian(static_cast<float>(value))));
  return record(wall_time_field(wall_time) + field(kStep, kVarint, varint(static_cast<std::uint64_t>(step))) +
                bytes_field(kSummary, summary));
}

EventFile::EventFile(const fs::path& folder, std::int64_t last_step) {
  create_folders(folder);
  path_ = find_or_name(folder);
  const std::string content = is_there(path_) ? read_file(path_) : "";
  const std::size_t kept = kept_bytes(content, last_step);
  if (kept == 0) {
    write_file(path_, version_record(now()));
  } else if (kept < content.size()) {
    write_file(path_, content.substr(0, kept));
  }
}

void EventFile::add(std::int64_t step, const Scalars& scalars) const {
  append_to_file(path_, scalars_record(now(), step, scalars));
}

}  // namespace recpo::train
