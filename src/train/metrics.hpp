#pragma once
// Metrics of one optimizer step: metrics.jsonl with TRL's names, and the progress bar's note.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "src/parallel/communicator.hpp"

namespace recpo::train {

// One row or preference set of a step, computed on the rank that trained on it. Plain data: gathered as bytes.
struct SampleMetrics {
  std::int64_t place = 0;                         // in the global batch
  double loss = 0;                                // sft: -logp_0
  double chosen_reward = 0, rejected_reward = 0;  // rejected: mean over the set's dispreferred answers
  double accuracy = 0;                            // share of dispreferred answers with a lower reward
  double chosen_logp = 0, rejected_logp = 0;
  double floored_margins = 0;
};

// All samples of the global batch in batch order, on every rank. Collective.
std::vector<SampleMetrics> gather_samples(parallel::Communicator& dp, const std::vector<SampleMetrics>& mine);

// Bytes a rank sends, counted as for ring collectives.
struct SentBytes {
  parallel::Traffic tp, dp;
};

// Of validation rows, under the weights after a step.
struct ValidationMetrics {
  double ranked_hit_rate = 0, mrr = 0;
  double loss = 0;  // mean of minus log-prob a token of the preferred answers
};

struct StepMetrics {
  std::string stage;
  std::int64_t step = 0;  // from 1 in each stage
  double loss = 0, grad_norm = 0, learning_rate = 0, epoch = 0;
  SampleMetrics mean;           // alignment: means over sets
  bool preferences = false;     // write the rewards/ and logps/ metrics
  std::int64_t num_tokens = 0;  // tokens of all trees since the stage began
  double step_ms = 0;           // of the slowest rank, like the times below
  // Of it: held by tensor- and data-parallel communication that did not overlap, and the optimizer's update.
  double comm_ms_tp = 0, comm_ms_dp = 0, optimizer_ms = 0;
  SentBytes sent;
  double tokens_per_second = 0, flops_per_second = 0, fraction_of_gemm_rate = 0;
  bool skipped = false;  // non-finite: the weights were left alone
  std::optional<ValidationMetrics> validation;
};

SampleMetrics mean_of(const std::vector<SampleMetrics>& samples);  // in batch order

nlohmann::ordered_json to_json(const StepMetrics& metrics);  // a line of metrics.jsonl
std::string progress_note(const StepMetrics& metrics);

}  // namespace recpo::train
