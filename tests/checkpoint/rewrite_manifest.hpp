#pragma once
// A manifest whose text was changed together with its hash.

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "src/checkpoint/manifest.hpp"
#include "src/support/file.hpp"

namespace recpo::checkpoint {

inline void rewrite_manifest(const std::filesystem::path& checkpoint,
                             const std::function<void(nlohmann::ordered_json&)>& change) {
  const std::filesystem::path path = checkpoint / kManifestName;
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(read_file(path));
  change(json);
  const std::string zeros(64, '0');
  json["manifest_sha256"] = zeros;
  std::string text = json.dump(1) + "\n";
  const std::string hash = sha256_hex(text);
  write_file(path, text.replace(text.find(zeros), zeros.size(), hash));
}

}  // namespace recpo::checkpoint
