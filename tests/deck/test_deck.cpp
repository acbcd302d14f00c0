#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "src/deck/deck.hpp"
#include "src/deck/deck_entries.hpp"
#include "src/deck/deck_keys.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "tests/support/other_value.hpp"

namespace recpo::deck {
namespace {
namespace fs = std::filesystem;

const fs::path kFolder = "/decks";

Deck deck_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return read_deck_text(text, "d.toml", kFolder, overrides);
}

// The error's text; the test fails when there is none or it is not a usage error.
std::string usage_error(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    deck_of(text, overrides);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

void expect_mentions(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
}

// The printed deck without comments and origins.
std::string values(const Deck& deck) {
  std::istringstream lines(print_deck(deck));
  std::string text, line;
  while (std::getline(lines, line)) text += line.substr(0, line.find("  # ")) + "\n";
  return text;
}

// inputs/reference.toml is what the program prints, and its values are the defaults; its paths begin one folder below.
TEST(Deck, ReferenceIsGenerated) {
  const std::string text = read_file(fs::path(RECPO_SOURCE_DIR) / "inputs/reference.toml");
  EXPECT_EQ(text, reference_deck()) << "run: recpo --print-reference > inputs/reference.toml";
  EXPECT_EQ(values(read_deck_text(text, "reference.toml", kFolder / "inputs", {})), values(deck_of("")));
}

// One key after the other gets another value: the deck that is printed then reads back equal.
TEST(Deck, PrintedDeckReadsBackEqual) {
  const Deck defaults = deck_of("");
  Deck changed = defaults;
  const Keys keys = keys_of(changed);
  for (const Key& key : keys.all()) {
    test::change_value(key);
    if (key.full_name() == "data.dataset") changed.data.train = "/rows.jsonl";       // the only choice that needs more
    if (key.full_name() == "tokenizer.titles") changed.tokenizer.train_vocab = 400;  // which one token a title needs
    if (key.full_name() == "align.reference") changed.reference = "base";            // others are paths
    if (key.section == "validate") changed.validate.every_steps = 7;                 // which the others need
    const std::string text = print_deck(changed);
    EXPECT_NE(values(changed), values(defaults)) << key.full_name();
    EXPECT_EQ(values(deck_of(text)), values(changed)) << key.full_name();
    changed = defaults;
  }
}

TEST(Deck, UnsetShapeKeysShowTheNamedSizes) {
  const std::string text = print_deck(deck_of("", {"model.size=smollm2-135m", "model.num_hidden_layers=2"}));
  EXPECT_NE(text.find("# hidden_size = 576 "), std::string::npos) << text;
  EXPECT_NE(text.find("\nnum_hidden_layers = 2 "), std::string::npos) << text;
  EXPECT_TRUE(*deck_of("[model]\ntie_word_embeddings = 1\n").model.shape.tie_word_embeddings);
  expect_mentions(usage_error("[model]\ntie_word_embeddings = 2\n"), {"d.toml:2", "true or false"});
  expect_mentions(usage_error("[model]\nhead_dim = 0\n"), {"model.head_dim", "at least 1"});
}

// An output that depends on a key has it in its identity; one that does not is not made again for it.
TEST(Deck, IdentitiesFollowFromTheDeclaredKeys) {
  const Deck defaults =
      deck_of("", {"model.lora.rank=1", "validate.every_steps=1", "validate.keep_best=true", "validate.patience=1"});
  Deck changed = defaults;
  const Keys keys = keys_of(changed);
  for (const Key& key : keys.all()) {
    test::change_value(key);
    for (unsigned bit = 1; bit <= changes::kEverything; bit *= 2)
      EXPECT_EQ(settings_text(changed, bit) != settings_text(defaults, bit), (key.changed & bit) != 0)
          << key.full_name() << ", " << bit;
    changed = defaults;
  }
  const auto identity = [](const std::string& override_text) {
    return settings_text(deck_of("", {override_text}), changes::kSft);
  };
  EXPECT_EQ(identity("sft.micro_batch_tokens=64"), identity("sft.epochs=5"));
  EXPECT_NE(identity("sft.epochs=6"), identity("sft.epochs=5"));
  EXPECT_NE(identity("optimizer.lr=1"), identity("sft.epochs=5"));
  EXPECT_NE(identity("run.seed=2"), identity("sft.epochs=5"));
  EXPECT_EQ(identity("align.epochs=9"), identity("sft.epochs=5"));
  EXPECT_EQ(identity("model.lora.alpha=3"), identity("sft.epochs=5"));      // there are no adapters
  EXPECT_EQ(identity("validate.every_steps=3"), identity("sft.epochs=5"));  // it selects no model
}

TEST(Deck, SelectingByValidationNeedsValidations) {
  expect_mentions(usage_error("[validate]\nkeep_best = true\n"), {"d.toml:2", "validate.keep_best", "every_steps"});
  expect_mentions(usage_error("[validate]\npatience = 2\n"), {"d.toml:2", "validate.patience", "every_steps"});
  EXPECT_TRUE(deck_of("[validate]\nevery_steps = 1\npatience = 2\n").validate.selects());
}

TEST(Deck, PrintsWhereEachValueComesFrom) {
  const std::string text = print_deck(deck_of("[sft]\nsteps = 7\n", {"align.beta=0.5"}));
  EXPECT_NE(text.find("steps = 7"), std::string::npos);
  EXPECT_NE(text.find("(d.toml:2)"), std::string::npos) << text;
  EXPECT_NE(text.find("(command line)"), std::string::npos);
  EXPECT_NE(text.find("(default)"), std::string::npos);
}

TEST(Deck, OverridesGoBeforeTheDeckAndNeedNoQuotes) {
  const Deck deck =
      deck_of("[sft]\nsteps = 7\n[align]\nobjective = \"dpo\"\n",
              {"sft.steps=9", "align.objective=s-dpo", "evaluate.tests=[main, adherence]", "run.stages=prepare,sft",
               "optimizer.lr=3e-4", "data.title_year=false", "model.size=tiny", "tokenizer.path=/a=b/7"});
  EXPECT_EQ(deck.sft.steps, 9);
  EXPECT_EQ(deck.objective.objective, "s-dpo");
  EXPECT_EQ(deck.evaluate.tests, (std::vector<std::string>{"main", "adherence"}));
  EXPECT_EQ(deck.run.stages, (std::vector<std::string>{"prepare", "sft"}));
  EXPECT_EQ(deck.optimizer.lr, 3e-4);
  EXPECT_FALSE(deck.data.title_year);
  EXPECT_EQ(deck.tokenizer.path, "/a=b/7");
  EXPECT_EQ(deck_of("", {"evaluate.tests=main"}).evaluate.tests, std::vector<std::string>{"main"});
  EXPECT_EQ(deck_of("", {"run.dir=/7"}).run.dir, "/7");
  EXPECT_EQ(deck_of("", {R"(evaluate.tests=["main"])"}).evaluate.tests, std::vector<std::string>{"main"});
}

TEST(Deck, RelativePathsBeginWhereTheyWereWritten) {
  const Deck deck = deck_of("[run]\ndir = \"out\"\n[model]\npath = \"../m\"\n[align]\nreference = \"ref/x\"\n",
                            {"tokenizer.path=t.json"});
  EXPECT_EQ(deck.run.dir, "/decks/out");
  EXPECT_EQ(deck.model.path, "/m");
  EXPECT_EQ(deck.reference, "/decks/ref/x");
  EXPECT_EQ(deck.data.path, "/decks/data/ml-100k");  // a default, too
  EXPECT_EQ(deck.tokenizer.path, (fs::current_path() / "t.json").string());
  EXPECT_EQ(deck.prompt.templates, "");  // empty stays empty
}

TEST(Deck, MisspeltKeysNameTheNearest) {
  expect_mentions(usage_error("[data]\n\nnegativs = 3\n"), {"d.toml:3", "data.negativs", "data.negatives"});
  expect_mentions(usage_error("[sft]\nbeta = 3\n"), {"d.toml:2", "sft.beta", "align.beta"});
  expect_mentions(usage_error("[optimiser]\nlr = 3\n"), {"d.toml:2", "optimizer.lr"});
  expect_mentions(usage_error("", {"sft.step=3"}), {"command line", "sft.step", "sft.steps"});
  expect_mentions(usage_error("seed = 3\n"), {"d.toml:1", "seed"});
  expect_mentions(usage_error("[run]\nseed = \n"), {"d.toml:2"});
}

TEST(Deck, WrongValuesNameKeyAndRightOnes) {
  expect_mentions(usage_error("[align]\nobjective = \"rec-po\"\n"), {"d.toml:2", "align.objective", "rec-po", "s-dpo"});
  expect_mentions(usage_error("[sft]\nglobal_batch = 0\n"), {"sft.global_batch", "0", "at least 1"});
  expect_mentions(usage_error("[sft]\nglobal_batch = 1.5\n"), {"sft.global_batch", "whole number"});
  expect_mentions(usage_error("[optimizer]\nlr = \"fast\"\n"), {"optimizer.lr", "number"});
  expect_mentions(usage_error("[optimizer]\nlr = nan\n"), {"optimizer.lr", "finite"});
  expect_mentions(usage_error("[optimizer]\nbeta1 = 1.0\n"), {"optimizer.beta1", "below 1"});
  expect_mentions(usage_error("[evaluate]\ntests = [\"main\", \"mian\"]\n"), {"evaluate.tests", "mian"});
  expect_mentions(usage_error("[evaluate]\ntests = [1]\n"), {"evaluate.tests", "strings"});
  expect_mentions(usage_error("[run]\ndir = 7\n"), {"run.dir", "text"});
  expect_mentions(usage_error("[run]\nseed = -1\n"), {"run.seed", "at least 0"});
  expect_mentions(usage_error("[model]\nsize = \"huge\"\n"), {"model.size", "huge", "tiny"});
  expect_mentions(usage_error("", {"data.title_year=maybe"}), {"data.title_year", "true or false"});
}

TEST(Deck, ChecksKeysAgainstEachOther) {
  expect_mentions(usage_error("[data]\nnegatives = 20\n"), {"d.toml:2", "data.negatives", "data.candidates", "20"});
  EXPECT_NO_THROW(deck_of("[data]\nnegatives = 19\n"));
  EXPECT_NO_THROW(deck_of("[data]\nnegatives = 50\ndataset = \"rows\"\ntrain = \"x.jsonl\"\n"));
  expect_mentions(usage_error("[data]\ndataset = \"rows\"\n"), {"data.train", "data.dataset"});
}

TEST(Deck, EveryZeroStageIsKnown) {
  for (const char* zero : {"parallel.zero=0", "parallel.zero=1", "parallel.zero=2"})
    EXPECT_NO_THROW(deck_of("", {zero}));
  expect_mentions(usage_error("", {"parallel.zero=3"}), {"parallel.zero", "at most 2"});
}

// A folder of decks that include each other.
class IncludedDecks : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "recpo-decks-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, const std::string& text) const {
    create_folders((folder_ / name).parent_path());
    write_file(folder_ / name, text);
    return folder_ / name;
  }
  std::string error_of(const fs::path& deck) const {
    try {
      read_deck(deck, std::vector<std::string>{});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kUsage);
      return error.what();
    }
    ADD_FAILURE() << "accepted: " << deck;
    return "";
  }
  fs::path folder_;
};

TEST_F(IncludedDecks, ADeckChangesWhatItIncludes) {
  write("base.toml", "[run]\ndir = \"out\"\nseed = 5\n[sft]\nsteps = 7\nepochs = 9\n[tokenizer]\npath = \"t.json\"\n");
  write("data/books.toml", "include = [\"../base.toml\"]\n[data]\npath = \"raw\"\n[sft]\nepochs = 2\n");
  write("more.toml", "[sft]\nglobal_batch = 3\nsteps = 8\n");
  const fs::path deck =
      write("cell/deck.toml", "include = [\"../data/books.toml\", \"../more.toml\"]\n[run]\nseed = 6\n");
  const Deck read = read_deck(deck, std::vector<std::string>{"sft.global_batch=4"});
  EXPECT_EQ(read.run.seed, 6u);
  EXPECT_EQ(read.sft.epochs, 2);
  EXPECT_EQ(read.sft.steps, 8);  // the later of two included decks
  EXPECT_EQ(read.sft.global_batch, 4);
  EXPECT_EQ(read.run.dir, folder_ / "out");         // of base.toml
  EXPECT_EQ(read.data.path, folder_ / "data/raw");  // of data/books.toml
  EXPECT_EQ(read.tokenizer.path, folder_ / "t.json");
  expect_mentions(where(read, "sft.epochs"), {"books.toml:5: sft.epochs"});
}

TEST_F(IncludedDecks, APartIsTheKeysBelowItsTable) {
  write("shared/parts.toml",
        "[s-dpo]\nalign.objective = \"s-dpo\"\n[books]\n# a comment\ndata.path = \"raw\"\nsft.epochs = 2\n");
  const fs::path deck =
      write("deck.toml", "include = [\"shared/parts.toml#books\", \"shared/parts.toml#s-dpo\"]\n[sft]\nsteps = 3\n");
  const Deck read = read_deck(deck, std::vector<std::string>{});
  EXPECT_EQ(read.data.path, folder_ / "shared/raw");
  EXPECT_EQ(read.objective.objective, "s-dpo");
  EXPECT_EQ(read.sft.epochs, 2);
  EXPECT_EQ(read.sft.steps, 3);
  expect_mentions(where(read, "sft.epochs"), {"shared/parts.toml:6: sft.epochs"});

  const auto message = [&](const std::string& included) {
    return error_of(write("deck.toml", "include = [\"" + included + "\"]\n"));
  };
  expect_mentions(message("shared/parts.toml#book"), {"deck.toml:1: include", "parts.toml", "[book]", "books, s-dpo"});
  expect_mentions(message("gone.toml#books"), {"deck.toml:1: include", "gone.toml"});
  expect_mentions(message("shared/parts.toml"), {"parts.toml:5", "data.path"});  // a part is not a deck by itself
  write("shared/parts.toml", "[books]\nsft.epoch = 2\n");
  expect_mentions(message("shared/parts.toml#books"), {"parts.toml:2", "sft.epoch", "sft.epochs"});
}

TEST_F(IncludedDecks, ErrorsNameTheDeckThatHoldsThem) {
  write("base.toml", "[run]\n\nsead = 5\n");
  expect_mentions(error_of(write("a.toml", "include = [\"base.toml\"]\n")), {"base.toml:3", "run.sead", "run.seed"});
  expect_mentions(error_of(write("a.toml", "\ninclude = [\"gone.toml\"]\n")), {"a.toml:2: include", "gone.toml"});
  expect_mentions(error_of(write("a.toml", "include = \"base.toml\"\n")), {"a.toml:1", "list", "base.toml"});
  write("b.toml", "include = [\"c.toml\"]\n");
  expect_mentions(error_of(write("c.toml", "include = [\"b.toml\"]\n")), {"includes itself"});
  expect_mentions(usage_error("include = [\"base.toml\"]\n"), {"d.toml:1", "include"});
}

TEST(Deck, MissingDeckIsUsage) {
  try {
    read_deck("/nowhere/deck.toml", std::vector<std::string>{});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    expect_mentions(error.what(), {"/nowhere/deck.toml"});
  }
}

}  // namespace
}  // namespace recpo::deck
