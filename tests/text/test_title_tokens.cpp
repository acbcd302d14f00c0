#include <gtest/gtest.h>

#include "src/support/check.hpp"
#include "src/text/added_tokens.hpp"
#include "src/text/tokenizer.hpp"
#include "tests/text/golden_files.hpp"

namespace recpo::text {
namespace {

using Texts = std::vector<std::string>;

TEST(TitleTokens, IdsAndTextsAreThoseOfTheReference) {
  const auto golden = golden_json("titles.json");
  const Tokenizer tokenizer =
      Tokenizer::train(golden["corpus"].get<Texts>(), golden["vocab_size"], golden["titles"].get<Texts>());
  EXPECT_EQ(tokenizer.vocab_size(), golden["vocabulary"].get<int>());
  for (std::size_t i = 0; i < golden["texts"].size(); ++i) {
    const std::string text = golden["texts"][i];
    const std::vector<std::int32_t> ids = tokenizer.encode(text);
    EXPECT_EQ(ids, golden["ids"][i].get<std::vector<std::int32_t>>()) << text;
    // The reference turns bytes that are no text into U+FFFD; there are none here.
    EXPECT_EQ(tokenizer.decode(ids), golden["decoded"][i].get<std::string>()) << text;
  }
}

TEST(TitleTokens, AnAnswerIsOneTokenThatDecodesToTheTitle) {
  const Texts titles = {"Alien³", "Alien",    "Aliens", "Amélie", "Toy Story (1995)",
                        "Toy",    "東京物語", "8½",     "M",      "Alien"};
  const Tokenizer tokenizer = Tokenizer::train(Texts{"Taken:\nAliens\nChoose from:\nToy\nAnswer: Toy"}, 300, titles);
  for (const std::string& title : titles) {
    const std::vector<std::int32_t> answer = tokenizer.encode(" " + title);
    ASSERT_EQ(answer.size(), 1u) << title;
    EXPECT_EQ(tokenizer.decode(answer), title);
    EXPECT_EQ(tokenizer.encode("\n" + title), answer);
    EXPECT_EQ(tokenizer.encode(title + " | Rating: 4")[0], answer[0]);
  }
  EXPECT_EQ(tokenizer.vocab_size(), 257 + 8) << "M is the byte's token, Alien counts once; nothing else occurs twice";
}

TEST(TitleTokens, MergesAreLearnedFromTheOtherText) {
  const Texts texts(3, "Zulu Zulu rated\nZulu");
  EXPECT_EQ(Tokenizer::train(texts, 258).encode("Zu").size(), 1u) << "the most frequent pair, without titles";
  const Tokenizer tokenizer = Tokenizer::train(texts, 258, Texts{"Zulu"});
  EXPECT_EQ(tokenizer.encode("Zu").size(), 2u);
  EXPECT_EQ(tokenizer.encode("Zulu Zulu\nZulu").size(), 3u);
  EXPECT_EQ(tokenizer.encode("Zulus").size(), 5u);
}

TEST(TitleTokens, OtherDecodersAreRefused) {
  const Tokenizer tokenizer = Tokenizer::train(Texts{"a"}, 257, Texts{"Amélie", "Léon"});
  const auto file = nlohmann::json::parse(tokenizer.file_content());
  ASSERT_EQ(file["decoder"]["decoders"].size(), 3u);
  const auto refuse = [&](const std::string& at, const nlohmann::json& value, const std::string& expected) {
    nlohmann::json broken = file;
    broken[nlohmann::json::json_pointer("/decoder/decoders" + at)] = value;
    try {
      Tokenizer::parse("tokenizer.json", broken.dump(), "copy");
      ADD_FAILURE() << at << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInput);
      EXPECT_NE(std::string(error.what()).find(expected), std::string::npos) << error.what();
    }
  };
  refuse("", nlohmann::json::array(), "expected ByteLevel");
  refuse("/2", file["decoder"]["decoders"][0], "expected ByteLevel");
  refuse("/0", file["decoder"]["decoders"][2], "expected Replace");
  refuse("/0/content", "x", "not the spelling in bytes");
  refuse("/0/pattern/Regex", "e", "not the spelling in bytes");
  refuse("/1/content", file["decoder"]["decoders"][0]["content"], "not the spelling in bytes");
}

}  // namespace
}  // namespace recpo::text
