#include "tests/text/golden_files.hpp"

#include <cstdlib>

#include "src/support/file.hpp"

namespace recpo::text {
namespace fs = std::filesystem;

fs::path golden_path(const std::string& name) { return fs::path(RECPO_SOURCE_DIR) / "tests/golden/text" / name; }

nlohmann::json golden_json(const std::string& name) { return nlohmann::json::parse(read_file(golden_path(name))); }

fs::path model_path(const std::string& name) {
  const char* folder = std::getenv("RECPO_MODELS");
  return (folder ? fs::path(folder) : fs::path(RECPO_SOURCE_DIR) / "models") / name;
}

}  // namespace recpo::text
