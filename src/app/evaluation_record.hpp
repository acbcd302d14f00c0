#pragma once
// The files of an evaluation in the run folder: evaluation.json, an object by system, and predictions.jsonl. Figures of
// one system replace its older ones and leave the others alone.

#include <string>
#include <vector>

#include "src/app/context.hpp"
#include "src/evaluation/prediction.hpp"

namespace recpo::app {

struct Evaluated {
  std::string name;         // of the system: base, sft, recpo, sasrec, ...
  std::string identity;     // hash of everything its figures depend on
  std::string figures;      // JSON of evaluation::evaluation_json, with "settings"
  std::string predictions;  // JSONL, evaluation::prediction_line
};

// `settings`: settings_json of the deck that the system was made with.
Evaluated evaluated(const Deck& deck, const std::string& name, const std::string& identity,
                    const std::vector<evaluation::Prediction>& predictions, const std::string& settings);

// Whether the run folder holds the figures of this system with this identity. Collective.
bool is_recorded(const Context& context, const std::string& name, const std::string& identity);

// Rank 0 writes both files; throws kBadInput when evaluation.json is no evaluation file. Collective.
void record_evaluation(const Context& context, const Evaluated& evaluated);

}  // namespace recpo::app
