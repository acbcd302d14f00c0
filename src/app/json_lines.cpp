#include "src/app/json_lines.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/support/file.hpp"

namespace recpo::app {

void for_each_json_line(const std::filesystem::path& path, const std::function<void(const JsonObject&)>& visit) {
  const std::string content = read_file(path);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view line = std::string_view(content).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string source = fmt::format("{}:{}", path.string(), number);
    const nlohmann::json json = parse_json(line, source);
    visit(JsonObject(json, source));
  }
}

}  // namespace recpo::app
