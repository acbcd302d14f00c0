#include "src/evaluation/score.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/hdf5.hpp"
#include "src/support/log.hpp"
#include "src/train/samples.hpp"
#include "src/train/train.hpp"

namespace recpo::train {
template <class T>
ReferenceLogps compute_reference(const data::RowFile& rows, const model::LlamaConfig& config,
                                 model::ParameterStore<T>& store, std::int64_t micro_batch_tokens,
                                 const parallel::ProcessGrid& grid, const Heartbeat& heartbeat) {
  const std::vector<Sample> samples = training_samples(rows, kAllNegatives).samples;
  std::vector<evaluation::TokenTree> trees;
  for (const Sample& sample : samples) trees.push_back({sample.row->prompt_ids, sample.answers});

  evaluation::TreeScorer<T> scorer(config, store, micro_batch_tokens, {*grid.tp, false});
  Progress bar("reference", static_cast<std::int64_t>(samples.size()), "sets");
  const auto progress = [&] {
    heartbeat("reference log-probs");
    bar.advance();
  };
  std::vector<std::vector<double>> logps = scorer.score(trees, progress, *grid.dp);
  ReferenceLogps result;
  for (std::size_t i = 0; i < samples.size(); ++i) result[samples[i].row->id] = std::move(logps[i]);
  return result;
}

RECPO_INSTANTIATE_STORAGE(compute_reference);

namespace fs = std::filesystem;

void write_reference(const fs::path& path, const ReferenceLogps& logps, const std::string& model_hash,
                     const std::string& rows_hash) {
  std::vector<std::int64_t> row, begin{0};
  std::vector<double> values;
  for (const auto& [id, own] : logps) {
    row.push_back(id);
    values.insert(values.end(), own.begin(), own.end());
    begin.push_back(static_cast<std::int64_t>(values.size()));
  }
  write_atomic_file(path, [&](const fs::path& temporary) {
    hdf5::File file = hdf5::File::create(temporary);
    file.write<std::int64_t>("row", row);
    file.write<std::int64_t>("begin", begin);
    file.write<double>("logp", values);
    file.write_attribute("model_hash", model_hash);
    file.write_attribute("rows_hash", rows_hash);
    file.close();
  });
}

ReferenceLogps read_reference(const fs::path& path, const std::string& model_hash, const std::string& rows_hash) {
  if (!is_there(path)) return {};
  const hdf5::File file = hdf5::File::open(path);
  if (file.read_string("model_hash") != model_hash || file.read_string("rows_hash") != rows_hash) return {};
  const auto row = file.read<std::int64_t>("row"), begin = file.read<std::int64_t>("begin");
  const auto values = file.read<double>("logp");
  if (begin.size() != row.size() + 1) throw_input("{}: array begin does not fit array row", path.string());
  ReferenceLogps logps;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (begin[i] < 0 || begin[i + 1] < begin[i] || begin[i + 1] > static_cast<std::int64_t>(values.size())) {
      throw_input("{}: array begin leaves array logp at entry {}", path.string(), i);
    }
    logps[row[i]] = std::vector<double>(values.begin() + begin[i], values.begin() + begin[i + 1]);
  }
  return logps;
}

}  // namespace recpo::train
