#include "src/baselines/training_step.hpp"

#include <cmath>
#include <cstring>

#include "kernels/adamw.hpp"
#include "kernels/reductions.hpp"

namespace recpo::baselines {
namespace {
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Every rank's losses, in the order of the batch: ranks hold neighbouring leaves.
std::vector<double> gather(parallel::Communicator& dp, const std::vector<double>& mine) {
  std::vector<double> all;
  const std::string own(reinterpret_cast<const char*>(mine.data()), mine.size() * sizeof(double));
  for (const std::string& bytes : dp.all_gather(own)) {
    if (bytes.empty()) continue;  // a rank whose leaves have no rows
    const std::size_t begin = all.size();
    all.resize(begin + bytes.size() / sizeof(double));
    std::memcpy(all.data() + begin, bytes.data(), bytes.size());
  }
  return all;
}
}  // namespace

template <class T>
TrainingStep<T>::TrainingStep(const BaselineOptions& options, std::int64_t leaves, SequenceModel<T>& model,
                              parallel::Communicator& dp)
    : options_(options),
      model_(model),
      dp_(dp),
      leaves_(train::plan_leaves(options.batch, leaves, dp.size(), dp.rank())),
      sums_({0}, model.parameters().size()),
      m_("recpo::baselines::m", model.parameters().size()),
      v_("recpo::baselines::v", model.parameters().size()) {}

template <class T>
void TrainingStep<T>::run_leaf(std::span<const Example> examples, std::size_t batch, std::vector<double>& losses) {
  SequenceBatch sequences;
  sequences.choices = 2;
  sequences.histories.dropout = options_.dropout;
  for (const Example& example : examples) {
    sequences.histories.histories.emplace_back(example.sequence->history);
    if (options_.dropout > 0) sequences.histories.keys.push_back(example.keys);
    sequences.items.push_back(example.sequence->target());
    sequences.items.push_back(example.negative);
  }
  const std::vector<double> scores = model_.forward(exec_, sequences);
  std::vector<double> d_scores;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const double answer = scores[2 * i], negative = scores[2 * i + 1];
    losses.push_back(softplus(-answer) + softplus(negative));
    d_scores.push_back(-sigmoid(-answer) / static_cast<double>(batch));
    d_scores.push_back(sigmoid(negative) / static_cast<double>(batch));
  }
  model_.backward(exec_, d_scores);
}

template <class T>
StepFigures TrainingStep<T>::run(const std::vector<Example>& batch) {
  train::LeafPlan leaves = leaves_;
  leaves.global_batch = static_cast<std::int64_t>(batch.size());  // of an epoch's last batch there may be less
  const Vector<T> gradients = model_.parameters().gradients();
  std::vector<double> losses;
  for (int slot = 0; slot < leaves.own(); ++slot) {
    const auto begin = static_cast<std::size_t>(leaves.begin(0, leaves.leaf(slot))),
               end = static_cast<std::size_t>(leaves.end(0, leaves.leaf(slot)));
    Kokkos::deep_copy(exec_, gradients, T(0));
    if (begin < end) run_leaf(std::span(batch).subspan(begin, end - begin), batch.size(), losses);
    sums_.add(exec_, 0, gradients, slot + 1 == leaves.own());
  }
  dp_.all_reduce_sum(exec_, gradients);
  StepFigures figures;
  for (const double loss : gather(dp_, losses)) figures.loss += loss / static_cast<double>(batch.size());
  figures.skipped = !std::isfinite(figures.loss) || !std::isfinite(gradient_norm());
  if (!figures.skipped) update();
  return figures;
}

template <class T>
double TrainingStep<T>::gradient_norm() const {
  constexpr std::int64_t kChunk = 4096;
  const Vector<const T> gradients = model_.parameters().gradients();
  const std::int64_t chunks = (model_.parameters().size() + kChunk - 1) / kChunk;
  const OwnedVector<double> partial("recpo::baselines::squares", chunks);
  kernels::square_sum_chunks<T>(exec_, gradients, kChunk, partial);
  exec_.fence("recpo::baselines::norm");
  std::vector<double> host(static_cast<std::size_t>(chunks));
  Kokkos::deep_copy(HostVector<double>(host.data(), host.size()), partial);
  double sum = 0;
  for (const double value : host) sum += value;
  return std::sqrt(sum);
}

template <class T>
void TrainingStep<T>::update() {
  kernels::AdamWCoefficients coefficients;
  coefficients.lr = options_.lr;
  coefficients.step = ++updates_;
  coefficients.l2 = options_.weight_decay;
  kernels::adamw_step<T, T>(exec_, coefficients, model_.parameters().gradients(), m_, v_,
                            model_.parameters().weights());
  exec_.fence("recpo::baselines::update");
}

#define RECPO_INSTANTIATE(T) template class TrainingStep<T>;
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::baselines
