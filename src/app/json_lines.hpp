#pragma once
// JSONL input of score and generate: one object a line, empty lines skipped.

#include <filesystem>
#include <functional>

#include "src/support/json.hpp"

namespace recpo::app {

// Calls `visit` with each object; its source is "file:line". Throws kBadInput.
void for_each_json_line(const std::filesystem::path& path, const std::function<void(const JsonObject&)>& visit);

}  // namespace recpo::app
