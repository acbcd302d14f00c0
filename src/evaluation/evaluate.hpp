#pragma once
// Evaluation: greedy answers to frozen rows, matched against the candidates' titles.
// The way of the data: Recommender -> predict() -> predictions -> evaluation_json(); score() stands beside it.

#include "src/evaluation/evaluation_json.hpp"
#include "src/evaluation/llama_recommender.hpp"
#include "src/evaluation/options.hpp"
#include "src/evaluation/prediction.hpp"
#include "src/evaluation/recommender.hpp"
#include "src/evaluation/score.hpp"
