#include "src/data/sample.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "src/data/dataset.hpp"
#include "src/data/prepare.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
constexpr double kLargestScale = 100;

bool is_multiple(double value, double step) { return std::floor(value / step) * step == value; }

void sample_log(const Dataset& dataset, const DataOptions& options, Sample& sample) {
  ImportReport report;
  RatingsBuilder builder(options.title_year, options.max_title);
  dataset.import(find_raw_files(dataset, options), options, builder, report);
  const Ratings ratings = builder.finish();
  sample.counts = count(ratings);
  sample.titled_items = std::ranges::count_if(ratings.items, [](const Item& item) { return !item.title.empty(); });
  sample.bad_lines = report.first_bad_lines;
  sample.is_complete =
      std::ranges::all_of(report.files, [&](const FileReport& file) { return file.lines < options.max_lines; });
  std::vector<double> levels;
  for (const Interaction& interaction : ratings.interactions) levels.push_back(interaction.level);
  if (!levels.empty()) sample.scale = scale_of(std::move(levels));
}

void sample_rows(const Dataset& dataset, const DataOptions& options, Sample& sample) {
  Prepared prepared;
  nlohmann::ordered_json summary;
  dataset.read_rows(options, prepared, summary);
  std::set<std::string_view> prompts, answers;
  for (const Row& row : prepared.rows.rows) {
    prompts.insert(row.prompt);
    for (const Candidate& candidate : row.candidates) {
      answers.insert(candidate.title);
      const auto bytes = static_cast<std::int64_t>(row.prompt.size() + completion(candidate).size());
      sample.longest_row = std::max(sample.longest_row, bytes);
    }
  }
  const auto size = [](const auto& all) { return static_cast<std::int64_t>(all.size()); };
  sample.counts = {size(prompts), size(answers), size(prepared.rows.rows)};
  sample.is_complete = true;
  for (const auto& file : summary["import"]["files"])
    sample.is_complete &= file["lines"].get<std::int64_t>() < options.max_lines;
}
}  // namespace

RatingScale scale_of(std::vector<double> ratings) {
  const auto [lowest, highest] = std::ranges::minmax(ratings);
  RatingScale scale{std::min(lowest, 1.0), highest};
  if (lowest == highest) scale.low = lowest;
  if (highest > kLargestScale) {
    const auto quarter = ratings.begin() + static_cast<std::ptrdiff_t>(ratings.size() * 3 / 4);
    std::ranges::nth_element(ratings, quarter);
    scale.low = lowest;
    scale.liked = *quarter;
    return scale;
  }
  scale.liked = scale.low + 0.75 * (scale.high - scale.low);
  const bool in_halves = std::ranges::all_of(ratings, [](double rating) { return is_multiple(rating, 0.5); });
  if (in_halves && scale.high > 1) scale.liked = std::ceil(scale.liked);
  return scale;
}

Sample take_sample(DataOptions options, std::int64_t max_lines) {
  options.max_lines = max_lines;
  const Dataset& dataset = find_dataset(options.dataset);
  Sample sample;
  (dataset.has_ready_rows() ? sample_rows : sample_log)(dataset, options, sample);
  std::error_code error;
  for (const fs::path& file : find_inputs(options, {}).raw)
    sample.bytes += static_cast<std::int64_t>(fs::file_size(file, error));
  if (sample.counts.interactions == 0)
    throw_input("{}: {} found, but the first {} lines hold no interaction", options.path, dataset.title, max_lines);
  return sample;
}

}  // namespace recpo::data
