// AUC = share of the other candidates that score below the preferred one.

#include "src/evaluation/metrics.hpp"
#include "src/evaluation/prediction.hpp"

namespace recpo::evaluation {
namespace {
double auc_of(std::int32_t rank, const Ranking& ranking) {
  const std::int32_t others = ranking.candidates - 1;
  return others == 0 ? 1.0 : static_cast<double>(others - (rank - 1)) / others;
}
}  // namespace

extern const Metrics auc;
const Metrics auc = {{.name = "auc", .label = "ranked AUC", .order = 310, .of = auc_of}};

}  // namespace recpo::evaluation
