#include "src/data/rows.hpp"

namespace recpo::data {

const char* split_name(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kValid:
      return "valid";
    case Split::kTest:
      return "test";
    case Split::kAdherence:
      return "adherence";
    case Split::kAvoidance:
      return "avoidance";
  }
  return "";
}

std::string completion(const Candidate& candidate) { return (candidate.leading_space ? " " : "") + candidate.title; }

std::vector<const Row*> RowFile::of_split(Split split) const {
  std::vector<const Row*> found;
  for (const Row& row : rows)
    if (row.split == split) found.push_back(&row);
  return found;
}

}  // namespace recpo::data
