#pragma once
// A baseline is one file in models/ that defines a `Baseline` under its file's name; the build lists them, nothing else
// is to be edited. Two kinds, a sequential recommender that is trained (train.hpp) and one that answers without:
//
//   const Baseline sasrec = {.name = "sasrec", .label = "SASRec", .colour = "#a05195", .order = 30,
//                            .encoder = sasrec_encoder<float>};
//   const Baseline random = {.name = "random", .label = "Random", .colour = "#bbbbbb", .order = 50,
//                            .make_recommender = make_recommender, .reference_point = ReferencePoint::kChance};

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/data/options.hpp"
#include "src/data/rows.hpp"
#include "src/evaluation/prediction.hpp"

namespace recpo::baselines {

// What an untrained baseline may know; it may refer to it as long as it lives.
struct UntrainedInputs {
  const data::RowFile& rows;
  const data::DataOptions& data;
  std::uint64_t seed = 1;
};

template <class T>
struct EncoderKind;

// What an untrained baseline tells of other systems: all should beat a heuristic, a heuristic should beat chance, and
// nothing can beat the best.
enum class ReferencePoint : std::uint8_t { kNone, kHeuristic, kChance, kBest };

struct Baseline {
  const char* name;                           // the deck's baseline.model, and the system's in evaluation.json
  const char* label;                          // in tables and figures
  const char* colour;                         // in figures
  int order;                                  // of rows of tables and bars: rising
  EncoderKind<float> (*encoder)() = nullptr;  // sequence_model.hpp; nullptr: untrained
  std::unique_ptr<evaluation::Recommender> (*make_recommender)(const UntrainedInputs& inputs) = nullptr;  // untrained

  ReferencePoint reference_point = ReferencePoint::kNone;  // of untrained ones

  bool is_trained() const { return encoder != nullptr; }
};

const std::vector<const Baseline*>& baselines();  // in their order
std::vector<std::string> baseline_names();
const Baseline& find_baseline(const std::string& name);  // kUsage, listing the names, when there is none

// The answer of a system that scores the candidates: the best one's title (of equal ones the first, as ranks are
// counted), and the scores if requested.
evaluation::Answer best_answer(const data::Row& row, std::vector<double> scores, bool with_scores);

// A recommender that scores the candidates of one row at a time.
using RowScores = std::function<std::vector<double>(const data::Row& row)>;
std::unique_ptr<evaluation::Recommender> make_row_recommender(RowScores scores);

}  // namespace recpo::baselines
