#include "tests/text/golden_files.hpp"

#include <cstdlib>

#include "src/support/file.hpp"

namespace recpo::text {
namespace fs = std::filesystem;

namespace {
fs::path fetched(const char* variable, const char* folder) {
  const char* named = std::getenv(variable);
  return named ? fs::path(named) : fs::path(RECPO_SOURCE_DIR) / folder;
}
}  // namespace

fs::path golden_path(const std::string& name) { return fs::path(RECPO_SOURCE_DIR) / "tests/golden/text" / name; }

nlohmann::json golden_json(const std::string& name) { return nlohmann::json::parse(read_file(golden_path(name))); }

fs::path model_path(const std::string& name) { return fetched("RECPO_MODELS", "models") / name; }

fs::path data_path(const std::string& name) { return fetched("RECPO_DATA", "data") / name; }

}  // namespace recpo::text
