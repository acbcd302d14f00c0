// A checkpoint of any grid is read on any other, bit for bit: all pairs of grids of up to eight ranks.
#include <gtest/gtest.h>

#include <set>

#include "src/checkpoint/hugging_face.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/checkpoint/shard_file.hpp"
#include "tests/checkpoint/simulated_grid.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;
constexpr std::int64_t kSteps = 7;

std::vector<Grid> all_grids() {
  std::vector<Grid> grids;
  for (const int tp : {1, 2, 4})
    for (const int dp : {1, 2, 4})
      if (tp * dp <= 8) grids.push_back({tp, dp, true});
  return grids;
}

template <class T>
void expect_readable(const fs::path& checkpoint, const Grid& grid, const model::LlamaConfig& config,
                     const GlobalValues<T>& values, optim::Moments moments = optim::Moments::kFp32) {
  for (int rank = 0; rank < grid.size(); ++rank) {
    SCOPED_TRACE("read as rank " + std::to_string(rank) + " of " + grid.name());
    RankModel<T> model(config, grid, rank, moments);
    model.load(checkpoint);
    model.expect(values, kSteps);
    if (::testing::Test::HasFailure()) return;
  }
}

template <class T>
void expect_all_pairs(bool tied) {
  const model::LlamaConfig config = grid_config(tied);
  const GlobalValues<T> values(config, 1);
  std::string identity;
  for (const Grid& writer : all_grids()) {
    SCOPED_TRACE("written by " + writer.name());
    const TemporaryFolder folder;
    write_as(writer, folder.path(), config, values, kSteps);
    verify(folder.path());
    for (const Grid& reader : all_grids()) expect_readable(folder.path(), reader, config, values);
    const std::string hash = read_manifest(folder.path()).weights_hash;
    if (identity.empty()) identity = hash;
    EXPECT_EQ(hash, identity);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(Reshard, AllPairsOfGridsUntied) { expect_all_pairs<float>(false); }
TEST(Reshard, AllPairsOfGridsTied) { expect_all_pairs<float>(true); }

// Optimizer states whole on every rank on one side, cut on the other; and as doubles.
TEST(Reshard, WithAndWithoutZero) {
  const model::LlamaConfig config = grid_config(false);
  const GlobalValues<double> values(config, 2);
  for (const bool written : {false, true}) {
    const TemporaryFolder folder;
    write_as(Grid{2, 2, written}, folder.path(), config, values, kSteps);
    EXPECT_EQ(fs::exists(folder.path() / "shard-0001-0001.h5"), written);
    for (const bool read : {false, true}) expect_readable(folder.path(), Grid{1, 4, read}, config, values);
  }
}

TEST(Reshard, AnyNumberOfRanks) {
  const model::LlamaConfig config = grid_config(false);
  const GlobalValues<float> values(config, 3);
  const TemporaryFolder folder;
  write_as(Grid{1, 3}, folder.path(), config, values, kSteps);
  expect_readable(folder.path(), Grid{2, 5}, config, values);
}

TEST(Reshard, AStoreCutOtherwiseThanTheRanksIsRefused) {
  const RankModel<float> whole(grid_config(false), {}, 0);
  const TemporaryFolder folder;
  for (const int rank : {0, 1})
    message_of(ExitCode::kInternal, [&] {
      write_shard<float>(folder.path(), Grid{2, 1}.place(rank), whole.store, nullptr);
    });
}

TEST(Reshard, ShortMomentsComeBackExactly) {
  const model::LlamaConfig config = grid_config(false);
  const GlobalValues<float> values(config, 4, true);
  const TemporaryFolder folder;
  write_as(Grid{2, 2}, folder.path(), config, values, kSteps, optim::Moments::kBf16);
  expect_readable(folder.path(), Grid{4, 1}, config, values, optim::Moments::kBf16);
  expect_readable(folder.path(), Grid{1, 2}, config, values, optim::Moments::kFp32);
}

// Weights in bfloat16, master weights in float and moments of either length, each in its own number of bytes.
TEST(Reshard, Bfloat16AndItsMasterComeBackOnAnyGrid) {
  const model::LlamaConfig config = grid_config(false);
  const std::vector<Grid> grids = {{1, 1}, {1, 4}, {2, 2, false}, {4, 2}};
  std::set<std::string> identities;
  for (const bool bf16_moments : {false, true}) {
    const optim::Moments moments = bf16_moments ? optim::Moments::kBf16 : optim::Moments::kFp32;
    const GlobalValues<Bfloat16> values(config, 5, bf16_moments);
    for (const Grid& writer : grids) {
      SCOPED_TRACE("written by " + writer.name() + ", moments " + name_of(moments));
      const TemporaryFolder folder;
      write_as(writer, folder.path(), config, values, kSteps, moments);
      verify(folder.path());
      for (const Grid& reader : grids) expect_readable(folder.path(), reader, config, values, moments);
      identities.insert(read_manifest(folder.path()).weights_hash);
      const auto file = hdf5::File::open(folder.path() / "shard-0000-0000.h5");
      EXPECT_TRUE(file.holds<std::uint16_t>(kWeightsArray));
      EXPECT_TRUE(file.holds<float>(kMasterArray));
      for (const char* moment : {kFirstMomentArray, kSecondMomentArray}) {
        EXPECT_EQ(file.holds<std::uint16_t>(moment), bf16_moments);
        EXPECT_EQ(file.holds<float>(moment), !bf16_moments);
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_EQ(identities.size(), 1u);
}

// Elements of one array of all parameters, as a rank of the grid reads them.
std::pair<std::int64_t, std::int64_t> wanted_and_read(const fs::path& checkpoint, const Grid& grid, int rank) {
  const RankModel<float> model(grid_config(false), grid, rank);
  ShardReader reader(checkpoint);
  std::int64_t wanted = 0;
  for (const model::ShardPart& piece : model.optimizer.shard().parts()) {
    const model::Parameter& parameter = model.store.parameters()[piece.parameter];
    const Range range = valid_range(parameter, piece.begin, piece.end);
    std::vector<float> values(static_cast<std::size_t>(range.count));
    reader.read<float>(kFirstMomentArray, parameter, range, values);
    wanted += range.count;
  }
  return {wanted, reader.elements_read()};
}

TEST(Reshard, ReadsNoMoreThanItMust) {
  const model::LlamaConfig config = grid_config(false);
  const TemporaryFolder folder;
  const Grid grid{4, 2}, alone{1, 1};
  write_as(grid, folder.path() / "grid", config, GlobalValues<float>(config, 1), kSteps);
  write_as(alone, folder.path() / "alone", config, GlobalValues<float>(config, 1), kSteps);
  for (int rank = 0; rank < grid.size(); ++rank) {
    const auto [wanted, same] = wanted_and_read(folder.path() / "grid", grid, rank);
    EXPECT_EQ(same, wanted);
    EXPECT_LE(wanted_and_read(folder.path() / "alone", grid, rank).second, wanted * grid.tp);
  }
  const auto [wanted, read] = wanted_and_read(folder.path() / "grid", alone, 0);
  EXPECT_EQ(read, wanted);
}

std::string identity_of(const GlobalValues<float>& values, const model::LlamaConfig& config) {
  const TemporaryFolder folder;
  write_as(Grid{2, 1}, folder.path(), config, values, kSteps);
  return read_manifest(folder.path()).weights_hash;
}

TEST(Fingerprint, ChangesWithOneBitAndWithThePlaceOfValues) {
  const model::LlamaConfig config = grid_config(false);
  const GlobalValues<float> values(config, 1);
  const std::string name = "model.layers.1.mlp.down_proj.weight", other = "model.layers.0.mlp.down_proj.weight";
  GlobalValues<float> flipped = values, moved = values, exchanged = values, moments = values;
  float& value = flipped.arrays[0].at(name)[100];
  value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ 1u);
  std::swap(moved.arrays[0].at(name)[3], moved.arrays[0].at(name)[4]);
  exchanged.arrays[0].at(name).swap(exchanged.arrays[0].at(other));
  moments.arrays[1].at(name)[0] = 5;
  const std::string identity = identity_of(values, config);
  for (const GlobalValues<float>* changed : {&flipped, &moved, &exchanged})
    EXPECT_NE(identity_of(*changed, config), identity);
  EXPECT_EQ(identity_of(moments, config), identity);  // it is of the weights
  EXPECT_NE(identity.substr(0, 16), identity.substr(16));
}

// The documented sums, written out once more.
TEST(Fingerprint, IsTheDocumentedSum) {
  const auto mix = [](std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  };
  const std::uint64_t gamma = 0x9E3779B97F4A7C15u;
  const std::uint64_t name = mix((1 ^ static_cast<std::uint64_t>('w')) + gamma);
  const std::vector<float> values = {1.5f, -2.0f, 3.25f, 0.0f};
  std::uint64_t low = 0, high = 0;
  for (std::uint64_t i = 0; i < 4; ++i) {  // columns 1 and 2 of rows 2 and 3, of 5 columns
    const std::uint64_t index = (2 + i / 2) * 5 + 1 + i % 2;
    const std::uint64_t key = mix(name + gamma * index), bits = std::bit_cast<std::uint32_t>(values[i]);
    low += mix(key ^ bits);
    high += mix(0xD1B54A32D192ED03u * key + 0xABC98388FB8FAC03u * bits + 1);
  }
  Fingerprint fingerprint;
  fingerprint.add<float>("w", 5, Range{2, 1, 2, 0, 4}, values);
  EXPECT_EQ(fingerprint.low(), low);
  EXPECT_EQ(fingerprint.high(), high);
}

TEST(Reshard, HuggingFaceFoldersFillTheShardOnly) {
  for (const bool tied : {false, true}) {
    const model::LlamaConfig config = grid_config(tied);
    const GlobalValues<float> values(config, 1);
    RankModel<float> whole(config, {}, 0);
    whole.fill(values, 0);
    const TemporaryFolder folder;
    export_hugging_face(folder.path() / "model", config, whole.store, small_tokenizer());
    for (const int tp : {1, 2, 4}) {
      for (int rank = 0; rank < tp; ++rank) {
        RankModel<float> shard(config, {tp, 1}, rank);
        load_hugging_face_weights(folder.path() / "model", config, shard.store);
        expect_same_bits(host_values(shard.store.weights()), shard.expected(values, 0));
      }
    }
  }
}

TEST(Inspect, TellsTheGridAndItsParts) {
  const model::LlamaConfig config = grid_config(false);
  const TemporaryFolder folder;
  write_as(Grid{2, 2}, folder.path(), config, GlobalValues<float>(config, 1), kSteps);
  const std::string text = describe(folder.path());
  for (const std::string part : {"2 tensor-parallel x 2 data-parallel ranks, ZeRO over 2, 4 shard files",
                                 "AdamW moments after 7 steps", "shard-0001-0001.h5", "[61, 24]", "lm_head.weight"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
}

}  // namespace
}  // namespace recpo::checkpoint
