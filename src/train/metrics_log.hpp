#pragma once
// The record of a stage in its run folder: lines of metrics.jsonl, and TensorBoard events in tensorboard/STAGE where
// the deck asks for them, at the steps divisible by log.every_steps, the first, the last and those with validation.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/train/metrics.hpp"
#include "src/train/options.hpp"

namespace recpo::train {

// TensorBoard event file: events.out.tfevents.TIME.HOST, records of TFRecord (length and payload, each with its masked
// CRC-32C) with the protobuf message Event (wall time, step, scalars as simple_value).
using Scalars = std::vector<std::pair<std::string, double>>;  // tag, value

// Records as they are in the file; `wall_time` in seconds since 1970.
std::string version_record(double wall_time);  // the first of a file
std::string scalars_record(double wall_time, std::int64_t step, const Scalars& scalars);

class EventFile {
 public:
  // The event file in `folder`, made where there is none. A continued stage writes its steps again: events after
  // `last_step` are dropped, and what a killed program left incomplete. Throws kCannotWrite.
  EventFile(const std::filesystem::path& folder, std::int64_t last_step);

  void add(std::int64_t step, const Scalars& scalars) const;  // written out at once

 private:
  std::filesystem::path path_;
};

class MetricsLog {
 public:
  // A stage that continues after `last_step` writes later steps again: what there is of them is dropped.
  MetricsLog(const LogOptions& options, const std::filesystem::path& run_folder, const std::string& stage,
             std::int64_t last_step, std::int64_t total_steps);

  void add(const StepMetrics& metrics) const;  // written out at once; throws kCannotWrite

 private:
  std::filesystem::path file_;
  std::int64_t every_steps_, total_steps_;
  std::optional<EventFile> events_;
};

}  // namespace recpo::train
