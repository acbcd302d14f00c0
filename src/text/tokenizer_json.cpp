// Reader of Hugging Face's tokenizer.json with a byte-level BPE model.

#include <unordered_map>

#include "src/support/check.hpp"
#include "src/support/json.hpp"
#include "src/text/added_tokens.hpp"
#include "src/text/tokenizer_implementation.hpp"
#include "src/text/utf8.hpp"

namespace recpo::text {
namespace {

using nlohmann::json;
using Vocabulary = std::unordered_map<std::string, std::int32_t>;  // spelling in byte characters -> id

class Reader {
 public:
  Reader(const json& file, const std::string& name) : root_(file, name), model_(root_.object("model")) {}

  Tokenizer::Implementation read() {
    refuse_other_models();
    refuse_other_stages();
    read_vocabulary();
    if (root_.has("added_tokens")) {
      for (const JsonObject& field : root_.objects("added_tokens")) read_added_token(field);
    }
    refuse_other_decoders();
    result_.end_id = find_end_token();
    result_.pre_tokenizer = read_pre_tokenizer(root_);
    result_.begin_id = read_begin_id(root_, static_cast<std::int64_t>(result_.tokens.size()));
    read_model();
    return std::move(result_);
  }

 private:
  Token& token(std::int32_t id) { return result_.tokens[static_cast<std::size_t>(id)]; }

  // Settings under which byte-level BPE would give other ids.
  void refuse_other_models() {
    const std::string type = model_.text("type", "BPE");
    if (type != "BPE") throw_input("{}: type {} is not supported; expected BPE", model_.source(), excerpt(type));
    if (model_.has("dropout")) throw_input("{}: dropout is not supported; expected null", model_.source());
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!model_.text(key, "").empty()) throw_input("{}: {} is not supported; expected null", model_.source(), key);
    }
  }

  void refuse_other_stages() {
    if (root_.has("normalizer")) {
      const JsonObject normalizer = root_.object("normalizer");
      const std::string type = normalizer.text("type");
      if (type != "Sequence" || !normalizer.objects("normalizers").empty())
        throw_input("{}: type {} is not supported; expected null", normalizer.source(), excerpt(type));
    }
  }

  // ByteLevel, before it perhaps what makes it decode a title of Latin-1 letters (title_decoder) to itself.
  void refuse_other_decoders() {
    const JsonObject decoder = root_.object("decoder");
    if (decoder.text("type") != "Sequence") return refuse_other_decoder(decoder, "ByteLevel");
    std::vector<JsonObject> steps = decoder.objects("decoders");
    if (steps.empty()) throw_input("{}: decoders is empty; expected ByteLevel", decoder.source());
    refuse_other_decoder(steps.back(), "ByteLevel");
    steps.pop_back();
    for (const JsonObject& step : steps) {
      refuse_other_decoder(step, "Replace");
      const std::string pattern = step.object("pattern").text("Regex", "");
      const auto bytes = characters_to_bytes(step.text("content"));
      if (!bytes || !result_.added_tokens.holds_ordinary(*bytes) || pattern != title_pattern(*bytes))
        throw_input("{}: not the spelling in bytes of an added token", step.source());
    }
  }

  static void refuse_other_decoder(const JsonObject& decoder, const char* expected) {
    const std::string type = decoder.text("type");
    if (type != expected)
      throw_input("{}: type {} is not supported; expected {}", decoder.source(), excerpt(type), expected);
  }

  void place(std::int32_t id, Token value, const std::string& source) {
    if (static_cast<std::size_t>(id) >= result_.tokens.size()) result_.tokens.resize(static_cast<std::size_t>(id) + 1);
    if (token(id).kind != Token::Kind::kMissing) throw_input("{}: two tokens have the id {}", source, id);
    token(id) = std::move(value);
  }

  void read_vocabulary() {
    const JsonObject vocab = model_.object("vocab");
    for (const auto& [name, value] : vocab.value().items()) {
      const bool is_id = value.is_number_unsigned() && value.get<std::uint64_t>() < std::uint64_t{kMaxVocabSize};
      if (!is_id) throw_input("{}: {}: expected an id below {}", vocab.source(), excerpt(name), kMaxVocabSize);
      if (name.empty()) throw_input("{}: a token is empty", vocab.source());
      const auto id = value.get<std::int32_t>();
      vocabulary_.emplace(name, id);
      // A spelling that stands for no bytes decodes to itself, as it does for Hugging Face.
      place(id, {Token::Kind::kOrdinary, characters_to_bytes(name).value_or(name)}, vocab.source());
    }
    if (vocabulary_.empty()) throw_input("{}: the vocabulary is empty", vocab.source());
  }

  // An added token may repeat an entry of the vocabulary, with the same id.
  void read_added_token(const JsonObject& field) {
    AddedToken added;
    added.content = field.text("content");
    added.id = static_cast<std::int32_t>(field.integer("id", 0, kMaxVocabSize - 1));
    added.special = field.boolean("special", false);
    added.normalized = field.boolean("normalized", !added.special);
    added.single_word = field.boolean("single_word", false);
    added.lstrip = field.boolean("lstrip", false);
    added.rstrip = field.boolean("rstrip", false);
    if (added.content.empty()) throw_input("{}: content is empty", field.source());
    const Token value{added.special ? Token::Kind::kSpecial : Token::Kind::kOrdinary, added.content};
    const auto known = vocabulary_.find(added.content);
    if (known == vocabulary_.end()) {
      place(added.id, value, field.source());
    } else if (known->second == added.id) {
      token(added.id) = value;
    } else {
      throw_input("{}: {} has the id {} here and {} in model: vocab", field.source(), excerpt(added.content), added.id,
                  known->second);
    }
    result_.added_tokens.add(std::move(added));
  }

  // The file does not say which token ends a text; these are the names in use.
  std::int32_t find_end_token() {
    for (const char* name : {"<|end_of_text|>", "<|endoftext|>", "</s>", "<eos>"}) {
      for (std::size_t id = 0; id < result_.tokens.size(); ++id) {
        const Token& candidate = result_.tokens[id];
        if (candidate.kind == Token::Kind::kSpecial && candidate.bytes == name) return static_cast<std::int32_t>(id);
      }
    }
    return -1;
  }

  // "a b" or ["a", "b"].
  std::pair<std::string, std::string> merge_parts(const json& merge, std::int32_t rank) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      return {merge[0].get<std::string>(), merge[1].get<std::string>()};
    }
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      const std::size_t space = text.find(' ');
      if (space != std::string::npos) return {text.substr(0, space), text.substr(space + 1)};
    }
    throw_input("{}: merges[{}]: expected \"left right\" or [\"left\", \"right\"]", model_.source(), rank);
  }

  std::int32_t merge_token(const std::string& name, std::int32_t rank) {
    const auto found = vocabulary_.find(name);
    if (found == vocabulary_.end())
      throw_input("{}: merges[{}]: token {} is not in vocab", model_.source(), rank, excerpt(name));
    return found->second;
  }

  std::vector<Merge> read_merges() {
    const json& list = model_.at("merges");
    if (!list.is_array()) throw_input("{}: merges must be an array in brackets", model_.source());
    std::vector<Merge> merges;
    std::int32_t rank = 0;
    for (const json& element : list) {
      const auto [left, right] = merge_parts(element, rank);
      const Merge merge{merge_token(left, rank), merge_token(right, rank), rank, merge_token(left + right, rank)};
      if (token(merge.result).kind == Token::Kind::kOrdinary) merges.push_back(merge);  // never a special token
      ++rank;
    }
    return merges;
  }

  std::array<std::int32_t, 256> read_byte_ids() {
    std::array<std::int32_t, 256> ids;
    for (std::size_t byte = 0; byte < ids.size(); ++byte) {
      const auto found = vocabulary_.find(bytes_to_characters(std::string(1, static_cast<char>(byte))));
      const bool usable = found != vocabulary_.end() && token(found->second).kind == Token::Kind::kOrdinary;
      ids[byte] = usable ? found->second : BytePairEncoder::kNoToken;
      if (!usable && model_.boolean("byte_fallback", false))
        throw_input("{}: byte_fallback is not supported where a byte (0x{:02x}) has no token", model_.source(), byte);
    }
    return ids;
  }

  void read_model() {
    result_.encoder = BytePairEncoder(read_byte_ids(), read_merges());
    const bool needs_merges = !model_.boolean("ignore_merges", false);
    for (const auto& [name, id] : vocabulary_) {
      auto bytes = characters_to_bytes(name);
      if (bytes && token(id).kind == Token::Kind::kOrdinary)
        result_.encoder.add_whole_piece(std::move(*bytes), id, needs_merges);
    }
  }

  JsonObject root_, model_;
  Vocabulary vocabulary_;
  Tokenizer::Implementation result_;
};
}  // namespace

Tokenizer::Implementation parse_tokenizer_json(const std::string& content, const std::string& name) {
  const json file = parse_json(content, name);
  return Reader(file, name).read();
}

}  // namespace recpo::text
