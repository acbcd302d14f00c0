#include "src/checkpoint/companions.hpp"

#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/support/file.hpp"
#include "src/support/json.hpp"

namespace recpo::checkpoint {
namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t kLargestCompanion = std::uint64_t{1} << 22;
constexpr const char* kNames[] = {"generation_config.json", "tokenizer_config.json", "special_tokens_map.json",
                                  "chat_template.jinja", "chat_template.json"};

Companions read_folder(const fs::path& folder) {
  Companions companions;
  std::error_code ignored;
  for (const char* name : kNames) {
    const fs::path path = folder / name;
    if (!fs::exists(fs::symlink_status(path, ignored))) continue;
    std::string text = read_file(path, kLargestCompanion);
    if (path.extension() == ".json") parse_json(text, path.string());
    companions[name] = std::move(text);
  }
  return companions;
}
}  // namespace

Companions read_companions(const ModelSource& source) {
  if (source.kind != ModelSource::Kind::kNative) return read_folder(source.path);
  const Contents contents = read_contents(source.path);
  Companions companions;
  for (const char* name : kNames)
    if (contents.files.contains(name)) companions[name] = read_checked(source.path, contents, name);
  return companions;
}

}  // namespace recpo::checkpoint
