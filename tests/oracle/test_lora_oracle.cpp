// Low-rank adapters against PEFT's: six steps of training beside the golden models. tests/golden/model/lora.json, made
// by scripts/golden/lora_golden.py; tolerances are those of golden_run.hpp.

#include <gtest/gtest.h>

#include "tests/oracle/formula_weights.hpp"
#include "tests/oracle/golden_run.hpp"

namespace recpo {
namespace {

// A as the script has it, B zero.
void fill_by_formula(const model::ParameterStore<double>& adapters) {
  Kokkos::deep_copy(adapters.weights(), 0.0);
  for (const model::Parameter& parameter : adapters.parameters()) {
    if (parameter.name.find(".lora_A.") == std::string::npos) continue;
    const std::vector<float> formula = formula_weights(parameter.name, parameter.size());
    const std::vector<double> values(formula.begin(), formula.end());
    Kokkos::deep_copy(Vector<double>(adapters.weights().data() + parameter.offset, parameter.size()),
                      HostVector<const double>(values.data(), values.size()));
  }
}

std::vector<double> copy_of(const Vector<double>& view) {
  std::vector<double> values(view.extent(0));
  Kokkos::deep_copy(HostVector<double>(values.data(), values.size()), view);
  return values;
}

// The norm of every update: a value that no sample meets counts here. The fp32 run's distance is of one element.
void expect_update_norms(GoldenRun& run, const std::vector<double>& start, const json& expected) {
  constexpr double kWrittenDigits = 0.5e-11;
  const std::vector<double> now = copy_of(run.trained().weights());
  for (const model::Parameter& parameter : run.trained().parameters()) {
    double squares = 0;
    for (std::int64_t i = parameter.offset; i < parameter.offset + parameter.size(); ++i) {
      const auto place = static_cast<std::size_t>(i);
      squares += std::pow(now[place] - start[place], 2);
    }
    const json& tensor = expected[parameter.name];
    const double norm = tensor["update_norm"].get<double>();
    const double distance =
        kPrecisionRatio * tensor["fp32_difference"].get<double>() * std::sqrt(static_cast<double>(parameter.size()));
    EXPECT_GT(norm, 1e4 * distance) << parameter.name << ": the bound is too wide for this test to see anything";
    EXPECT_NEAR(std::sqrt(squares), norm, distance + kWrittenDigits * norm) << parameter.name;
  }
}

TEST(LoraOracle, SixTrainingStepsBesideFrozenModels) {
  const json file = golden_json("lora.json");
  for (const auto& [name, expected] : file.items()) {
    SCOPED_TRACE(name);
    GoldenRun run(name, find_value<train::StageKind>(expected["stage"].get<std::string>()).value());
    fill_by_formula(run.trained());
    const std::vector<double> start = copy_of(run.trained().weights()), base = copy_of(run.base().weights());
    expect_steps(run.run(), expected["steps"]);
    ASSERT_EQ(run.trained().parameters().size(), expected["weights"].size());
    json samples;
    for (const auto& [parameter, tensor] : expected["weights"].items()) samples[parameter] = tensor["samples"];
    expect_weights(run, expected["weights"], samples);
    expect_update_norms(run, start, expected["weights"]);
    EXPECT_EQ(copy_of(run.base().weights()), base) << "the frozen model moves";
  }
}

}  // namespace
}  // namespace recpo
