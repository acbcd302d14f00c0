#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/text/added_tokens.hpp"
#include "src/text/pre_tokenizer.hpp"
#include "src/text/tokenizer_implementation.hpp"
#include "src/text/utf8.hpp"

namespace recpo::text {
namespace {

using nlohmann::json;
using Pair = std::pair<std::int32_t, std::int32_t>;

constexpr std::int64_t kMinPairCount = 2;
constexpr const char* kEndToken = "<|endoftext|>";

// A distinct piece of the texts, as the tokens it consists of so far.
struct Word {
  std::vector<std::int32_t> tokens;
  std::int64_t count = 0;
};

struct PairHash {
  std::size_t operator()(const Pair& pair) const {
    const auto key = static_cast<std::uint64_t>(pair.first) << 32 | static_cast<std::uint32_t>(pair.second);
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> 16);
  }
};

struct PairUse {
  std::int64_t count = 0;
  std::vector<std::size_t> words;  // that hold the pair, or did
};

// A pair with the count it once had; the most frequent comes first, then the smaller pair.
struct Ranked {
  std::int64_t count;
  Pair pair;
  bool operator<(const Ranked& other) const { return count != other.count ? count < other.count : pair > other.pair; }
};

std::map<std::string, std::int64_t> count_pieces(std::span<const std::string> texts, const AddedTokens& titles) {
  PreTokenizer pre_tokenizer;
  const char* where = "the trainer's pre-tokenizer";
  pre_tokenizer.add(SplitStep{Regex("\\p{N}", Regex::Syntax::kPattern, where)});
  pre_tokenizer.add(SplitStep{Regex(kGpt2Pattern, Regex::Syntax::kPattern, where)});
  std::map<std::string, std::int64_t> counts;
  std::string storage;
  std::vector<std::string_view> pieces;
  Progress progress("tokenizer: count pieces", static_cast<std::int64_t>(texts.size()), "texts");
  for (const std::string& text : texts) {
    const std::string valid = replace_invalid_utf8(text);
    for (const Section& section : titles.split(valid)) {
      if (section.id >= 0) continue;
      pre_tokenizer.split(section.text, storage, pieces);
      for (const std::string_view piece : pieces) ++counts[std::string(piece)];
    }
    progress.advance();
  }
  return counts;
}

class Trainer {
 public:
  explicit Trainer(const std::map<std::string, std::int64_t>& pieces) {
    add_token(kEndToken);
    std::array<std::int32_t, 256> byte_ids{};
    std::vector<int> bytes(256);
    for (int byte = 0; byte < 256; ++byte) bytes[byte] = byte;
    std::ranges::sort(bytes, {}, [](int byte) { return byte_characters()[byte]; });
    for (const int byte : bytes)
      byte_ids[byte] = add_token(bytes_to_characters(std::string(1, static_cast<char>(byte))));
    for (const auto& [piece, count] : pieces) {
      Word word{{}, count};
      for (const char byte : piece) word.tokens.push_back(byte_ids[static_cast<unsigned char>(byte)]);
      words_.push_back(std::move(word));
    }
    for (std::size_t i = 0; i < words_.size(); ++i) count_pairs(i, +1);
    for (const auto& [pair, use] : pairs_) queue_.push({use.count, pair});
  }

  void learn(std::size_t vocab_size) {
    Progress progress("tokenizer: learn merges", static_cast<std::int64_t>(vocab_size - names_.size()), "tokens");
    while (names_.size() < vocab_size && !queue_.empty()) {
      const Ranked top = queue_.top();
      queue_.pop();
      const std::int64_t count = pairs_[top.pair].count;
      if (count < kMinPairCount) continue;
      if (count != top.count) {
        queue_.push({count, top.pair});
        continue;
      }
      merge(top.pair);
      progress.advance();
    }
  }

  // The title's token; -1 where its spelling is that of other bytes, and the title stays text.
  std::int32_t title_id(const std::string& title) {
    const auto known = ids_.find(title);
    if (known == ids_.end()) return static_cast<std::int32_t>(names_.size()) + num_titles_++;
    return title != kEndToken && characters_to_bytes(title) == title ? known->second : -1;
  }

  json vocabulary() const { return ids_; }
  const std::vector<std::string>& merges() const { return merges_; }

 private:
  std::int32_t add_token(const std::string& name) {
    const auto [entry, is_new] = ids_.emplace(name, static_cast<std::int32_t>(names_.size()));
    if (is_new) names_.push_back(name);
    return entry->second;
  }

  void count_pairs(std::size_t word_index, std::int64_t sign) {
    const Word& word = words_[word_index];
    for (std::size_t i = 0; i + 1 < word.tokens.size(); ++i) {
      PairUse& use = pairs_[{word.tokens[i], word.tokens[i + 1]}];
      use.count += sign * word.count;
      if (sign > 0 && (use.words.empty() || use.words.back() != word_index)) use.words.push_back(word_index);
    }
  }

  void merge(const Pair& pair) {
    const std::string left = names_[static_cast<std::size_t>(pair.first)];
    const std::string right = names_[static_cast<std::size_t>(pair.second)];
    const std::int32_t token = add_token(left + right);  // may be known from other parts
    const std::string text = left + " " + right;
    if (merged_.emplace(text, true).second) merges_.push_back(text);
    const std::vector<std::size_t> words = std::move(pairs_[pair].words);
    pairs_[pair].words.clear();
    for (const std::size_t i : words) {
      if (!holds(words_[i], pair)) continue;
      count_pairs(i, -1);
      replace(words_[i].tokens, pair, token);
      count_pairs(i, +1);
      for (std::size_t k = 0; k + 1 < words_[i].tokens.size(); ++k) {
        const Pair changed{words_[i].tokens[k], words_[i].tokens[k + 1]};
        if (changed.first == token || changed.second == token) queue_.push({pairs_[changed].count, changed});
      }
    }
  }

  static bool holds(const Word& word, const Pair& pair) {
    for (std::size_t i = 0; i + 1 < word.tokens.size(); ++i) {
      if (word.tokens[i] == pair.first && word.tokens[i + 1] == pair.second) return true;
    }
    return false;
  }

  static void replace(std::vector<std::int32_t>& tokens, const Pair& pair, std::int32_t token) {
    std::size_t end = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const bool here = i + 1 < tokens.size() && tokens[i] == pair.first && tokens[i + 1] == pair.second;
      tokens[end++] = here ? token : tokens[i];
      if (here) ++i;
    }
    tokens.resize(end);
  }

  std::vector<Word> words_;
  std::vector<std::string> names_;  // by id, in byte characters
  std::int32_t num_titles_ = 0;     // with ids behind those
  std::unordered_map<std::string, std::int32_t> ids_;
  std::vector<std::string> merges_;
  std::unordered_map<std::string, bool> merged_;
  std::unordered_map<Pair, PairUse, PairHash> pairs_;
  std::priority_queue<Ranked> queue_;
};

json byte_level(bool add_prefix_space) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", add_prefix_space}, {"trim_offsets", true}, {"use_regex", true}};
}

json added_token(const AddedToken& token) {
  return {{"id", token.id},          {"content", token.content}, {"single_word", token.single_word},
          {"lstrip", token.lstrip},  {"rstrip", token.rstrip},   {"normalized", token.normalized},
          {"special", token.special}};
}

std::string tokenizer_json(Trainer& trainer, std::span<const std::string> titles) {
  json added = json::array({added_token({.content = kEndToken, .id = 0, .special = true})});
  std::vector<std::string> with_token;
  for (const std::string& title : titles) {
    const std::int32_t id = trainer.title_id(title);
    if (id < 0) continue;
    added.push_back(added_token(title_token(title, id)));
    with_token.push_back(title);
  }
  const json digits = {{"type", "Digits"}, {"individual_digits", true}};
  const json model = {{"type", "BPE"},
                      {"dropout", nullptr},
                      {"unk_token", nullptr},
                      {"continuing_subword_prefix", nullptr},
                      {"end_of_word_suffix", nullptr},
                      {"fuse_unk", false},
                      {"byte_fallback", false},
                      {"ignore_merges", false},
                      {"vocab", trainer.vocabulary()},
                      {"merges", trainer.merges()}};
  const json file = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", std::move(added)},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", json::array({digits, byte_level(false)})}}},
      {"post_processor", nullptr},
      {"decoder", title_decoder(with_token, byte_level(true))},
      {"model", model}};
  return file.dump(1) + "\n";
}
}  // namespace

std::string train_tokenizer_json(std::span<const std::string> texts, int vocab_size,
                                 std::span<const std::string> titles) {
  constexpr int kBytesAndEnd = 257;
  if (vocab_size < kBytesAndEnd)
    throw_usage("tokenizer.train_vocab = {}: a byte-level vocabulary has at least {} tokens", vocab_size, kBytesAndEnd);
  std::vector<std::string> distinct;
  std::unordered_set<std::string_view> seen;
  AddedTokens tokens;
  for (const std::string& title : titles)
    if (seen.insert(title).second) {
      distinct.push_back(title);
      tokens.add(title_token(title, 0));
    }
  Trainer trainer(count_pieces(texts, tokens));
  trainer.learn(static_cast<std::size_t>(vocab_size));
  return tokenizer_json(trainer, distinct);
}

}  // namespace recpo::text
