#pragma once
// A baseline is one file in models/ that defines a `Baseline` under its file's name; the build lists them, nothing else
// is to be edited (but a name that a report shall know stands in src/report/systems.cpp). Two kinds:
//
//   const Baseline sasrec = {"sasrec", &kEncoder, nullptr};             // a sequential recommender, trained
//   (train.hpp) const Baseline popularity = {"popularity", nullptr, make_recommender};   // answers without training

#include <memory>
#include <string>
#include <vector>

#include "src/baselines/sequence_encoder.hpp"
#include "src/data/options.hpp"
#include "src/data/rows.hpp"
#include "src/evaluation/recommender.hpp"

namespace recpo::baselines {

// What an untrained baseline may know; it may refer to it as long as it lives.
struct UntrainedInputs {
  const data::RowFile& rows;
  const data::DataOptions& data;
  std::uint64_t seed = 1;
};

struct Baseline {
  const char* name;            // the deck's baseline.model, and the system's in evaluation.json
  const EncoderKind* encoder;  // nullptr: untrained
  std::unique_ptr<evaluation::Recommender> (*make_recommender)(const UntrainedInputs& inputs);  // untrained ones
};

const std::vector<const Baseline*>& baselines();
std::vector<std::string> baseline_names();               // sorted
const Baseline& find_baseline(const std::string& name);  // kUsage, listing the names, when there is none

// The answer of a system that scores the candidates: the best one's title (of equal ones the first, as ranks are
// counted), and the scores where they are asked for.
evaluation::Answer best_answer(const data::Row& row, std::vector<double> scores, bool with_scores);

}  // namespace recpo::baselines
