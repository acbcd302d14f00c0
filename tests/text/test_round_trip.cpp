// decode(encode(text)) = text for all valid text; text that is not valid UTF-8 is repaired, never a crash.

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "src/support/random.hpp"
#include "src/text/regex.hpp"
#include "src/text/tokenizer.hpp"
#include "src/text/utf8.hpp"
#include "tests/text/golden_files.hpp"

namespace recpo::text {
namespace {

std::string random_text(Random& random) {
  std::string text;
  for (std::uint64_t n = random.below(50); n > 0; --n) {
    const std::uint64_t kind = random.below(4);
    char32_t code_point = static_cast<char32_t>(random.below(kind == 0 ? 0x80 : kind == 1 ? 0x3000 : 0x110000));
    if (kind == 2) code_point = U" \n\t'sS1a.é日"[random.below(11)];
    if (code_point >= 0xD800 && code_point < 0xE000) code_point = U' ';
    append_utf8(text, code_point);
  }
  return text;
}

std::string random_bytes(Random& random) {
  std::string bytes;
  for (std::uint64_t n = random.below(50); n > 0; --n) bytes += static_cast<char>(random.below(256));
  return bytes;
}

// The tokenizers that are always there.
std::vector<Tokenizer> tokenizers() {
  std::vector<Tokenizer> result;
  for (const char* style : {"gpt2_style", "llama3_style"}) {
    result.push_back(Tokenizer::load(golden_path(std::string(style) + ".tokenizer.json")));
  }
  return result;
}

TEST(TokenizerRoundTrip, ValidText) {
  for (const Tokenizer& tokenizer : tokenizers()) {
    for (std::uint64_t trial = 0; trial < 3000; ++trial) {
      Random random(2, "valid", trial);
      const std::string text = random_text(random);
      ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text) << trial;
    }
  }
}

TEST(TokenizerRoundTrip, AnyBytes) {
  for (const Tokenizer& tokenizer : tokenizers()) {
    for (std::uint64_t trial = 0; trial < 3000; ++trial) {
      Random random(3, "bytes", trial);
      const std::string bytes = random_bytes(random);
      ASSERT_EQ(tokenizer.decode(tokenizer.encode(bytes)), replace_invalid_utf8(bytes)) << trial;
    }
  }
}

TEST(TokenizerRoundTrip, NoSpecialTokenComesFromText) {
  const Tokenizer tokenizer = Tokenizer::load(golden_path("gpt2_style.tokenizer.json"));
  for (const std::string text : {"<|endoftext|>", "a<|im_start|>b", "<|endoftext|><|endoftext|>"}) {
    for (const std::int32_t id : tokenizer.encode(text)) EXPECT_GT(id, 1) << text;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

// Those that lie in the asked part of the text; where one straddles its end, or no part was asked for: characters.
TEST(TokenizerRoundTrip, SpecialTokensComeFromTheAskedPartOfAText) {
  const Tokenizer tokenizer = Tokenizer::load(golden_path("gpt2_style.tokenizer.json"));
  const auto joined = [&](std::vector<std::vector<std::int32_t>> parts) {
    std::vector<std::int32_t> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  const std::string marker = "<|im_start|>", text = marker + "The<item>s " + marker + "\n" + marker;
  const auto title = tokenizer.encode("The<item>s "), line = tokenizer.encode("\n"), plain = tokenizer.encode(marker);
  EXPECT_EQ(tokenizer.encode(text, text.size()), joined({{1}, title, {1}, line, {1}}));
  EXPECT_EQ(tokenizer.encode(text, text.size() - 1), joined({{1}, title, {1}, tokenizer.encode("\n" + marker)}));
  EXPECT_EQ(tokenizer.encode(text, marker.size()).front(), 1);
  EXPECT_EQ(std::ranges::count(tokenizer.encode(text, marker.size()), 1), 1);
  EXPECT_EQ(std::ranges::count(tokenizer.encode(text), 1), 0);
  EXPECT_EQ(tokenizer.encode(marker + "\xff" + marker, marker.size() + 1),
            joined({{1}, tokenizer.encode("\xff" + marker)}));
  EXPECT_EQ(plain.size(), tokenizer.encode(marker, 3).size());
}

TEST(TokenizerRoundTrip, NoSpecialTokenComesFromMerges) {
  for (const char* style : {"gpt2_style", "llama3_style"}) {
    auto file = golden_json(std::string(style) + ".tokenizer.json");
    const auto id = file["model"]["vocab"]["The"].get<std::int32_t>();
    EXPECT_EQ(Tokenizer::parse("tokenizer.json", file.dump(), "ordinary").encode("The"), std::vector{id});
    file["added_tokens"].push_back({{"id", id}, {"content", "The"}, {"special", true}});
    const auto ids = Tokenizer::parse("tokenizer.json", file.dump(), "special").encode("The");
    EXPECT_EQ(std::ranges::count(ids, id), 0);
    EXPECT_GT(ids.size(), 1u);
  }
}

TEST(Regex, FallsBackWhereTheMachineCodeRunsOutOfStack) {
  std::vector<Span> matches;
  Regex("(?:(a)|b)*c", Regex::Syntax::kPattern, "test").find_all(std::string(50000, 'a') + "c", matches);
  ASSERT_EQ(matches.size(), 1u);
  EXPECT_EQ(matches[0].end, 50001u);
}

// One of each way in which UTF-8 spells them, and the last of all.
TEST(Regex, KnowsLettersAndNumbersNewerThanPcre2) {
  const Regex letter("\\p{L}", Regex::Syntax::kPattern, "test"), number("[\\p{N}]", Regex::Syntax::kPattern, "test");
  const Regex neither("\\P{L}", Regex::Syntax::kPattern, "test");
  const auto num_matches = [](const Regex& regex, const char* text) {
    std::vector<Span> matches;
    regex.find_all(text, matches);
    return matches.size();
  };
  for (const char* text : {"\u1C89", "\uA7CB", "\uA7DC", "\U000105C0", "\U00016D40", "\U000323AF"}) {
    EXPECT_EQ(num_matches(letter, text), 1u) << text;
    EXPECT_EQ(num_matches(neither, text), 0u) << text;
    EXPECT_EQ(num_matches(number, text), 0u) << text;
  }
  for (const char* text : {"\U00010D40", "\U0001E5FA"}) EXPECT_EQ(num_matches(number, text), 1u) << text;
}

TEST(TokenizerRoundTrip, LongRunsNeedNoStack) {
  for (const Tokenizer& tokenizer : tokenizers()) {
    for (const char* unit : {" ", "a", "\n ", "1", "é", "!"}) {
      std::string text;
      while (text.size() < 200000) text += unit;
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    }
  }
}

TEST(TokenizerRoundTrip, ThreadsShareOneTokenizer) {
  const Tokenizer tokenizer = tokenizers().front();
  Random random(4, "shared");
  std::vector<std::string> texts(200);
  std::ranges::generate(texts, [&] { return random_text(random); });
  std::vector<std::vector<std::int32_t>> expected;
  for (const std::string& text : texts) expected.push_back(tokenizer.encode(text));
  std::array<int, 4> equal{};
  {
    std::vector<std::jthread> threads;
    for (int& count : equal) {
      threads.emplace_back([&] {
        for (std::size_t i = 0; i < texts.size(); ++i) count += tokenizer.encode(texts[i]) == expected[i];
      });
    }
  }
  for (const int count : equal) EXPECT_EQ(count, 200);
}

}  // namespace
}  // namespace recpo::text
