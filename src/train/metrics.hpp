#pragma once
// What one optimizer step says of itself: metrics.jsonl with TRL's names, and the progress bar's note.

#include <filesystem>
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

struct StepMetrics {
  std::string stage;
  std::int64_t step = 0;  // from 1 in each stage
  double loss = 0, grad_norm = 0, learning_rate = 0, epoch = 0;
  SampleMetrics mean;           // alignment: means over sets
  bool preferences = false;     // write the rewards/ and logps/ figures
  std::int64_t num_tokens = 0;  // tokens of all trees since the stage began
  double step_ms = 0;           // of the slowest rank, like the times below
  // Of it: held by tensor- and data-parallel communication that did not overlap, and the optimizer's update.
  double comm_ms_tp = 0, comm_ms_dp = 0, optimizer_ms = 0;
  SentBytes sent;
  double tokens_per_second = 0, flops_per_second = 0, fraction_of_gemm_rate = 0;
  bool skipped = false;  // non-finite: the weights were left alone
};

SampleMetrics mean_of(const std::vector<SampleMetrics>& samples);  // in batch order

std::string to_json_line(const StepMetrics& metrics);
std::string progress_note(const StepMetrics& metrics);

// A continued stage writes its steps again: drops the stage's lines after `step`.
void rewind_metrics(const std::filesystem::path& file, const std::string& stage, std::int64_t step);

}  // namespace recpo::train
