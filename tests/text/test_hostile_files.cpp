// Broken and hostile tokenizer files end in kBadInput that names the file and what is wrong, and in nothing else.

#include <gtest/gtest.h>

#include <fstream>

#include "src/support/check.hpp"
#include "src/support/random.hpp"
#include "src/text/tokenizer.hpp"
#include "tests/text/golden_files.hpp"

namespace recpo::text {
namespace {

using nlohmann::json;

// The message of the error that parsing ends in; "" when the file is accepted.
std::string complaint(const std::string& file_name, const std::string& content) {
  try {
    Tokenizer::parse(file_name, content, "bad.file");
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInput) << error.what();
    EXPECT_TRUE(std::string(error.what()).starts_with("bad.file")) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.what();
  }
}

void expect_complaint(const std::string& file_name, const std::string& content, const std::string& part) {
  const std::string message = complaint(file_name, content);
  EXPECT_FALSE(message.empty()) << "accepted; expected: " << part;
  EXPECT_NE(message.find(part), std::string::npos) << message << "\nexpected: " << part;
}

json whole_file() { return golden_json("llama3_style.tokenizer.json"); }

TEST(HostileTokenizerJson, TheTableStartsFromAnAcceptedFile) {
  EXPECT_EQ(complaint("tokenizer.json", whole_file().dump()), "");
}

struct Change {
  const char* pointer;  // RFC 6901, what is replaced or added
  const char* value;    // JSON
  const char* part;     // of the message
};

TEST(HostileTokenizerJson, EveryChangeIsNamed) {
  const std::vector<Change> changes = {
      {"", "[]", "object"},
      {"", "{}", "model is missing"},
      {"/model", "3", "object"},
      {"/model/type", "\"WordPiece\"", "WordPiece"},
      {"/model/type", "{}", "type"},
      {"/model/dropout", "0.1", "dropout"},
      {"/model/continuing_subword_prefix", "\"##\"", "continuing_subword_prefix"},
      {"/model/end_of_word_suffix", "\"</w>\"", "end_of_word_suffix"},
      {"/model/ignore_merges", "\"yes\"", "ignore_merges"},
      {"/model/vocab", "[]", "vocab"},
      {"/model/vocab", "{}", "empty"},
      {"/model/vocab/a", "-1", "\"a\""},
      {"/model/vocab/a", "1.5", "\"a\""},
      {"/model/vocab/a", "\"7\"", "\"a\""},
      {"/model/vocab/a", "4194304", "\"a\""},
      {"/model/vocab/a", "18446744073709551616", "\"a\""},
      {"/model/vocab/a", "7", "two tokens have the id 7"},
      {"/model/vocab/", "430", "empty"},
      {"/model/merges", "{}", "merges"},
      {"/model/merges/3", "\"onlyone\"", "merges[3]"},
      {"/model/merges/3", "[\"a\"]", "merges[3]"},
      {"/model/merges/3", "[\"a\", 1]", "merges[3]"},
      {"/model/merges/3", "null", "merges[3]"},
      {"/model/merges/3", "\"a qqqq\"", "merges[3]: token \"qqqq\" is not in vocab"},
      {"/model/merges/3", "\"z z\"", "merges[3]: token \"zz\" is not in vocab"},
      {"/added_tokens", "{}", "added_tokens"},
      {"/added_tokens/0", "5", "added_tokens[0]"},
      {"/added_tokens/0/id", "-4", "id"},
      {"/added_tokens/0/id", "99999999999", "id"},
      {"/added_tokens/0/id", "5", "two tokens have the id 5"},
      {"/added_tokens/0/content", "\"\"", "content is empty"},
      {"/added_tokens/0/content", "\"a\"", "has the id"},
      {"/added_tokens/0/content", "17", "content"},
      {"/added_tokens/0", R"({"id": 500, "content": "q", "special": false, "lstrip": 1})", "lstrip"},
      {"/normalizer", R"({"type": "NFC"})", "NFC"},
      {"/normalizer", R"({"type": "Sequence", "normalizers": [{"type": "Lowercase"}]})", "Sequence"},
      {"/decoder", "null", "decoder is missing"},
      {"/decoder", R"({"type": "Metaspace"})", "Metaspace"},
      {"/pre_tokenizer", "null", "pre_tokenizer is missing"},
      {"/pre_tokenizer", R"({"type": "Whitespace"})", "ByteLevel"},
      {"/pre_tokenizer", R"({"type": "Sequence", "pretokenizers": []})", "ByteLevel"},
      {"/pre_tokenizer/pretokenizers/0/type", "\"Metaspace\"", "Metaspace"},
      {"/pre_tokenizer/pretokenizers/0/type", "\"ByteLevel\"", "pretokenizers[0]"},
      {"/pre_tokenizer/pretokenizers/0/behavior", "\"Exploded\"", "Exploded"},
      {"/pre_tokenizer/pretokenizers/0/pattern", R"({"Glob": "*"})", "String"},
      {"/pre_tokenizer/pretokenizers/0/pattern", R"({"Regex": "(a"})", "regular expression"},
      {"/pre_tokenizer/pretokenizers/0/pattern", R"({"Regex": "[a-z&&[^x]]"})", "intersections"},
      {"/pre_tokenizer/pretokenizers/0/pattern", R"({"Regex": "\\h+"})", "not supported"},
      {"/pre_tokenizer/pretokenizers/0/pattern", R"({"Regex": ""})", "0 bytes"},
      {"/pre_tokenizer/pretokenizers/0/invert", "1", "invert"},
      {"/post_processor", R"({"type": "BertProcessing"})", "BertProcessing"},
      {"/post_processor/processors/1/special_tokens", "{}", "<|begin_of_text|>"},
      {"/post_processor/processors/1/special_tokens/<|begin_of_text|>/ids", "[70000]", "one id below"},
      {"/post_processor/processors/1/special_tokens/<|begin_of_text|>/ids", "[1, 2]", "one id below"},
      {"/post_processor/processors/1/single", "\"$A\"", "single"},
  };
  for (const Change& change : changes) {
    SCOPED_TRACE(std::string(change.pointer) + " = " + change.value);
    json file = whole_file();
    file[json::json_pointer(change.pointer)] = json::parse(change.value);
    expect_complaint("tokenizer.json", file.dump(), change.part);
  }
}

TEST(HostileTokenizerJson, NestedTooDeep) {
  json step = {{"type", "ByteLevel"}};
  for (int i = 0; i < 12; ++i) step = {{"type", "Sequence"}, {"pretokenizers", json::array({step})}};
  json file = whole_file();
  file["pre_tokenizer"] = step;
  expect_complaint("tokenizer.json", file.dump(), "nested");
  expect_complaint("tokenizer.json", std::string(1000000, '['), "nested");
}

TEST(HostileTokenizerJson, CutAnywhere) {
  const std::string content = whole_file().dump();
  for (std::size_t length = 0; length < content.size(); length += 97) {
    EXPECT_NE(complaint("tokenizer.json", content.substr(0, length)), "") << length;
  }
}

TEST(HostileTokenizerJson, FlippedBytesNeverCrash) {
  const std::string content = whole_file().dump();
  for (std::uint64_t trial = 0; trial < 300; ++trial) {
    Random random(5, "flip", trial);
    std::string changed = content;
    for (int i = 0; i < 3; ++i) changed[random.below(changed.size())] = static_cast<char>(random.below(256));
    try {
      Tokenizer::parse("tokenizer.json", changed, "bad.file").encode("It's a text, 1995\n");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInput) << error.what();
    }
  }
}

TEST(HostileTokenizerJson, CostlyExpressionIsStopped) {
  json file = whole_file();
  file["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {{"Regex", "(a|aa)+[^a!]"}};
  const Tokenizer tokenizer = Tokenizer::parse("tokenizer.json", file.dump(), "bad.file");
  try {
    tokenizer.encode(std::string(200, 'a') + "!");
    FAIL() << "no limit";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInput);
    EXPECT_NE(std::string(error.what()).find("regular expression"), std::string::npos);
  }
}

std::string base64_of_byte(int byte) {
  constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return {kDigits[byte >> 2], kDigits[(byte & 3) << 4], '=', '='};
}

// 256 bytes, then "ab" (YWI=), "bc" (YmM=), "abc" (YWJj) and "xyz" (eHl6), which no two tokens make.
std::string small_model() {
  std::string content;
  for (int byte = 0; byte < 256; ++byte) content += base64_of_byte(byte) + " " + std::to_string(byte) + "\n";
  return content + "YWI= 256\nYmM= 257\nYWJj 258\neHl6 259\n";
}

TEST(HostileTokenizerModel, TheTableStartsFromAnAcceptedFile) {
  const Tokenizer tokenizer = Tokenizer::parse("tokenizer.model", small_model(), "small");
  EXPECT_EQ(tokenizer.vocab_size(), 260 + 256);
  EXPECT_EQ(tokenizer.begin_id(), 260);
  EXPECT_EQ(tokenizer.end_id(), 261);
  EXPECT_EQ(tokenizer.encode("abc"), (std::vector<std::int32_t>{258}));
  EXPECT_EQ(tokenizer.encode("bcab"), (std::vector<std::int32_t>{257, 256}));
  EXPECT_EQ(tokenizer.encode("xyz"), (std::vector<std::int32_t>{259}));
  EXPECT_EQ(tokenizer.encode("bxyz"), (std::vector<std::int32_t>{'b', 'x', 'y', 'z'}));
  const std::string marked = "<|begin_of_text|>abc<|eot_id|>";
  EXPECT_EQ(tokenizer.encode(marked, marked.size()), (std::vector<std::int32_t>{260, 258, 269}));
  EXPECT_GT(tokenizer.encode(marked).size(), 3u);
  EXPECT_EQ(tokenizer.decode(std::vector<std::int32_t>{260, 258, 261}), "abc");
  EXPECT_THROW(tokenizer.decode(std::vector<std::int32_t>{516}), Error);
  EXPECT_THROW(tokenizer.decode(std::vector<std::int32_t>{-1}), Error);
}

TEST(HostileTokenizerModel, EveryChangeIsNamed) {
  const std::string good = small_model();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "no tokens"},
      {"\n\n", "no tokens"},
      {"YQ==", "bad.file:1: expected"},
      {good + "YWJj\n", "bad.file:261: expected"},
      {good + "YWJ 260\n", "bad.file:261: \"YWJ\" is not base64"},
      {good + "Y*Jj 260\n", "is not base64"},
      {good + "YW=j 260\n", "is not base64"},
      {good + "YWJ= 260\n", "is not base64"},
      {good + " 260\n", "is not base64"},
      {good + "YWJjZA== 2x\n", "\"2x\" is not a rank"},
      {good + "YWJjZA== -3\n", "is not a rank"},
      {good + "YWJjZA== 99999999999999\n", "is not a rank"},
      {good + "YWJjZA== \n", "is not a rank"},
      {good + "YWJjZA== 4000000\n", "rank 4000000 in a file of"},
      {good + "YWJjZA== 258\n", "rank 258 is there twice"},
      {good + "YWJjZA== 261\n", "rank 260 of 261 is missing"},
      {good + "YWI= 260\n", "the same token"},
      {"YWI= 0\n", "no token for the byte 0x00"},
      {std::string(3, '\0') + "\xFF\xFE", "expected"},
  };
  for (const auto& [content, part] : cases) expect_complaint("tokenizer.model", content, part);
}

TEST(TokenizerLoad, NamesWhatIsMissing) {
  const auto folder = std::filesystem::temp_directory_path() / "recpo_test_text_empty";
  std::filesystem::create_directories(folder);
  for (const auto& path : {folder, folder / "tokenizer.json"}) {
    try {
      Tokenizer::load(path);
      FAIL() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInput);
      EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos);
    }
  }
  std::ofstream(folder / "tokenizer.model") << small_model();
  EXPECT_EQ(Tokenizer::load(folder).file_name(), "tokenizer.model");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace recpo::text
