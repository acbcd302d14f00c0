#include "src/text/added_tokens.hpp"

#include "src/support/check.hpp"

namespace recpo::text {

void AddedTokens::add(AddedToken token) {
  RECPO_REQUIRE(!token.content.empty());
  any_ordinary_ = any_ordinary_ || !token.special;
  by_first_byte_[static_cast<unsigned char>(token.content[0])].push_back(std::move(token));
}

std::vector<Section> AddedTokens::split(std::string_view text) const {
  if (!any_ordinary_) return {{text}};
  std::vector<Section> first, second;
  search(text, false, first);
  for (const Section& section : first) {
    if (section.id < 0) {
      search(section.text, true, second);
    } else {
      second.push_back(section);
    }
  }
  return second;
}

void AddedTokens::search(std::string_view text, bool normalized, std::vector<Section>& sections) const {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const AddedToken* token = longest_at(text.substr(i), normalized);
    const std::size_t end = i + (token ? token->content.size() : 1);
    if (token && !token->special) {
      if (i > begin) sections.push_back({text.substr(begin, i - begin)});
      sections.push_back({text.substr(i, end - i), token->id});
      begin = end;
    }
    i = end;
  }
  if (begin < text.size()) sections.push_back({text.substr(begin)});
}

const AddedToken* AddedTokens::longest_at(std::string_view text, bool normalized) const {
  const AddedToken* longest = nullptr;
  for (const AddedToken& token : by_first_byte_[static_cast<unsigned char>(text[0])]) {
    const bool longer = !longest || token.content.size() > longest->content.size();
    if (token.normalized == normalized && longer && text.starts_with(token.content)) longest = &token;
  }
  return longest;
}

}  // namespace recpo::text
