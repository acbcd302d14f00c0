// Settings, and which of them tell systems apart.

#include <gtest/gtest.h>

#include "src/deck/deck.hpp"
#include "src/deck/deck_keys.hpp"
#include "src/report/evaluation_file.hpp"
#include "src/report/run_folder.hpp"
#include "src/report/systems.hpp"
#include "src/support/check.hpp"

namespace recpo::report {
namespace {
Settings parse(const std::string& json) {
  return read_settings(nlohmann::json::parse(json), "evaluation.json: recpo: settings");
}

std::string complaint(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInput);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(Settings, EqualValuesHaveEqualTexts) {
  const Settings settings = parse(R"({"align.lambda": 2.0, "align.beta": 2, "optimizer.lr": 1e-5, "data.tier": "full",
      "model.lora.targets": ["q", "k"], "log.tensorboard": false, "run.seed": 18446744073709551615, "a": null})");
  EXPECT_EQ(settings.at("align.lambda"), settings.at("align.beta"));
  EXPECT_EQ(text_of(settings, "align.lambda"), "2");
  EXPECT_EQ(text_of(settings, "optimizer.lr"), "1e-05");
  EXPECT_EQ(text_of(settings, "model.lora.targets"), "q, k");
  EXPECT_EQ(text_of(settings, "log.tensorboard"), "false");
  EXPECT_EQ(text_of(settings, "run.seed"), "18446744073709551615");
  EXPECT_EQ(text_of(settings, "a", "absent"), "absent");
  EXPECT_FALSE(settings.at("data.tier").number);
}

TEST(Settings, HostileOnesAreNamed) {
  const auto fault = [](const std::string& json) { return complaint([&] { parse(json); }); };
  EXPECT_NE(fault("[]").find("settings: expected an object"), std::string::npos);
  EXPECT_NE(fault(R"({"../../x": 1})").find("is no key of a deck"), std::string::npos);
  EXPECT_NE(fault(R"({"a..b": 1})").find("is no key of a deck"), std::string::npos);
  EXPECT_NE(fault(R"({"..": 1})").find("is no key of a deck"), std::string::npos);
  EXPECT_NE(fault(R"({"a\nb": 1})").find("is no key of a deck"), std::string::npos);
  EXPECT_NE(fault(R"({"": 1})").find("is no key of a deck"), std::string::npos);
  EXPECT_NE(fault(R"({"a.b": {"c": 1}})").find("settings: a.b must be"), std::string::npos);
  EXPECT_NE(fault(R"({"a.b": [[1]]})").find("settings: a.b must be"), std::string::npos);
  EXPECT_NE(fault(R"({"a.b": ")" + std::string(5000, 'x') + "\"}").find("longer than"), std::string::npos);
  std::string many = "{";
  for (int i = 0; i < 1001; ++i) many += fmt::format("{}\"k{}\": 1", i == 0 ? "" : ",", i);
  EXPECT_NE(fault(many + "}").find("more than 1000 keys"), std::string::npos);
  EXPECT_NE(complaint([] {
              parse_evaluation(R"({"sft": {"settings": {"a": {}}}})", "run/evaluation.json");
            }).find("run/evaluation.json: sft: settings: a must be"),
            std::string::npos);
}

Settings relevant(const char* system, const std::string& json) {
  return relevant_settings(describe_systems({system}).front(), parse(json));
}

TEST(Relevance, ASystemIsWhatItReads) {
  const std::string all = R"({"run.seed": 1, "data.tier": "full", "data.path": "/x", "data.negatives": 3,
      "align.lambda": 2, "align.simpo_margin": 2, "align.objective": "recpo", "baseline.hidden": 64, "sft.epochs": 5,
      "sft.micro_batch_tokens": 4096})";
  const auto keys = [&](const char* system) {
    std::string names;
    for (const auto& [key, setting] : relevant(system, all)) names += key + " ";
    return names;
  };
  EXPECT_EQ(keys("base"), "data.tier ");
  EXPECT_EQ(keys("sft"), "data.tier sft.epochs ");
  EXPECT_EQ(keys("simpo"), "align.simpo_margin data.tier sft.epochs ");
  EXPECT_EQ(keys("s-dpo"), "data.negatives data.tier sft.epochs ");
  EXPECT_EQ(keys("recpo"), "align.lambda data.negatives data.tier sft.epochs ");
  EXPECT_EQ(keys("sasrec"), "baseline.hidden data.tier ");
  EXPECT_EQ(keys("popularity"), "data.tier ");
}

TEST(Relevance, FollowsFromWhatAKeyChanges) {
  deck::Deck deck;
  const Keys keys = deck::keys_of(deck);
  const auto counts = [](const char* system, const std::string& key) {
    return relevant(system, fmt::format(R"({{"data.dataset": "synthetic", "{}": 1}})", key)).contains(key);
  };
  for (const Key& key : keys.all()) {
    const std::string name = key.full_name();
    EXPECT_FALSE(key.changed == changes::kNothing && counts("recpo", name)) << name;
    EXPECT_FALSE((key.changed & changes::kBaseline) == 0 && counts("sasrec", name) && !counts("popularity", name))
        << name;
    EXPECT_FALSE(key.changed == changes::kAlign && counts("sft", name)) << name;
    EXPECT_FALSE((key.changed & changes::kTraining) != 0 && (key.changed & changes::kRows) == 0 && counts("base", name))
        << name;
  }
  for (const char* system : {"base", "sft", "s-dpo", "recpo", "sasrec", "popularity"})
    for (const char* key : {"align.alpha", "synthetic.users", "synthetic.seed", "data.tier", "evaluate.split"})
      EXPECT_TRUE(counts(system, key)) << system << " " << key;
  EXPECT_TRUE(counts("recpo", "evaluate.match"));
  EXPECT_FALSE(counts("sasrec", "evaluate.match"));  // it names a candidate
  EXPECT_TRUE(counts("another", "align.unknown"));
  EXPECT_FALSE(relevant("sft", R"({"data.dataset": "ml-1m", "synthetic.users": 9})").contains("synthetic.users"));
}

TEST(Relevance, PlacesOfFilesDoNotCount) {
  EXPECT_EQ(relevant("recpo", R"({"model.path": "/a/Llama-3.1-8B/"})"),
            relevant("recpo", R"({"model.path": "b/Llama-3.1-8B"})"));
  EXPECT_NE(relevant("recpo", R"({"model.path": "/a/Llama-3.1-8B"})"),
            relevant("recpo", R"({"model.path": "/a/SmolLM2"})"));
  EXPECT_EQ(text_of(relevant("recpo", R"({"model.path": "/r/1/checkpoints/sft/step_9"})"), "model.path"),
            "checkpoints/sft");
}

TEST(Preparation, CountsOfRatings) {
  const Preparation p = parse_preparation(
      R"({"dataset": "ml-1m", "seed": 7, "import": {"bad_lines": 2},
          "counts": {"imported": {"users": 6040, "items": 3706, "interactions": 1000209},
                     "k_core": {"users": 6040, "items": 3416, "interactions": 999611, "passes": 3}},
          "dropped": {"no title": 5}, "rows": {"train": 10, "test": 4}, "hashes": {"drawn_rows": "ab"}})",
      "prepare.json");
  EXPECT_EQ(p.imported->interactions - p.imported->users, 994169);  // Table 3 of the paper
  EXPECT_EQ(p.kept->items, 3416);
  EXPECT_EQ(p.seed, "7");
  EXPECT_EQ(p.bad_lines, 2);
  EXPECT_EQ(p.dropped, (NamedCounts{{"no title", 5}}));
  EXPECT_FALSE(parse_preparation(R"({"dataset": "rows"})", "p").imported);
}

TEST(Preparation, HostileOnesAreNamed) {
  const auto fault = [](const std::string& json) {
    return complaint([&] { parse_preparation(json, "run/prepare.json"); });
  };
  EXPECT_NE(fault("{").find("run/prepare.json"), std::string::npos);
  EXPECT_NE(fault(R"({"dataset": 3})").find("dataset must be"), std::string::npos);
  EXPECT_NE(fault(R"({"rows": {"test": -1}})").find("rows: test must be"), std::string::npos);
  EXPECT_NE(fault(R"({"counts": {"imported": {"users": 1}}})").find("items is missing"), std::string::npos);
  EXPECT_NE(fault(R"({"seed": [[]]})").find("seed must be"), std::string::npos);
}

}  // namespace
}  // namespace recpo::report
