#include "src/data/dataset.hpp"

#include <algorithm>

#include "src/data/prepare.hpp"
#include "src/support/check.hpp"

namespace recpo::data {

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
  names.emplace_back("rows");
  std::ranges::sort(names);
  return names;
}

const Dataset& find_dataset(const std::string& name) {
  for (const Dataset* dataset : datasets())
    if (name == dataset->name) return *dataset;
  throw_usage("data.dataset = \"{}\" is none of {}", name, fmt::join(dataset_names(), ", "));
}

}  // namespace recpo::data
