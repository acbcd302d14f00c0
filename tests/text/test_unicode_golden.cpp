// Random texts of all of Unicode and all MovieLens-100K titles: the ids equal those of tiktoken and of Hugging Face's
// tokenizers (hashes in unicode.json, by scripts/golden/llama3_golden.py), and decode to the text again, byte for byte.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <optional>
#include <span>
#include <sstream>

#include "src/support/file.hpp"
#include "src/text/tokenizer.hpp"
#include "tests/text/golden_files.hpp"
#include "tests/text/unicode_texts.hpp"

namespace recpo::text {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr std::size_t kBlock = 100;  // texts that share a hash
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kCompared = 1000;  // sanitizers cost twentyfold; the optimised build compares all
#else
constexpr std::size_t kCompared = kUnicodeTexts;
#endif
constexpr const char* kMeta = "llama-3/tokenizer.model";
constexpr const char* kHuggingFace = "llama-3-hf/tokenizer.json";

const nlohmann::json& golden() {
  static const nlohmann::json json = golden_json("unicode.json");
  return json;
}

// All texts; the first kCompared of them are compared.
const std::vector<std::string>& unicode_texts() {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> result(kUnicodeTexts);
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = unicode_text(i);
    return result;
  }();
  return texts;
}

// Column movie_title of the item file; empty when the data was not fetched.
const std::vector<std::string>& titles() {
  static const std::vector<std::string> lines = [] {
    std::vector<std::string> result;
    const auto path = data_path("ml-100k/ml-100k.item");
    if (!std::filesystem::exists(path)) return result;
    std::istringstream stream(read_file(path));
    std::string line;
    std::getline(stream, line);  // names of the columns
    while (std::getline(stream, line)) {
      const std::size_t begin = line.find('\t') + 1;
      result.push_back(line.substr(begin, line.find('\t', begin) - begin));
    }
    return result;
  }();
  return lines;
}

std::string hex(std::uint64_t value) { return fmt::format("{:016x}", value); }

// Whether every text comes back, and the hash of every block is the reference's.
void expect_blocks(const Tokenizer& tokenizer, std::span<const std::string> texts, const nlohmann::json& hashes) {
  ASSERT_GE(hashes.size(), (texts.size() + kBlock - 1) / kBlock);
  for (std::size_t begin = 0; begin < texts.size(); begin += kBlock) {
    std::uint64_t hash = kFnvStart;
    for (std::size_t i = begin; i < std::min(begin + kBlock, texts.size()); ++i) {
      const Ids ids = tokenizer.encode(texts[i]);
      hash = fnv(hash, ids);
      ASSERT_EQ(tokenizer.decode(ids), texts[i]) << "text " << i;
    }
    EXPECT_EQ(hex(hash), hashes[begin / kBlock].get<std::string>()) << "texts from " << begin;
  }
}

void expect_golden(const Tokenizer& tokenizer, const std::string& name) {
  const nlohmann::json& expected = golden()["tokenizers"][name];
  for (const auto& [index, ids] : expected["examples"].items()) {
    const std::string& text = unicode_texts()[std::stoul(index)];
    EXPECT_EQ(tokenizer.encode(text), ids.get<Ids>()) << "text " << index << ": " << text;
  }
  ASSERT_EQ(expected["blocks"].size() * kBlock, kUnicodeTexts);
  expect_blocks(tokenizer, std::span(unicode_texts()).first(kCompared), expected["blocks"]);
  if (titles().empty()) {
    std::cout << "titles skipped: " << data_path("ml-100k") << " is not there; scripts/fetch.sh data fetches it\n";
  } else {
    ASSERT_EQ(titles().size(), golden()["num_titles"].get<std::size_t>());
    expect_blocks(tokenizer, titles(), expected["titles"]);
  }
}

// Read once: the larger form takes seconds under sanitizers. Empty when it was not fetched.
std::optional<Tokenizer> llama3(const char* form) {
  static std::map<std::string, Tokenizer> read;
  const auto path = model_path(form);
  if (!std::filesystem::exists(path)) return std::nullopt;
  const auto known = read.find(form);
  return known != read.end() ? known->second : read.emplace(form, Tokenizer::load(path)).first->second;
}

class Llama3 : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    tokenizer_ = llama3(GetParam());
    if (!tokenizer_) GTEST_SKIP() << model_path(GetParam()) << " is not there: scripts/fetch.sh tokenizer fetches it";
  }
  std::optional<Tokenizer> tokenizer_;
};

TEST(UnicodeGolden, TheTextsAreTheScripts) {
  std::uint64_t hash = kFnvStart;
  for (const std::string& text : unicode_texts()) hash = fnv(hash, text);
  EXPECT_EQ(hex(hash), golden()["texts"].get<std::string>());
}

TEST(UnicodeGolden, SmallTokenizers) {
  for (const std::string name : {"gpt2_style", "llama3_style"}) {
    SCOPED_TRACE(name);
    expect_golden(Tokenizer::load(golden_path(name + ".tokenizer.json")), name);
  }
  SCOPED_TRACE("meta_style");
  expect_golden(Tokenizer::load(golden_path("meta_style.tokenizer.model")), "meta_style");
}

TEST_P(Llama3, EqualsTheReferences) { expect_golden(*tokenizer_, "llama3"); }

TEST_P(Llama3, KnowsItsTokens) {
  EXPECT_EQ(tokenizer_->vocab_size(), 128256);
  EXPECT_EQ(tokenizer_->begin_id(), 128000);
  EXPECT_EQ(tokenizer_->end_id(), 128001);
  EXPECT_EQ(tokenizer_->encode("Toy Story (1995) | Rating: 5\n"),
            (Ids{69070, 15457, 320, 2550, 20, 8, 765, 19767, 25, 220, 20, 198}));
  Ids special(256);
  for (std::size_t i = 0; i < special.size(); ++i) special[i] = 128000 + static_cast<std::int32_t>(i);
  EXPECT_EQ(tokenizer_->decode(special), "");
}

// Only ignore_merges, and Meta's own rule, find a token that no two-part merges reach.
TEST_P(Llama3, FindsEveryTokenAsAWholePiece) {
  if (kCompared < kUnicodeTexts) GTEST_SKIP() << "left to the optimised build: 128,000 tokens";
  Ids found;
  for (std::int32_t id = 0; id < 128000; ++id) {
    const Ids one{id};
    const std::string bytes = tokenizer_->decode(one);
    if (tokenizer_->encode(bytes) == one) found.push_back(id);
  }
  // The others are invalid UTF-8 alone or never one piece (a token of letters and digits, "'s" behind a letter).
  EXPECT_EQ(found.size(), golden()["whole_pieces"].get<std::size_t>());
  EXPECT_EQ(hex(fnv(kFnvStart, found)), golden()["whole_pieces_fnv"].get<std::string>());
}

TEST_P(Llama3, NoSpecialTokenComesFromText) {
  for (const std::string name : {"<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|start_header_id|>",
                                 "<|python_tag|>", "<|reserved_special_token_0|>", "<|reserved_special_token_245|>"}) {
    for (const std::string& text : {name, name + name, "a" + name + " b", "(" + name, name + "\n"}) {
      const Ids ids = tokenizer_->encode(text);
      EXPECT_LT(*std::ranges::max_element(ids), 128000) << text;
      EXPECT_EQ(tokenizer_->decode(ids), text);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, Llama3, testing::Values(kMeta, kHuggingFace),
                         [](const auto& form) { return form.param == std::string(kMeta) ? "Meta" : "HuggingFace"; });

// What is tested here is the file whose equality with the converter of Transformers the script has checked.
TEST(UnicodeGolden, HuggingFaceFormIsTheOneCompared) {
  const auto path = model_path(kHuggingFace);
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there: scripts/fetch.sh tokenizer makes it";
  EXPECT_EQ(sha256_file_hex(path), golden()["llama3_json_sha256"].get<std::string>());
}

}  // namespace
}  // namespace recpo::text
