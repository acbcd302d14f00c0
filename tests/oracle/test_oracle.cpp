// recpo against Transformers and PyTorch: tests/golden/model, made by scripts/golden/model_golden.py. Tolerances are
// those of golden_run.hpp.

#include <gtest/gtest.h>

#include "src/evaluation/score.hpp"
#include "src/model/generate.hpp"
#include "tests/oracle/golden_run.hpp"

namespace recpo {
namespace {

TEST(Oracle, ScoresOfCompletions) {
  const json file = golden_json("score.json");
  for (const auto& [name, rows] : file.items()) {
    SCOPED_TRACE(name);
    GoldenModel model(golden(name));
    std::vector<std::string> prompts;
    std::vector<std::vector<std::string>> completions;
    for (const json& row : rows) {
      prompts.push_back(row["prompt"]);
      completions.push_back(row["completions"]);
    }
    const auto lines = evaluation::score<double>(model.source.config, model.store, model.tokenizer,
                                                 model.source.config.eos_token_id, prompts, completions, 1024);
    ASSERT_EQ(lines.size(), rows.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      EXPECT_EQ(lines[i].tokens, rows[i]["tokens"].get<std::vector<int>>());
      const double tolerance = kPrecisionRatio * rows[i]["fp32_difference"].get<double>();
      for (std::size_t c = 0; c < lines[i].logp.size(); ++c) {
        EXPECT_NEAR(lines[i].logp[c], rows[i]["logp"][c].get<double>(), tolerance) << prompts[i] << completions[i][c];
      }
    }
  }
}

TEST(Oracle, GreedyContinuations) {
  const json file = golden_json("generate.json");
  for (const auto& [name, rows] : file.items()) {
    SCOPED_TRACE(name);
    GoldenModel model(golden(name));
    const std::int32_t end_id = model.source.config.eos_token_id;
    std::vector<model::GenerateRequest> requests;
    for (const json& row : rows) {
      requests.push_back({data::tokenize(model.tokenizer, row["prompt"].get<std::string>(), {}, end_id).prompt,
                          row["max_new_tokens"].get<std::int64_t>()});
    }
    model::Generator<double> generator(model.source.config, model.store, 1024);
    const auto generated = generator.generate(requests, {end_id});
    for (std::size_t i = 0; i < generated.size(); ++i) {
      EXPECT_EQ(generated[i], rows[i]["ids"].get<std::vector<std::int32_t>>()) << rows[i]["prompt"];
    }
  }
}

TEST(Oracle, SixTrainingStepsOfEveryObjective) {
  const json file = golden_json("training.json");
  for (const auto& [name, expected] : file["runs"].items()) {
    SCOPED_TRACE(name);
    GoldenRun run(name, find_value<train::StageKind>(expected["stage"].get<std::string>()).value());
    expect_steps(run.run(), expected["steps"]);
    expect_weights(run, expected["weights"], file["samples"][expected["model"].get<std::string>()]);
  }
}

}  // namespace
}  // namespace recpo
