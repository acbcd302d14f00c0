// Reader of Meta's tokenizer.model: one token a line, "BASE64 RANK". The rank is the token's id and its priority: two
// neighbours merge when their bytes joined are a token, the lowest rank first. The 256 special tokens of Llama-3 follow
// the last rank.

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <unordered_map>

#include "src/support/check.hpp"
#include "src/text/tokenizer_implementation.hpp"
#include "src/text/utf8.hpp"

namespace recpo::text {
namespace {

constexpr std::size_t kSpecialTokens = 256;

// Their texts in Llama-3.1 and later, by place after the last rank; Llama-3 calls 8 and 10 reserved. The others have no
// use, or texts that differ between versions.
constexpr std::int32_t kBegin = 0, kEnd = 1;
constexpr std::pair<std::int32_t, const char*> kSpecialTexts[] = {
    {kBegin, "<|begin_of_text|>"}, {kEnd, "<|end_of_text|>"}, {6, "<|start_header_id|>"},
    {7, "<|end_header_id|>"},      {8, "<|eom_id|>"},         {9, "<|eot_id|>"},
    {10, "<|python_tag|>"}};
constexpr std::size_t kMaxBase64Bytes = 4096;

// A line of the file, for errors: spelled out only when there is one.
struct Place {
  const std::string& name;
  std::size_t line;
  std::string text() const { return fmt::format("{}:{}", name, line); }
};

struct Line {
  std::string bytes;
  std::int32_t rank;
};

// Strict: the decoded bytes encode to the same text again. Empty on failure.
std::string decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > kMaxBase64Bytes) return {};
  const auto* input = reinterpret_cast<const unsigned char*>(text.data());
  const auto length = static_cast<int>(text.size());
  std::string bytes(text.size() / 4 * 3, '\0');
  if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), input, length) < 0) return {};
  bytes.resize(bytes.size() - (text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0));
  std::string again(text.size() + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(again.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  again.pop_back();
  return again == text ? bytes : std::string();
}

Line read_line(std::string_view line, const Place& place) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos)
    throw_input("{}: expected \"BASE64 RANK\", found {}", place.text(), excerpt(line));
  Line result{decode_base64(line.substr(0, space)), -1};
  if (result.bytes.empty()) throw_input("{}: {} is not base64", place.text(), excerpt(line.substr(0, space)));
  const std::string_view number = line.substr(space + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), result.rank);
  if (error != std::errc() || end != number.data() + number.size() || result.rank < 0)
    throw_input("{}: {} is not a rank", place.text(), excerpt(number));
  return result;
}

std::vector<Token> read_tokens(const std::string& content, const std::string& name) {
  const auto num_lines = static_cast<std::size_t>(std::ranges::count(content, '\n')) + 1;
  if (num_lines > static_cast<std::size_t>(kMaxVocabSize)) throw_input("{}: more than {} lines", name, kMaxVocabSize);
  std::vector<Token> tokens(num_lines);
  std::size_t count = 0, line_number = 0;
  std::istringstream lines(content);
  for (std::string text; std::getline(lines, text);) {
    ++line_number;
    if (text.ends_with('\r')) text.pop_back();
    if (text.empty()) continue;
    const Place place{name, line_number};
    Line line = read_line(text, place);
    const auto rank = static_cast<std::size_t>(line.rank);
    if (rank >= num_lines) throw_input("{}: rank {} in a file of {} lines", place.text(), rank, num_lines);
    if (tokens[rank].kind != Token::Kind::kMissing) throw_input("{}: rank {} is there twice", place.text(), rank);
    tokens[rank] = {Token::Kind::kOrdinary, std::move(line.bytes)};
    ++count;
  }
  tokens.resize(std::min(count, tokens.size()));
  for (std::size_t rank = 0; rank < count; ++rank) {
    if (tokens[rank].kind == Token::Kind::kMissing) throw_input("{}: rank {} of {} is missing", name, rank, count);
  }
  return tokens;
}

using IdOf = std::unordered_map<std::string_view, std::int32_t>;

std::array<std::int32_t, 256> find_bytes(const IdOf& id_of, const std::string& name) {
  std::array<std::int32_t, 256> ids;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    const auto found = id_of.find(std::string_view(&text, 1));
    if (found == id_of.end()) throw_input("{}: no token for the byte 0x{:02x}", name, byte);
    ids[byte] = found->second;
  }
  return ids;
}

// Every way in which two tokens make a third.
std::vector<Merge> find_merges(const std::vector<Token>& tokens, const IdOf& id_of) {
  std::vector<Merge> merges;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const std::string_view bytes = tokens[id].bytes;
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const auto left = id_of.find(bytes.substr(0, cut));
      if (left == id_of.end()) continue;
      const auto right = id_of.find(bytes.substr(cut));
      if (right == id_of.end()) continue;
      const auto rank = static_cast<std::int32_t>(id);
      merges.push_back({left->second, right->second, rank, rank});
    }
  }
  return merges;
}
}  // namespace

Tokenizer::Implementation parse_tokenizer_model(const std::string& content, const std::string& name) {
  Tokenizer::Implementation result;
  std::vector<Token>& tokens = result.tokens;
  tokens = read_tokens(content, name);
  if (tokens.empty()) throw_input("{}: no tokens; expected lines \"BASE64 RANK\"", name);

  IdOf id_of;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const auto [other, is_new] = id_of.emplace(tokens[id].bytes, static_cast<std::int32_t>(id));
    if (!is_new) throw_input("{}: ranks {} and {} are the same token", name, other->second, id);
  }
  result.encoder = BytePairEncoder(find_bytes(id_of, name), find_merges(tokens, id_of));
  for (const auto& [bytes, id] : id_of) result.encoder.add_whole_piece(std::string(bytes), id, false);
  result.pre_tokenizer.add(SplitStep{Regex(kLlama3Pattern, Regex::Syntax::kPattern, name)});

  const auto first_special = static_cast<std::int32_t>(tokens.size());
  result.begin_id = first_special + kBegin;
  result.end_id = first_special + kEnd;
  for (const auto& [place, content] : kSpecialTexts)
    result.added_tokens.add({.content = content, .id = first_special + place, .special = true});
  tokens.resize(tokens.size() + kSpecialTokens, {Token::Kind::kSpecial, ""});
  return result;
}

}  // namespace recpo::text
