#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "src/data/tree_batch.hpp"
#include "src/evaluation/evaluation_test.hpp"
#include "src/evaluation/llama_recommender.hpp"
#include "src/evaluation/prediction.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/support/units.hpp"

namespace recpo::evaluation {
namespace {
using Rows = std::vector<const data::Row*>;

void append_split(const data::RowFile& file, data::Split split, std::int64_t limit, Rows& rows) {
  Rows all = file.of_split(split);
  if (limit > 0 && static_cast<std::int64_t>(all.size()) > limit) all.resize(static_cast<std::size_t>(limit));
  rows.insert(rows.end(), all.begin(), all.end());
}

Rows asked_rows(const data::RowFile& file, const EvaluationOptions& options) {
  std::set<data::Split> splits;
  for (const std::string& test : options.tests) splits.insert(find_evaluation_test(test).split(options));
  Rows rows;
  for (const data::Split split : splits) append_split(file, split, options.max_eval_rows, rows);
  return rows;
}

std::int64_t row_tokens(const data::Row& row) {
  return static_cast<std::int64_t>(row.prompt_ids.size()) + max_answer_tokens(row);
}

// Neighbours of like length, longest first: they end together, and the time left is never promised too short.
std::vector<Rows> make_groups(Rows rows, std::int64_t batch_tokens) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const data::Row* a, const data::Row* b) { return row_tokens(*a) > row_tokens(*b); });
  std::vector<std::int64_t> tokens;
  for (const data::Row* row : rows) tokens.push_back(row_tokens(*row));
  const std::vector<std::size_t> begins = data::pack(tokens, batch_tokens);
  std::vector<Rows> groups;
  for (std::size_t g = 0; g + 1 < begins.size(); ++g)
    groups.emplace_back(rows.begin() + static_cast<std::ptrdiff_t>(begins[g]),
                        rows.begin() + static_cast<std::ptrdiff_t>(begins[g + 1]));
  return groups;
}

// The bar of all rows, driven by this rank's: the others are about as far.
class RowProgress {
 public:
  RowProgress(const std::string& title, std::size_t rows, int ranks)
      : bar_(title, static_cast<std::int64_t>(rows), "rows"), left_(static_cast<std::int64_t>(rows)), ranks_(ranks) {}

  void operator()() {
    const std::int64_t step = std::min<std::int64_t>(ranks_, left_);
    left_ -= step;
    done_ += step;
    const double seconds = seconds_since(start_);
    bar_.set_note(fmt::format("{:.1f} rows/s", static_cast<double>(done_) / std::max(seconds, 1e-9)));
    bar_.advance(step);
  }

 private:
  Progress bar_;
  std::int64_t left_, done_ = 0, ranks_;
  Clock::time_point start_ = Clock::now();
};

// What only the answering rank knows. MessagePack, because an answer's bytes need not be UTF-8.
std::string pack_answers(const std::vector<Prediction>& predictions) {
  nlohmann::json all = nlohmann::json::array();
  for (const Prediction& p : predictions) {
    const Ranking r = p.ranking.value_or(Ranking());
    all.push_back({p.row, p.answer, r.first, r.last, r.log_softmax});
  }
  std::string bytes;
  nlohmann::json::to_msgpack(all, bytes);
  return bytes;
}

void unpack_answers(const std::string& bytes, const data::RowFile& rows, Match match,
                    std::vector<Prediction>& predictions) {
  for (const nlohmann::json& entry : nlohmann::json::from_msgpack(bytes)) {
    const auto row = entry.at(0).get<std::size_t>();
    RECPO_REQUIRE(row < rows.rows.size() && rows.rows[row].id == static_cast<std::int64_t>(row));
    predictions.push_back(judge(rows.rows[row], {entry.at(1).get<std::string>(), {}}, match));
    if (const auto first = entry.at(2).get<std::int32_t>(); first > 0)
      predictions.back().ranking = {first, entry.at(3).get<std::int32_t>(), predictions.back().candidates,
                                    entry.at(4).get<double>()};
  }
}
}  // namespace

std::vector<Prediction> predict(Recommender& recommender, const data::RowFile& rows, const EvaluationOptions& options,
                                const std::string& title, parallel::Communicator& dp) {
  check_values(options, "evaluate");
  const Rows asked = asked_rows(rows, options);
  const std::vector<Rows> groups = make_groups(asked, options.batch_tokens);
  std::vector<Prediction> mine;
  {
    RowProgress progress(title, asked.size(), dp.size());
    const auto ranks = static_cast<std::size_t>(dp.size());
    for (auto g = static_cast<std::size_t>(dp.rank()); g < groups.size(); g += ranks) {
      const std::vector<Answer> answers = recommender.answer(groups[g], options.rank_candidates, std::ref(progress));
      RECPO_REQUIRE(answers.size() == groups[g].size());
      for (std::size_t i = 0; i < answers.size(); ++i) mine.push_back(judge(*groups[g][i], answers[i], options.match));
    }
  }
  std::vector<Prediction> all;
  for (const std::string& bytes : dp.all_gather(pack_answers(mine))) unpack_answers(bytes, rows, options.match, all);
  std::sort(all.begin(), all.end(), [](const Prediction& a, const Prediction& b) { return a.row < b.row; });
  RECPO_REQUIRE(all.size() == asked.size());
  return all;
}

}  // namespace recpo::evaluation
