#pragma once
// Is a text well-formed XML, as far as SVG and our HTML pages use it? Tags nest, attributes are quoted, '<' and '&'
// stand for nothing but tags and entities, and no control character is there.

#include <string>
#include <vector>

namespace recpo::report {

// "" when it is; otherwise what is wrong, with the text around.
inline std::string xml_fault(const std::string& text) {
  std::vector<std::string> open;
  const auto at = [&](std::size_t place) { return " at: " + text.substr(place, 60); };
  const auto is_entity = [&](std::size_t place) {
    for (const char* entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"})
      if (text.compare(place, std::string(entity).size(), entity) == 0) return true;
    return false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n') || c == 0x7F) return "control character" + at(i);
    if (c == '&' && !is_entity(i)) return "bare &" + at(i);
    if (c != '<') continue;
    std::size_t end = i + 1;
    char quote = 0;
    for (; end < text.size() && (quote != 0 || text[end] != '>'); ++end) {
      if (text[end] == '<') return "< inside of a tag" + at(i);
      if (text[end] == '"' || text[end] == '\'') quote = quote == 0 ? text[end] : quote == text[end] ? char{0} : quote;
    }
    if (end == text.size()) return "a tag without end" + at(i);
    const std::string tag = text.substr(i + 1, end - i - 1);
    const std::string name =
        tag.substr(tag.starts_with('/') ? 1 : 0, tag.find_first_of(" \n") - (tag.starts_with('/') ? 1 : 0));
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != name) return "</" + name + "> closes nothing" + at(i);
      open.pop_back();
    } else if (!tag.starts_with('!') && !tag.ends_with('/')) {
      open.push_back(name);
    }
    i = end;
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

}  // namespace recpo::report
