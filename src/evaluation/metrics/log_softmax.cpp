// Mean log-softmax of the preferred candidate's score over the candidates: 0 is certain, -log(candidates) a guess.

#include <limits>

#include "src/evaluation/metrics.hpp"
#include "src/evaluation/prediction.hpp"

namespace recpo::evaluation {

extern const Metrics log_softmax;
const Metrics log_softmax = {{.name = "log_softmax",
                              .label = "ranked log-softmax",
                              .order = 320,
                              .of = [](std::int32_t, const Ranking& ranking) { return ranking.log_softmax; },
                              .in_tables = false,
                              .lowest = -std::numeric_limits<double>::max(),
                              .highest = 0}};

}  // namespace recpo::evaluation
