#include "src/data/dataset.hpp"

#include <algorithm>
#include <tuple>

#include "src/data/prepare.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace fs = std::filesystem;

#define RECPO_DATASET(name) extern const Dataset name;
#include "dataset_list.inc"
#undef RECPO_DATASET

const std::vector<const Dataset*>& datasets() {
#define RECPO_DATASET(name) &name,
  static const std::vector<const Dataset*> all = {
#include "dataset_list.inc"
  };
#undef RECPO_DATASET
  return all;
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const Dataset* dataset : datasets()) names.emplace_back(dataset->name);
  std::ranges::sort(names);
  return names;
}

std::vector<fs::path> find_raw_files(const Dataset& dataset, const DataOptions& options) {
  if (auto files = dataset.find_files(options)) return *std::move(files);
  throw_input("data.path = {}: {} needs {} there, .gz or not", options.path, dataset.title, dataset.files);
}

namespace {
std::optional<Finding> recognize(const Dataset& dataset, const fs::path& folder) {
  if (dataset.recognize != nullptr) return dataset.recognize(folder);
  DataOptions options;
  options.path = folder.string();
  if (!dataset.has_files() || !dataset.find_files(options)) return std::nullopt;
  return Finding{};
}
}  // namespace

std::vector<Finding> findings_in(const fs::path& folder) {
  std::vector<Finding> findings;
  for (const Dataset* dataset : datasets()) {
    if (auto finding = recognize(*dataset, folder)) {
      finding->options.dataset = dataset->name;
      finding->options.path = folder.string();
      findings.push_back(*std::move(finding));
    }
  }
  std::ranges::stable_sort(findings, {}, [](const Finding& finding) {
    const Dataset& dataset = find_dataset(finding.options.dataset);
    return std::tuple(!finding.obstacle.empty(), dataset.any_content, dataset.has_ready_rows());
  });
  return findings;
}

const Dataset& find_dataset(const std::string& name) {
  for (const Dataset* dataset : datasets())
    if (name == dataset->name) return *dataset;
  throw_usage("data.dataset = \"{}\" is none of {}", name, fmt::join(dataset_names(), ", "));
}

}  // namespace recpo::data
