#include "src/app/stage_record.hpp"

#include <nlohmann/json.hpp>

#include "src/support/file.hpp"

namespace recpo::app {

StageRecord::StageRecord(const std::filesystem::path& run_folder) : path_(run_folder / "stages.json") {
  if (!std::filesystem::exists(path_)) return;
  const auto json = nlohmann::json::parse(read_file(path_), nullptr, false);
  if (!json.is_object()) return;  // then everything is made again
  for (const auto& [stage, identity] : json.items()) {
    if (identity.is_string()) identities_[stage] = identity.get<std::string>();
  }
}

bool StageRecord::is_done(const std::string& stage, const std::string& identity) const {
  const auto found = identities_.find(stage);
  return found != identities_.end() && found->second == identity;
}

void StageRecord::set_done(const std::string& stage, const std::string& identity) {
  identities_[stage] = identity;
  write_file(path_, nlohmann::json(identities_).dump(2) + "\n");
}

}  // namespace recpo::app
