#pragma once
// A node description (inputs/nodes): a TOML file with every key once, units in the names.

#include <filesystem>
#include <string_view>

#include "src/plan/node.hpp"

namespace recpo::app {

// Throws kUsage naming file, line, key and what would be right: unknown, missing and doubled keys, values of the wrong
// kind or range.
plan::Node read_node_file(const std::filesystem::path& path);
plan::Node read_node_text(std::string_view text, const std::string& name);  // `name` appears in errors

}  // namespace recpo::app
