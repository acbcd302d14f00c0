// MRR = mean reciprocal rank of the preferred candidate by score.

#include "src/evaluation/metrics.hpp"

namespace recpo::evaluation {

extern const Metrics mrr;
const Metrics mrr = {{.name = "mrr", .label = "ranked MRR", .order = 300, .of = [](std::int32_t rank, const Ranking&) {
                        return 1.0 / rank;
                      }}};

}  // namespace recpo::evaluation
