#pragma once
// The figures of one system as the JSON object that evaluation.json holds under its name. One object a test:
//   main       {"rows", "valid", "hits", "hr@1", "hr@1_ci95": [low, high], "valid_ratio", "valid_ratio_ci95",
//              "hr@1_valid", "hr@1_valid_ci95", "chance": hits / rows expected of random candidates,
//              "ranked": {"hr@1", "ndcg@1", "hr@3", ...} when the candidates were ranked}
//   adherence  the same, and "adherence_rate" = hits / rows with its interval
//   avoidance  the same ("hits": the item was avoided), and "avoidance_rate" = hits / rows, "avoidance_rate_valid" =
//              hits / valid, with their intervals
//   history-length  [{"from", "to", and main's fields}, ...]: rows by interactions before the question, and beside it
//              "history-length_spread" = (largest - smallest hr@1) / mean hr@1 over the buckets
// A figure without rows to divide by is null.

#include <cstdint>
#include <string>
#include <vector>

#include "src/evaluation/prediction.hpp"

namespace recpo::evaluation {

std::string evaluation_json(const std::vector<Prediction>& predictions, const EvaluationOptions& options,
                            std::uint64_t seed);

}  // namespace recpo::evaluation
