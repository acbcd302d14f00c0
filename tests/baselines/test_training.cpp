#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "src/baselines/checkpoint.hpp"
#include "src/baselines/examples.hpp"
#include "src/baselines/sequence_model.hpp"
#include "src/baselines/train.hpp"
#include "src/parallel/communicator.hpp"
#include "src/support/check.hpp"
#include "src/support/folder.hpp"
#include "tests/baselines/rows.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::baselines {
namespace {
namespace fs = std::filesystem;

parallel::ProcessGrid alone() { return parallel::make_process_grid(parallel::Backend::kSerial, 1); }

struct Setting {
  TemporaryFolder folder;
  data::RowFile rows = circle_rows(60, 20, 20);
  ItemVocabulary vocabulary{rows};
  parallel::ProcessGrid grid = alone();
  TrainingJob job;

  explicit Setting(const std::string& model = "sasrec") {
    job.baseline = &find_baseline(model);
    job.options.batch = 16;  // 3 batches and 12 rows an epoch
    job.options.hidden = 8;
    job.options.epochs = 4;
    job.options.lr = 0.01;
    job.options.patience = 100;
    job.checkpoint.every_steps = 1;
    job.folder = folder.path() / "baseline-x";
    job.inputs_hash = "inputs";
  }

  Trained run(const train::StopRequested& stop = {}) { return train(job, rows, vocabulary, grid, stop); }
  TrainingState newest() { return *load_newest_state(job.folder, *grid.world); }
};

ExitCode code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::kDone;
}

// A request to stop at the n-th time it is asked.
train::StopRequested stop_at(int n) {
  return [n, asked = 0](double) mutable { return ++asked == n; };
}

TEST(Vocabulary, TrainingItemsComeFirst) {
  data::RowFile rows = circle_rows(1, 0, 1);
  rows.rows[1].history[0].item = "unseen";
  const ItemVocabulary vocabulary(rows);
  EXPECT_EQ(vocabulary.sequence(rows.rows[1]).history[0], vocabulary.num_training());
  EXPECT_GT(vocabulary.size(), vocabulary.num_training());
  for (const int item : vocabulary.sequence(rows.rows[0]).candidates) EXPECT_LT(item, vocabulary.num_training());
  rows.rows[1].history.clear();
  EXPECT_EQ(ItemVocabulary(rows).sequence(rows.rows[1]).history, std::vector<int>{kNoItem});
  rows.rows[1].candidates[2].item = "";
  EXPECT_EQ(code_of([&] { ItemVocabulary{rows}; }), ExitCode::kBadInput);
}

TEST(Examples, EveryRowOnceAnEpochAndNegativesOfAllItemsButTheAnswer) {
  Setting s;
  Examples examples(s.rows, s.vocabulary, 1), again(s.rows, s.vocabulary, 1);
  std::set<int> negatives;
  std::vector<const Sequence*> first_order;
  for (std::int64_t epoch = 0; epoch < 40; ++epoch) {
    std::set<const Sequence*> rows;
    const auto batch = examples.batch(epoch, 0, examples.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      rows.insert(batch[i].sequence);
      negatives.insert(batch[i].negative);
      EXPECT_NE(batch[i].negative, batch[i].sequence->target());
      EXPECT_EQ(batch[i].keys.size(), batch[i].sequence->history.size());
    }
    EXPECT_EQ(rows.size(), 60u);
    // A part of an epoch is what it is in the whole, whichever was asked before.
    const auto part = again.batch(epoch, 16, 32);
    for (std::size_t i = 0; i < part.size(); ++i) EXPECT_EQ(part[i].negative, batch[16 + i].negative);
    std::vector<const Sequence*> order;
    for (const Example& example : batch) order.push_back(example.sequence);
    if (epoch == 0) first_order = order;
    if (epoch == 1) {
      EXPECT_NE(order, first_order);
    }
  }
  EXPECT_EQ(negatives.size(), static_cast<std::size_t>(s.vocabulary.num_training()));
}

TEST(Training, LearnsTheCircle) {
  for (const char* model : {"gru4rec", "caser", "sasrec"}) {
    Setting s(model);
    s.rows = circle_rows(400, 50, 100);
    s.vocabulary = ItemVocabulary(s.rows);
    s.job.options.epochs = 10;
    s.job.checkpoint.every_steps = 0;
    const Trained trained = s.run();
    const auto recommender = make_recommender(s.vocabulary, *trained.model);
    const auto asked = s.rows.of_split(data::Split::kTest);
    const auto answers = recommender->answer(asked, true, [] {});
    int hits = 0;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      hits += answers[i].text == asked[i]->candidates[static_cast<std::size_t>(asked[i]->preferred)].title;
      EXPECT_EQ(answers[i].scores.size(), asked[i]->candidates.size());
    }
    EXPECT_GE(hits, 80) << model << ": of 100, where chance gives 25";
  }
}

TEST(Training, StoppedAnywhereItEndsWithTheSameBits) {
  for (const char* model : {"gru4rec", "caser", "sasrec"}) {
    Setting whole(model);
    const TrainingState expected = (whole.run(), whole.newest());
    EXPECT_TRUE(expected.complete);
    EXPECT_EQ(expected.step, 16);
    Setting s(model);
    for (const int n : {1, 3, 2, 5}) EXPECT_FALSE(s.run(stop_at(n)).finished);
    EXPECT_TRUE(s.run().finished);
    const TrainingState state = s.newest();
    EXPECT_EQ(state.weights, expected.weights) << model;
    EXPECT_EQ(state.best_weights, expected.best_weights) << model;
    EXPECT_EQ(state.epoch_losses, expected.epoch_losses) << model;
    EXPECT_EQ(state.epoch_hits, expected.epoch_hits) << model;
  }
}

TEST(Training, StopsWhenValidationNoLongerRisesAndKeepsTheBestEpoch) {
  Setting s;
  s.job.options.epochs = 100;
  s.job.options.patience = 3;
  const Trained trained = s.run();
  const TrainingState state = s.newest();
  ASSERT_LT(state.epochs(), 100) << "20 validation rows cannot get better 33 times";
  EXPECT_EQ(state.epochs(), state.best_epoch + 3);
  const auto& hits = state.epoch_hits;
  EXPECT_EQ(std::max_element(hits.begin(), hits.end()) - hits.begin(), state.best_epoch - 1) << "the first of the best";
  EXPECT_EQ(trained.model->parameters().host_weights(), state.best_weights);
  EXPECT_NE(state.weights, state.best_weights);
  // The kept weights reach the hits that were counted.
  std::int64_t found = 0;
  for (const data::Row* row : s.rows.of_split(data::Split::kValid)) {
    const Sequence sequence = s.vocabulary.sequence(*row);
    const auto scores = score_candidates(*trained.model, std::span(&sequence, 1), 1).front();
    found += std::max_element(scores.begin(), scores.end()) - scores.begin() == sequence.preferred;
  }
  EXPECT_EQ(found, hits[static_cast<std::size_t>(state.best_epoch - 1)]);
}

TEST(Training, WithoutValidationRowsEveryEpochIsTrained) {
  Setting s;
  s.rows = circle_rows(60, 0, 20);
  s.job.options.patience = 1;
  s.run();
  EXPECT_EQ(s.newest().epochs(), 4);
  EXPECT_EQ(s.newest().weights, s.newest().best_weights);
}

TEST(Training, ASecondRunReadsTheFirstOne) {
  Setting s;
  const auto weights = s.run().model->parameters().host_weights();
  s.job.options.lr = 1e30;  // would show
  const Trained again = s.run();
  EXPECT_EQ(again.model->parameters().host_weights(), weights);
  s.job.inputs_hash = "other";
  EXPECT_EQ(code_of([&] { s.run(); }), ExitCode::kUsage);
}

TEST(Training, StepsThatAreNotFiniteEndInNumericsAndLeaveTheWeights) {
  Setting s;
  s.job.options.lr = 1e38;
  s.job.max_bad_steps = 2;
  EXPECT_EQ(code_of([&] { s.run(); }), ExitCode::kNumerics);
  const TrainingState state = s.newest();
  EXPECT_EQ(state.bad_steps, 2);
  EXPECT_LT(state.updates, state.step);
}

TEST(Checkpoints, AFolderThatCannotBeListedIsNotEmpty) {
  Setting s;
  std::ofstream(s.job.folder) << "a file in its place";
  EXPECT_EQ(code_of([&] { s.run(); }), ExitCode::kBadInput);
  fs::remove(s.job.folder);
  EXPECT_FALSE(load_newest_state(s.job.folder, *s.grid.world));
}

TEST(Checkpoints, WhatCannotBeRemovedIsNoError) {
  Setting s;
  s.job.checkpoint.keep = 1;
  s.run(stop_at(2));
  fs::create_directories(s.job.folder / "step_0.h5/in the way");
  const auto write = [&](const char* name) { std::ofstream(s.job.folder / name) << "of a killed program"; };
  write("step_3.h5.recpo-tmp");
  write("step_1.h5");
  EXPECT_TRUE(s.run().finished);
  write("step_15.h5");
  write("step_15.h5.recpo-tmp");
  EXPECT_TRUE(s.run().finished);  // it was; what was left is removed
  EXPECT_EQ(list_folder(s.job.folder), (std::vector{s.job.folder / "step_0.h5", s.job.folder / "step_16.h5"}));
}

TEST(Checkpoints, BrokenOnesArePassedOver) {
  Setting s;
  s.job.checkpoint.keep = 3;
  s.run();
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(s.job.folder)) files.push_back(entry.path());
  EXPECT_EQ(files.size(), 3u);
  const auto flip = [](const fs::path& path, std::int64_t position) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(position);
    const char byte = static_cast<char>(file.get());
    file.seekp(position);
    file.put(static_cast<char>(byte ^ 4));
  };
  const fs::path newest = s.job.folder / "step_16.h5";
  const auto bytes = static_cast<std::int64_t>(fs::file_size(newest));
  // Where a flip is read as something else it must be noticed: the newest is passed over, or nothing has changed.
  const TrainingState whole = s.newest();
  for (std::int64_t i = 0; i < 40; ++i) {
    flip(newest, bytes * i / 40);
    const TrainingState found = s.newest();
    EXPECT_TRUE(found.step == 15 || (found.step == 16 && found.weights == whole.weights &&
                                     found.best_weights == whole.best_weights && found.complete))
        << "byte " << bytes * i / 40;
    flip(newest, bytes * i / 40);
  }
  fs::resize_file(newest, fs::file_size(newest) / 2);
  EXPECT_EQ(s.newest().step, 15);
  EXPECT_TRUE(s.run().finished);  // writes step 16 again
  EXPECT_EQ(s.newest().weights, whole.weights);
  for (const auto& entry : fs::directory_iterator(s.job.folder)) fs::resize_file(entry.path(), 100);
  EXPECT_EQ(code_of([&] { s.run(); }), ExitCode::kBadInput);
}

}  // namespace
}  // namespace recpo::baselines
