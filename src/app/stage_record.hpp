#pragma once
// Which outputs in a run folder were made from which inputs, where the outputs themselves do not say it: the file
// stages.json. Training stages and rows carry their identity themselves and are not in it.

#include <filesystem>
#include <map>
#include <string>

namespace recpo::app {

class StageRecord {
 public:
  explicit StageRecord(const std::filesystem::path& run_folder);  // a missing or broken file is an empty record

  bool is_done(const std::string& stage, const std::string& identity) const;
  void set_done(const std::string& stage, const std::string& identity);  // writes the file; throws kCannotWrite

 private:
  std::filesystem::path path_;
  std::map<std::string, std::string> identities_;
};

}  // namespace recpo::app
