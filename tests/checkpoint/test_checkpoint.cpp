// Native checkpoints: what is saved comes back bit for bit, the newest whole one wins, old ones go.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/support/file.hpp"
#include "tests/checkpoint/rewrite_manifest.hpp"
#include "tests/checkpoint/small_model.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;

template <class T>
void expect_round_trip() {
  const TemporaryFolder folder;
  save<T>(folder.path(), 3);
  const fs::path path = folder.path() / "step_3";
  ASSERT_EQ(find_newest(folder.path()), path);
  SmallModel<T> read(99);
  const SmallModel<T> written(3);
  load_weights(path, read.store);
  load_optimizer(path, read.optimizer);
  expect_same_bits(host_values(read.store.weights()), host_values(written.store.weights()));
  expect_same_bits(moment_values(read.optimizer, optim::State::kFirstMoment),
                   moment_values(written.optimizer, optim::State::kFirstMoment));
  expect_same_bits(moment_values(read.optimizer, optim::State::kSecondMoment),
                   moment_values(written.optimizer, optim::State::kSecondMoment));
  if (optim::AdamW<T>::kHasMaster)
    expect_same_bits(moment_values(read.optimizer, optim::State::kMaster),
                     moment_values(written.optimizer, optim::State::kMaster));
  EXPECT_EQ(read.optimizer.steps_done(), 3);
}

TEST(Checkpoint, ComesBackBitForBitInFloat) { expect_round_trip<float>(); }
TEST(Checkpoint, ComesBackBitForBitInDouble) { expect_round_trip<double>(); }
TEST(Checkpoint, ComesBackBitForBitInBfloat16) { expect_round_trip<Bfloat16>(); }

TEST(Checkpoint, CarriesProgressConfigDeckAndTokenizer) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 3);
  const Manifest manifest = read_manifest(folder.path() / "step_3");
  const Progress expected = progress_at(3);
  EXPECT_EQ(manifest.progress.stage, expected.stage);
  EXPECT_EQ(manifest.progress.step, expected.step);
  EXPECT_EQ(manifest.progress.samples, expected.samples);
  EXPECT_EQ(manifest.progress.total_steps, expected.total_steps);
  EXPECT_EQ(manifest.progress.complete, expected.complete);
  EXPECT_EQ(manifest.progress.inputs_hash, expected.inputs_hash);
  EXPECT_EQ(manifest.progress.rows_hash, expected.rows_hash);
  EXPECT_EQ(manifest.progress.deck, expected.deck);
  EXPECT_EQ(manifest.progress.extra, expected.extra);
  EXPECT_EQ(manifest.config, small_config());
  EXPECT_TRUE(manifest.has_optimizer);
  EXPECT_EQ(read_tokenizer(folder.path() / "step_3").hash(), small_tokenizer().hash());
}

TEST(Checkpoint, AnImportHasNoOptimizer) {
  const TemporaryFolder folder;
  SmallModel<float> model;
  save_checkpoint<float>(folder.path(), progress_at(0), model.config, model.store, nullptr, small_tokenizer(), 1,
                         one_rank());
  EXPECT_FALSE(read_manifest(folder.path() / "step_0").has_optimizer);
  message_of(ExitCode::kBadInput, [&] { load_optimizer(folder.path() / "step_0", model.optimizer); });
}

TEST(Checkpoint, TheOtherPrecisionIsConverted) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 3);
  SmallModel<double> read;
  load_weights(folder.path() / "step_3", read.store);
  const std::vector<float> written = host_values(SmallModel<float>(3).store.weights());
  expect_same_bits(host_values(read.store.weights()), std::vector<double>(written.begin(), written.end()));
}

TEST(Checkpoint, Bfloat16IsReadAsFloatExactly) {
  const TemporaryFolder folder;
  save<Bfloat16>(folder.path(), 3);
  SmallModel<float> read;
  load_weights(folder.path() / "step_3", read.store);
  const std::vector<Bfloat16> written = host_values(SmallModel<Bfloat16>(3).store.weights());
  expect_same_bits(host_values(read.store.weights()), std::vector<float>(written.begin(), written.end()));
}

// With them the master weights begin as the rounded ones, and moments are those of the file.
TEST(Checkpoint, FloatIsRoundedToBfloat16) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 3);
  SmallModel<Bfloat16> read(99);
  load_weights(folder.path() / "step_3", read.store);
  load_optimizer(folder.path() / "step_3", read.optimizer);
  const SmallModel<float> written(3);
  const std::vector<float> weights = host_values(written.store.weights());
  const std::vector<Bfloat16> rounded(weights.begin(), weights.end());
  expect_same_bits(host_values(read.store.weights()), rounded);
  expect_same_bits(moment_values(read.optimizer, optim::State::kFirstMoment),
                   moment_values(written.optimizer, optim::State::kFirstMoment));
  const model::Parameter& last = read.store.parameters().back();  // one piece of a whole shard
  const std::vector<float> master = moment_values(read.optimizer, optim::State::kMaster);
  const auto& piece = read.optimizer.shard().parts().back();
  ASSERT_EQ(piece.size(), last.size());
  for (std::int64_t i = 0; i < last.size(); ++i)
    EXPECT_EQ(master[piece.shard_offset + i], static_cast<float>(rounded[last.offset + i]));
}

TEST(Checkpoint, RefusesAModelOfAnotherShape) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 3);
  SmallModel<float> tied(1, true);
  load_weights(folder.path() / "step_3", tied.store);  // all its parameters are there
  model::LlamaConfig wider = small_config();
  wider.intermediate_size += 2;
  model::ParameterStore<float> store(model::llama_parameters(wider), false);
  const std::string message = message_of(ExitCode::kBadInput, [&] { load_weights(folder.path() / "step_3", store); });
  EXPECT_NE(message.find("gate_proj"), std::string::npos) << message;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}
using Names = std::vector<std::string>;

TEST(Checkpoint, KeepsTheNewest) {
  const TemporaryFolder folder;
  for (const int step : {2, 9, 10, 11}) save<float>(folder.path(), step, 2);  // by number, not by name
  EXPECT_EQ(names_in(folder.path()), (Names{"step_10", "step_11"}));
  save<float>(folder.path(), 12, 1);
  EXPECT_EQ(names_in(folder.path()), Names{"step_12"});
}

void save_with_best(const fs::path& folder, std::int64_t step, std::int64_t best, bool keep_best) {
  const SmallModel<float> model(static_cast<std::uint64_t>(step));
  Progress progress = progress_at(step);
  progress.best_step = best;
  progress.keep_best = keep_best;
  save_checkpoint<float>(folder, progress, model.config, model.store, &model.optimizer, small_tokenizer(), 1,
                         one_rank());
}

TEST(Checkpoint, TheBestStaysAndIsTheModel) {
  const TemporaryFolder folder;
  parallel::SerialCommunicator alone;
  EXPECT_EQ(find_model(folder.path(), alone), std::nullopt);
  for (const auto& [step, best] : {std::pair(1, 1), {2, 2}, {3, 2}, {4, 2}})
    save_with_best(folder.path(), step, best, true);
  EXPECT_EQ(names_in(folder.path()), (Names{"best", "step_2", "step_4"}));
  EXPECT_EQ(read_file(folder.path() / "best"), "step_2\n");
  EXPECT_EQ(find_newest(folder.path()), folder.path() / "step_4");
  EXPECT_EQ(find_model(folder.path(), alone), folder.path() / "step_2");
  EXPECT_EQ(open_model(folder.path()).path, folder.path() / "step_2");
  EXPECT_EQ(open_model(folder.path() / "step_4").path, folder.path() / "step_4");
  EXPECT_NE(describe(folder.path()).find("step 2 by validation, kept"), std::string::npos);

  fs::remove(folder.path() / "step_2/manifest.json");
  const std::string message = message_of(ExitCode::kBadInput, [&] { find_model(folder.path(), alone); });
  EXPECT_NE(message.find("step_2"), std::string::npos) << message;

  save_with_best(folder.path(), 5, 5, true);  // a better one: the old best goes
  EXPECT_EQ(names_in(folder.path()), (Names{"best", "step_5"}));
}

TEST(Checkpoint, ABestThatIsNotKeptIsOnlyNamed) {
  const TemporaryFolder folder;
  parallel::SerialCommunicator alone;
  for (const int step : {1, 2, 3}) save_with_best(folder.path(), step, 1, false);
  EXPECT_EQ(names_in(folder.path()), (Names{"best", "step_3"}));
  EXPECT_EQ(read_file(folder.path() / "best"), "step_1\n");
  EXPECT_EQ(find_model(folder.path(), alone), folder.path() / "step_3");
}

TEST(Checkpoint, KeepsCountWholeOnesOnlyAndNeverTakesTheOneJustWritten) {
  const TemporaryFolder folder;
  for (const int step : {1, 2, 3, 9}) save<float>(folder.path(), step);
  fs::remove(folder.path() / "step_3/manifest.json");
  // Damaged, every file at its size: passed over, so the run went on from 2 and comes to 4.
  write_file(folder.path() / "step_9/deck.toml", std::string(progress_at(9).deck.size(), 'x'));
  save<float>(folder.path(), 4, 2);
  EXPECT_EQ(names_in(folder.path()), (Names{"step_2", "step_3", "step_4", "step_9"}));
  EXPECT_EQ(find_newest(folder.path()), folder.path() / "step_4");
}

TEST(Checkpoint, SavesTheSameStepAgain) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 5, 1);
  Progress ended = progress_at(5);
  ended.complete = true;
  const SmallModel<float> model(5);
  save_checkpoint<float>(folder.path(), ended, model.config, model.store, nullptr, small_tokenizer(), 1, one_rank());
  EXPECT_EQ(names_in(folder.path()), Names{"step_5"});
  EXPECT_TRUE(read_manifest(*find_newest(folder.path())).progress.complete);
}

TEST(Checkpoint, FoldersOfOtherNamesAreNone) {
  const TemporaryFolder folder;
  EXPECT_EQ(find_newest(folder.path() / "missing"), std::nullopt);
  for (const std::string name :
       {"step_", "step_1x", "step_01", "step_-1", "step_1.tmp", "steps_1", "step_1.replaced.x"})
    fs::create_directory(folder.path() / name);
  write_file(folder.path() / "step_7", "a file");
  EXPECT_EQ(find_newest(folder.path()), std::nullopt);
}

TEST(Checkpoint, OneRankWritesOneShard) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 3);
  EXPECT_EQ(names_in(folder.path() / "step_3"),
            (Names{"deck.toml", "manifest.json", "shard-0000-0000.h5", "tokenizer.json"}));
}

TEST(Checkpoint, RefusesAnotherFormatVersion) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 3);
  const fs::path path = folder.path() / "step_3/manifest.json";
  std::string text = read_file(path);
  const std::string hash = text.substr(text.find("sha256") + 10, 64), version = "\"version\": 2";
  for (const char other : {'1', '3'}) {
    std::string changed = text;
    changed[changed.find(version) + version.size() - 1] = other;
    changed.replace(changed.find(hash), 64, std::string(64, '0'));
    changed.replace(changed.find(std::string(64, '0')), 64, sha256_hex(changed));
    write_file(path, changed);
    const std::string message = message_of(ExitCode::kBadInput, [&] { read_manifest(folder.path() / "step_3"); });
    EXPECT_NE(message.find("reads version 2 only"), std::string::npos) << message;
  }
}

// Of a manifest that was made up, own hash and all: it is refused before anything is as large as it says.
TEST(Checkpoint, AManifestClaimsNoMoreThanItsFiles) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 3);
  const fs::path checkpoint = folder.path() / "step_3";
  const std::string whole = read_file(checkpoint / kManifestName);
  const auto expect_refused = [&](const std::string& part, const std::function<void(nlohmann::ordered_json&)>& change) {
    write_file(checkpoint / kManifestName, whole);
    rewrite_manifest(checkpoint, change);
    const std::string message = message_of(ExitCode::kBadInput, [&] { open_model(checkpoint); });
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expect_refused("grid: 4096 x 4096 shards, but 3 files", [](auto& json) {
    json["grid"] = {{"tp", 4096}, {"dp", 4096}, {"zero_shards", 4096}};
  });
  expect_refused("the model of config", [](auto& json) { json["config"]["vocab_size"] = 1 << 26; });
  expect_refused("the model of config", [](auto& json) { json["config"]["num_hidden_layers"] = 1 << 12; });
  expect_refused("the model of config", [](auto& json) { json["parameters"].erase("model.norm.weight"); });
  expect_refused("the shards have 10 bytes", [](auto& json) { json["files"]["shard-0000-0000.h5"]["bytes"] = 10; });
  write_file(checkpoint / kManifestName, whole);
  EXPECT_EQ(open_model(checkpoint).config, small_config());
}

TEST(Checkpoint, AHashIsWrittenInPlainDigits) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 3);
  const fs::path path = folder.path() / "step_3" / kManifestName;
  std::string text = read_file(path);
  const std::size_t digit = text.find(": \"") + 3;
  text.replace(digit, 1, fmt::format("\\u{:04x}", static_cast<int>(text[digit])));
  write_file(path, text);
  const std::string message = message_of(ExitCode::kBadInput, [&] { read_manifest(path.parent_path()); });
  EXPECT_NE(message.find("damaged"), std::string::npos) << message;
}

TEST(ModelSource, FindsCheckpointsByTheirFolderAndTheirParent) {
  const TemporaryFolder folder;
  save<float>(folder.path() / "sft", 3);
  save<float>(folder.path() / "sft", 4);
  EXPECT_EQ(open_model(folder.path() / "sft").path, folder.path() / "sft/step_4");
  const ModelSource source = open_model(folder.path() / "sft/step_3");
  EXPECT_EQ(source.kind, ModelSource::Kind::kNative);
  EXPECT_EQ(source.config, small_config());
  model::ParameterStore<float> store(model::llama_parameters(source.config), false);
  load_weights(source, store);
  expect_same_bits(host_values(store.weights()), host_values(SmallModel<float>(3).store.weights()));
  EXPECT_EQ(read_tokenizer(source.path).hash(), small_tokenizer().hash());
  EXPECT_NE(model_hash(source), model_hash(open_model(folder.path() / "sft")));
  save<float>(folder.path() / "again", 3);
  EXPECT_EQ(model_hash(source), model_hash(open_model(folder.path() / "again")));
  const std::string message = message_of(ExitCode::kBadInput, [&] { open_model(folder.path()); });
  for (const std::string name : {"manifest.json", "step_N", "config.json"})
    EXPECT_NE(message.find(name), std::string::npos) << message;
  message_of(ExitCode::kBadInput, [&] { open_model(folder.path() / "missing"); });
}

TEST(Inspect, SaysWhatIsThereAndThrowsWhenItIsBroken) {
  const TemporaryFolder folder;
  save<float>(folder.path(), 3);
  save<float>(folder.path(), 4);
  const std::string text = describe(folder.path() / "step_3");
  for (const std::string part :
       {"whole", "sft, step 3 of 100, 192 samples", "2 layers", "shard-0000-0000.h5", "tokenizer.json", "deck.toml"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  std::ofstream(folder.path() / "step_4/deck.toml", std::ios::app) << "x";
  const std::string stage = describe(folder.path());
  EXPECT_NE(stage.find("step_4  broken"), std::string::npos) << stage;
  EXPECT_NE(stage.find("step_3  whole"), std::string::npos) << stage;
  const std::string message = message_of(ExitCode::kBadInput, [&] { describe(folder.path() / "step_4"); });
  EXPECT_NE(message.find("deck.toml"), std::string::npos) << message;
}

}  // namespace
}  // namespace recpo::checkpoint
