#include "src/text/tokenizer.hpp"

#include <limits>

#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/text/tokenizer_implementation.hpp"
#include "src/text/utf8.hpp"

namespace recpo::text {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 28;
constexpr const char* kJsonName = "tokenizer.json";
constexpr const char* kModelName = "tokenizer.model";

fs::path tokenizer_file(const fs::path& path) {
  if (!is_folder(path)) return path;
  for (const char* name : {kJsonName, kModelName}) {
    if (is_there(path / name)) return path / name;
  }
  throw_input("{}: the folder holds neither {} nor {}", path.string(), kJsonName, kModelName);
}
}  // namespace

Tokenizer::Tokenizer(std::shared_ptr<const Implementation> implementation)
    : implementation_(std::move(implementation)) {}

Tokenizer Tokenizer::load(const fs::path& path) {
  const fs::path file = tokenizer_file(path);
  const std::string file_name = file.extension() == ".model" ? kModelName : kJsonName;
  return parse(file_name, read_file(file, kMaxFileBytes), file.string());
}

Tokenizer Tokenizer::parse(const std::string& file_name, std::string content, const std::string& name) {
  if (file_name != kJsonName && file_name != kModelName)
    throw_input("{}: a tokenizer is a {} or a {}, not a {}", name, kJsonName, kModelName, file_name);
  Implementation parsed =
      file_name == kJsonName ? parse_tokenizer_json(content, name) : parse_tokenizer_model(content, name);
  parsed.file_name = file_name;
  parsed.hash = sha256_hex(content);
  parsed.file_content = std::move(content);
  return Tokenizer(std::make_shared<const Implementation>(std::move(parsed)));
}

Tokenizer Tokenizer::train(std::span<const std::string> texts, int vocab_size, std::span<const std::string> titles) {
  return parse(kJsonName, train_tokenizer_json(texts, vocab_size, titles), "the trained tokenizer");
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, std::size_t special_bytes) const {
  RECPO_REQUIRE(text.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()) / 3);
  std::string repaired;
  if (valid_utf8_prefix(text) < text.size()) {
    repaired = replace_invalid_utf8(text.substr(0, special_bytes));
    const std::size_t repaired_bytes = repaired.size();
    if (special_bytes < text.size()) repaired += replace_invalid_utf8(text.substr(special_bytes));
    special_bytes = repaired_bytes;
    text = repaired;
  }

  std::vector<std::int32_t> ids;
  std::string storage;
  std::vector<std::string_view> pieces;
  for (const Section& section : implementation_->added_tokens.split(text, special_bytes)) {
    if (section.id >= 0) {
      ids.push_back(section.id);
      continue;
    }
    implementation_->pre_tokenizer.split(section.text, storage, pieces);
    for (const std::string_view piece : pieces) implementation_->encoder.encode(piece, ids);
  }
  return ids;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids) const {
  const std::vector<Token>& tokens = implementation_->tokens;
  std::string text;
  for (const std::int32_t id : ids) {
    const bool known = id >= 0 && static_cast<std::size_t>(id) < tokens.size() &&
                       tokens[static_cast<std::size_t>(id)].kind != Token::Kind::kMissing;
    if (!known) throw_error(ExitCode::kInternal, "token {} is not in the vocabulary of {}", id, vocab_size());
    const Token& token = tokens[static_cast<std::size_t>(id)];
    if (token.kind == Token::Kind::kOrdinary) text += token.bytes;
  }
  return text;
}

int Tokenizer::vocab_size() const { return static_cast<int>(implementation_->tokens.size()); }
std::int32_t Tokenizer::begin_id() const { return implementation_->begin_id; }
std::int32_t Tokenizer::end_id() const { return implementation_->end_id; }
std::string Tokenizer::hash() const { return implementation_->hash; }
const std::string& Tokenizer::file_name() const { return implementation_->file_name; }
const std::string& Tokenizer::file_content() const { return implementation_->file_content; }

}  // namespace recpo::text
