// recpo against Transformers on every combination of tied or not, grouped heads or not, rotary scaling or not, element
// type, and one to four files: tests/golden/combinations, made by scripts/golden/combinations_golden.py.
//
// Tolerances. The golden figures are fp64, and beside each combination stands how far Transformers' own fp32 run is
// from them. In double our distance is that of two fp64 computations (see test_oracle.cpp). In float it is that of one
// more fp32 computation in another order; a log-prob here is a sum of some tens of terms, and a factor of 2^4 allows
// for the luck of one draw. Both are far below 1e-3, which is asked of any run.

#include <gtest/gtest.h>

#include <cstring>

#include "src/checkpoint/model_source.hpp"
#include "src/evaluation/score.hpp"
#include "tests/oracle/formula_weights.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo {
namespace {
using nlohmann::json;

constexpr double kDoubleRatio = 0x1.0p-29 * 0x1.0p9, kFloatRatio = 0x1.0p4, kAsked = 1e-3;
constexpr int kMaxFiles = 4;

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(RECPO_SOURCE_DIR) / "tests/golden" / name;
}

template <class T>
struct Loaded {
  explicit Loaded(const std::filesystem::path& folder)
      : source(checkpoint::open_model(folder)), store(model::llama_parameters(source.config), false) {
    checkpoint::load_weights(source, store);
  }
  std::vector<double> logps(const json& rows) {
    const text::Tokenizer tokenizer = text::Tokenizer::load(golden("model/tied"));
    std::vector<double> all;
    std::vector<std::string> prompts;
    std::vector<std::vector<std::string>> completions;
    for (const json& row : rows) prompts.push_back(row["prompt"]), completions.push_back(row["completions"]);
    for (const auto& line :
         evaluation::score<T>(source.config, store, tokenizer, source.config.eos_token_id, prompts, completions, 1024))
      all.insert(all.end(), line.logp.begin(), line.logp.end());
    return all;
  }
  std::vector<T> weights() const {
    std::vector<T> values(static_cast<std::size_t>(store.size()));
    Kokkos::deep_copy(HostVector<T>(values.data(), values.size()), store.weights());
    return values;
  }
  checkpoint::ModelSource source;
  model::ParameterStore<T> store;
};

template <class T>
void expect_logps(Loaded<T>& model, const json& rows, const json& golden_case, double ratio) {
  const double tolerance = ratio * golden_case["fp32_difference"].get<double>();
  ASSERT_LT(tolerance, kAsked);
  const std::vector<double> logps = model.logps(rows);
  ASSERT_EQ(logps.size(), golden_case["logp"].size());
  for (std::size_t i = 0; i < logps.size(); ++i)
    EXPECT_NEAR(logps[i], golden_case["logp"][i].get<double>(), tolerance) << i;
}

TEST(Combinations, LogProbsAreTransformersForEveryKindOfModelAndFiles) {
  const json file = json::parse(read_file(golden("combinations/logp.json")));
  ASSERT_EQ(file["cases"].size(), 24u);
  for (const auto& [name, golden_case] : file["cases"].items()) {
    SCOPED_TRACE(name);
    const std::string dtype = golden_case["config"]["dtype"];
    const TemporaryFolder folder;
    write_formula_model(folder.path() / "1", golden_case["config"], dtype, 1);
    Loaded<double> whole(folder.path() / "1");
    Loaded<float> single(folder.path() / "1");
    EXPECT_EQ(name_of(whole.source.config.dtype), dtype);
    expect_logps(whole, file["rows"], golden_case, kDoubleRatio);
    expect_logps(single, file["rows"], golden_case, kFloatRatio);
    for (int files = 2; files <= kMaxFiles; ++files) {  // the same bits, so the same log-probs
      const auto path = folder.path() / std::to_string(files);
      write_formula_model(path, golden_case["config"], dtype, files);
      const std::vector<double> weights = Loaded<double>(path).weights(), expected = whole.weights();
      ASSERT_EQ(weights.size(), expected.size());
      EXPECT_EQ(std::memcmp(weights.data(), expected.data(), weights.size() * sizeof(double)), 0) << files;
    }
  }
}

}  // namespace
}  // namespace recpo
