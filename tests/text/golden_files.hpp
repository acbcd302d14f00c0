#pragma once
// Files of tests/golden/text (made by scripts/golden/text_golden.py) and models and data that are fetched, never
// committed.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace recpo::text {

std::filesystem::path golden_path(const std::string& name);
nlohmann::json golden_json(const std::string& name);

// Under $RECPO_MODELS, or models/ in the source root when that is not set. May not exist.
std::filesystem::path model_path(const std::string& name);

// Likewise under $RECPO_DATA or data/.
std::filesystem::path data_path(const std::string& name);

}  // namespace recpo::text
