#pragma once
// A trained sequential recommender as one that answers questions: it ranks the row's stored candidates, and its answer
// is the best one's title. Refers to vocabulary and model.

#include <memory>

#include "src/baselines/sequence_model.hpp"

namespace recpo::baselines {

// Scores of each sequence's candidates, computed for so many sequences at a time.
std::vector<std::vector<double>> score_candidates(SequenceModel<float>& model, std::span<const Sequence> sequences,
                                                  std::size_t at_once);

std::unique_ptr<evaluation::Recommender> make_recommender(const ItemVocabulary& vocabulary,
                                                          SequenceModel<float>& model);

}  // namespace recpo::baselines
