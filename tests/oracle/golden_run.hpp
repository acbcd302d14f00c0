#pragma once
// Training runs of decks of tests/golden/model, to be compared with what PyTorch computed in them. The model runs in
// double here, so that a wrong formula stands out from rounding.
//
// Tolerances. The golden files hold fp64 figures and, beside each, how far an fp32 run of the same oracle is from it.
// Rounding errors scale with the unit roundoff, so two fp64 computations in different order differ by about 2^-29 of
// that distance; a factor of 2^9 allows for the luck of one draw, and the written digits of a value are added. A
// relative error of 2^-20 times fp32's in any formula fails.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/checkpoint/model_source.hpp"
#include "src/data/prepare.hpp"
#include "src/data/tokenize.hpp"
#include "src/deck/deck.hpp"
#include "src/model/lora.hpp"
#include "src/support/file.hpp"
#include "src/train/step.hpp"

namespace recpo {

using nlohmann::json;

inline constexpr double kPrecisionRatio = 0x1.0p-29 * 0x1.0p9;

inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(RECPO_SOURCE_DIR) / "tests/golden/model" / name;
}
inline json golden_json(const std::string& name) { return json::parse(read_file(golden(name))); }

// A golden folder in double, to be used, or trained: itself, or adapters beside it, which are zero.
struct GoldenModel {
  explicit GoldenModel(const std::filesystem::path& path) : GoldenModel(path, model::GradientMemory::kNone) {}
  GoldenModel(const std::filesystem::path& path, const model::LoraOptions& lora)
      : GoldenModel(path, lora.exists() ? model::GradientMemory::kNone : model::GradientMemory::kWhole) {
    if (lora.exists())
      store.attach_adapters(std::make_shared<model::Adapters<double>>(source.config, lora, model::Shard{},
                                                                      model::GradientMemory::kWhole));
  }

  checkpoint::ModelSource source;
  text::Tokenizer tokenizer;
  model::ParameterStore<double> store;

 private:
  GoldenModel(const std::filesystem::path& path, model::GradientMemory gradients)
      : source(checkpoint::open_model(path)),
        tokenizer(checkpoint::read_tokenizer(source)),
        store(model::llama_parameters(source.config), gradients) {
    checkpoint::load_weights(source, store);
  }
};

// One deck's stage, step by step.
class GoldenRun {
 public:
  GoldenRun(const std::string& name, train::StageKind stage)
      : deck_(deck::read_deck(golden("decks/" + name + ".toml"), {})),
        model_(deck_.model.path, deck_.model.lora),
        grid_(parallel::make_process_grid(parallel::Backend::kSerial, 1)) {
    stage_.kind = stage;
    stage_.options = deck_.stage(stage);
    stage_.optimizer = deck_.optimizer;
    stage_.objective = deck_.objective;
    stage_.lora = deck_.model.lora;
    prepared_ = data::draw_rows(deck_.data, deck_.prompt, deck_.run.seed);
    data::tokenize_rows(prepared_, deck_.prompt, model_.tokenizer,
                        {.max_tokens = deck_.model.max_tokens, .end_id = model_.source.config.eos_token_id});
  }

  std::vector<train::StepMetrics> run() {
    const bool align = stage_.kind == train::StageKind::kAlign;
    train::ReferenceLogps reference;
    if (align) {
      reference = train::compute_reference(prepared_.rows, model_.source.config, model_.store,
                                           stage_.options.micro_batch_tokens, grid_, heartbeat_);
    }
    const train::SampleSet set =
        train::training_samples(prepared_.rows, align ? train::kAllNegatives : 0, align ? 1 : 0);
    const auto total = train::total_steps(stage_.options, static_cast<std::int64_t>(set.samples.size()));
    optim::AdamW<double> optimizer(stage_.optimizer, trained());
    train::TrainingStep<double> step(stage_, set.samples, reference, model_.source.config, model_.store, optimizer,
                                     grid_, total, heartbeat_);
    std::vector<train::StepMetrics> metrics;
    for (std::int64_t i = 0; i < total; ++i) metrics.push_back(step.run(i));
    return metrics;
  }

  // [rows * columns] on the host.
  std::vector<double> weight(const std::string& name) {
    const auto matrix = trained().weight(trained().index(name));
    std::vector<double> values(matrix.size());
    const Kokkos::View<double**, Kokkos::LayoutRight, HostSpace, Unmanaged> host(values.data(), matrix.extent(0),
                                                                                 matrix.extent(1));
    Kokkos::deep_copy(host, matrix);
    return values;
  }

  // What the run changes: the model, or the adapters beside it.
  model::ParameterStore<double>& trained() { return model::trained_store(model_.store); }
  const model::ParameterStore<double>& base() const { return model_.store; }

 private:
  deck::Deck deck_;
  GoldenModel model_;
  parallel::ProcessGrid grid_;
  train::Stage stage_;
  train::Heartbeat heartbeat_ = [](const char*) {};
  data::Prepared prepared_;
};

inline void expect_steps(const std::vector<train::StepMetrics>& metrics, const json& expected) {
  ASSERT_EQ(metrics.size(), expected.size());
  // An error of one step moves the weights of all later ones: the largest distance counts for all.
  double loss_distance = 0, norm_distance = 0;
  for (const json& step : expected) {
    loss_distance = std::max(loss_distance, step["loss_fp32_difference"].get<double>());
    norm_distance = std::max(norm_distance, step["grad_norm_fp32_difference"].get<double>());
  }
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    EXPECT_NEAR(metrics[i].loss, expected[i]["loss"].get<double>(), kPrecisionRatio * loss_distance) << i;
    EXPECT_NEAR(metrics[i].grad_norm, expected[i]["grad_norm"].get<double>(), kPrecisionRatio * norm_distance) << i;
    EXPECT_DOUBLE_EQ(metrics[i].learning_rate, expected[i]["learning_rate"].get<double>()) << i;
  }
}

// `samples`: places of the expected values, by parameter.
inline void expect_weights(GoldenRun& run, const json& expected, const json& samples) {
  constexpr double kWrittenDigits = 0.5e-11;  // relative, of 12 significant digits
  for (const auto& [name, tensor] : expected.items()) {
    const std::vector<double> weight = run.weight(name);
    const double distance = kPrecisionRatio * tensor["fp32_difference"].get<double>();
    for (std::size_t i = 0; i < samples[name].size(); ++i) {
      const double value = tensor["values"][i].get<double>();
      EXPECT_NEAR(weight.at(samples[name][i].get<std::size_t>()), value, distance + kWrittenDigits * std::abs(value))
          << name << " " << i;
    }
  }
}

}  // namespace recpo
