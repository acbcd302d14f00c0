// Three training steps against PyTorch: tests/golden/baselines/steps.json, made by scripts/golden/baseline_reference.py
// (double, no dropout). Both sides compute the same formulas; what differs is the order of sums. A gradient, chains of
// a few hundred additions of terms of order one, is off by 1e3 roundings at most. An update m / (sqrt(v) + eps) carries
// that error divided by sqrt(v), which three steps leave at half the first gradient at least; the worst element's error
// may reach all the others through the gradients of the next step.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/baselines/train.hpp"
#include "src/parallel/communicator.hpp"
#include "src/support/file.hpp"
#include "tests/baselines/double_encoders.hpp"
#include "tests/oracle/formula_weights.hpp"

namespace recpo::baselines {
namespace {

using Json = nlohmann::json;
constexpr double kRoundings = 1e3 * 0x1p-52;
constexpr double kEps = 1e-8;  // Adam's

// The largest error of weights after all steps, from the gradients with which the first one began.
double weight_tolerance(const Json& run, const std::vector<double>& weights, const std::vector<ParameterSpec>& specs,
                        const BaselineOptions& options, std::size_t steps) {
  double smallest = 1;
  std::size_t at = 0;
  for (const ParameterSpec& spec : specs) {
    for (const Json& gradient : run["gradients"].at(spec.name))
      smallest = std::min(smallest, std::abs(gradient.get<double>() + options.weight_decay * weights[at++]));
  }
  return options.lr * 4 * static_cast<double>(steps) * kRoundings / std::max(smallest, kEps);
}

struct GoldenBatch {
  std::vector<Sequence> sequences;
  std::vector<Example> examples;

  explicit GoldenBatch(const Json& json) {
    for (std::size_t i = 0; i < json["histories"].size(); ++i)
      sequences.push_back({json["histories"][i].get<std::vector<int>>(), {json["answers"][i].get<int>()}, 0});
    for (std::size_t i = 0; i < sequences.size(); ++i)
      examples.push_back({&sequences[i], json["negatives"][i].get<int>(), {}});
  }
};

std::vector<double> formula_values(const std::string& name, std::int64_t count) {
  std::uint64_t seed = 0xCBF29CE484222325u;
  for (const unsigned char byte : name) seed = (seed ^ byte) * 0x100000001B3u;
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(formula_uniform(seed, static_cast<std::uint64_t>(i)));
  return values;
}

std::vector<double> to_host(const Vector<double>& values) {
  std::vector<double> host(values.size());
  Kokkos::deep_copy(HostVector<double>(host.data(), host.size()), values);
  return host;
}

// The parameters' values, by the names and in the order of the golden file.
void expect_near(const std::vector<ParameterSpec>& specs, const std::vector<double>& actual, const Json& expected,
                 const std::function<double(double)>& tolerance) {
  std::size_t at = 0;
  ASSERT_EQ(specs.size(), expected.size());
  for (const ParameterSpec& spec : specs) {
    const auto values = expected.at(spec.name).get<std::vector<double>>();
    ASSERT_EQ(static_cast<std::int64_t>(values.size()), spec.size()) << spec.name;
    for (std::size_t i = 0; i < values.size(); ++i, ++at)
      EXPECT_NEAR(actual[at], values[i], tolerance(values[i])) << spec.name << "[" << i << "]";
  }
}

TEST(Steps, EqualPyTorch) {
  const Json golden = Json::parse(read_file(std::string(RECPO_SOURCE_DIR) + "/tests/golden/baselines/steps.json"));
  BaselineOptions options;
  options.lr = golden["lr"];
  options.weight_decay = golden["weight_decay"];
  options.dropout = 0;
  parallel::SerialCommunicator alone;
  for (const Json& run : golden["runs"]) {
    SCOPED_TRACE(testing::Message() << run["model"] << ", " << run["blocks"] << " blocks");
    SequenceModel<double> model(double_encoder(run["model"].get<std::string>()),
                                {golden["items"], golden["hidden"], golden["length"], run["blocks"]});
    const std::vector<ParameterSpec>& specs = model.parameters().specs();
    std::vector<double> weights;
    for (const ParameterSpec& spec : specs)
      for (const double value : formula_values(spec.name, spec.size())) weights.push_back(value);
    const double tolerance = weight_tolerance(run, weights, specs, options, golden["batches"].size());
    ASSERT_LT(tolerance, 1e-3 * options.lr) << "too wide to tell one optimizer from another";
    for (const std::int64_t leaves : {1, 4}) {
      model.parameters().set_weights(weights);
      TrainingStep<double> step(options, leaves, model, alone);
      for (std::size_t s = 0; s < golden["batches"].size(); ++s) {
        const GoldenBatch batch(golden["batches"][s]);
        const StepMetrics figures = step.run(batch.examples);
        EXPECT_FALSE(figures.skipped);
        // A loss of so many weights, each with a slope below one.
        EXPECT_NEAR(figures.loss, run["losses"][s].get<double>(),
                    s == 0 ? kRoundings : kRoundings + tolerance * static_cast<double>(weights.size()));
        if (s == 0)
          expect_near(specs, to_host(model.parameters().gradients()), run["gradients"],
                      [](double value) { return kRoundings * std::max(1.0, std::abs(value)); });
      }
      expect_near(specs, model.parameters().host_weights(), run["weights"], [&](double) { return tolerance; });
    }
  }
}

}  // namespace
}  // namespace recpo::baselines
