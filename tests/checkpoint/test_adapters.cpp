// Checkpoints of adapters: on any grid, beside the base they name and no other, into stores with adapters and without.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/checkpoint/model_source.hpp"
#include "src/support/file.hpp"
#include "tests/checkpoint/rewrite_manifest.hpp"
#include "tests/checkpoint/simulated_grid.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::checkpoint {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr std::int64_t kSteps = 7;

model::LoraOptions small_adapters() {
  model::LoraOptions lora;
  lora.rank = 3, lora.alpha = 4.5, lora.dropout = 0.25;
  lora.targets = {"q", "v", "o", "up", "down"};
  return lora;
}

// A base in folder/base and adapters beside it in folder/adapters.
template <class T>
struct AdapterFolder {
  explicit AdapterFolder(const Grid& grid = {})
      : config(grid_config(false)), base_values(config, 1), values(config, 2, false, small_adapters()) {
    write_as(Grid{2, 1}, base(), config, base_values, 1);
    write(grid, {base().string(), model_hash(open_model(base())), 0});
  }
  void write(const Grid& grid, const AdapterBase& beside) const {
    fs::remove_all(adapters());
    write_as(grid, adapters(), config, values, kSteps, optim::Moments::kFp32, {small_adapters(), beside});
  }
  fs::path base() const { return folder.path() / "base"; }
  fs::path adapters() const { return folder.path() / "adapters"; }

  const TemporaryFolder folder;
  const model::LlamaConfig config;
  const GlobalValues<T> base_values, values;
};

template <class T>
std::unique_ptr<model::ParameterStore<T>> make_store(const model::LlamaConfig& config, const model::Shard& shard,
                                                     const model::LoraOptions& lora = model::LoraOptions()) {
  auto store = std::make_unique<model::ParameterStore<T>>(model::llama_parameters(config, shard), false);
  if (lora.exists())
    store->attach_adapters(std::make_shared<model::Adapters<T>>(config, lora, shard, model::GradientMemory::kNone));
  return store;
}

template <class T>
void expect_values(const model::ParameterStore<T>& store, const GlobalValues<T>& values) {
  const std::vector<T> found = host_values(store.weights());
  for (const model::Parameter& held : store.parameters()) {
    for (std::int64_t k = 0; k < held.size(); ++k) {
      ASSERT_EQ(found[static_cast<std::size_t>(held.offset + k)], values.at(0, held, k)) << held.name << " " << k;
    }
  }
}

const std::vector<Grid> kGrids = {{1, 1}, {1, 4}, {2, 2}, {4, 2}, {2, 2, false}};

// Weights, moments and master weights, to the bit.
template <class T>
void expect_all_pairs() {
  const AdapterFolder<T> on_disk;
  std::string identity;
  for (const Grid& writer : kGrids) {
    SCOPED_TRACE("written by " + writer.name());
    on_disk.write(writer, {on_disk.base().string(), model_hash(open_model(on_disk.base())), 0});
    verify(on_disk.adapters());
    for (const Grid& reader : kGrids) {
      SCOPED_TRACE("read by " + reader.name());
      for (int rank = 0; rank < reader.size(); ++rank) {
        RankModel<T> model(on_disk.config, reader, rank, optim::Moments::kFp32, small_adapters());
        model.load(on_disk.adapters());
        model.expect(on_disk.values, kSteps);
      }
      if (::testing::Test::HasFailure()) return;
    }
    const std::string hash = model_hash(open_model(on_disk.adapters()));
    if (identity.empty()) identity = hash;
    EXPECT_EQ(hash, identity);
  }
}

TEST(Adapters, ComeBackOnAnyGrid) {
  expect_all_pairs<float>();
  expect_all_pairs<Bfloat16>();
}

TEST(Adapters, TheManifestSaysWhatTheyAre) {
  const AdapterFolder<float> on_disk;
  const AdapterRecord record = open_model(on_disk.adapters()).adapters;
  EXPECT_EQ(record.options, small_adapters());
  EXPECT_EQ(record.base.path, on_disk.base().string());
  EXPECT_EQ(record.base.hash, model_hash(open_model(on_disk.base())));
  on_disk.write({}, {"", "", 0xFEDCBA9876543210u});
  EXPECT_EQ(open_model(on_disk.adapters()).adapters.base.seed, 0xFEDCBA9876543210u);
  EXPECT_FALSE(open_model(on_disk.base()).adapters.options.exists());
}

TEST(Adapters, LoadBesideTheirBaseOnEveryShard) {
  const AdapterFolder<float> on_disk({2, 2});
  model::LoraOptions without_dropout = small_adapters();
  without_dropout.dropout = 0;
  for (const int tp : {1, 2, 4}) {
    for (int rank = 0; rank < tp; ++rank) {
      const auto store = make_store<float>(on_disk.config, {rank, tp}, without_dropout);
      load_weights(open_model(on_disk.adapters()), *store);
      expect_values(*store, on_disk.base_values);
      expect_values(store->adapters()->store, on_disk.values);
      EXPECT_EQ(store->adapters()->options, without_dropout);
    }
  }
}

// W + s B A of every element that a shard holds, in fp64, against the store's.
void expect_merged(const AdapterFolder<double>& on_disk, const model::ParameterStore<double>& store) {
  const model::LoraOptions lora = small_adapters();
  const std::vector<double> found = host_values(store.weights());
  for (const model::Parameter& held : store.parameters()) {
    const std::string name = held.name.substr(0, held.name.rfind('.'));
    const auto a = on_disk.values.arrays[0].find(name + ".lora_A.weight"),
               b = on_disk.values.arrays[0].find(name + ".lora_B.weight");
    const bool adapted = a != on_disk.values.arrays[0].end();
    for (std::int64_t k = 0; k < held.size(); ++k) {
      const std::int64_t row = held.row_begin + k / held.columns(), column = held.column_begin + k % held.columns();
      double expected = on_disk.base_values.at(0, held, k), size = std::abs(expected);
      for (std::int64_t r = 0; adapted && r < lora.rank; ++r) {
        const double term = lora.scale() * b->second[static_cast<std::size_t>(row * lora.rank + r)] *
                            a->second[static_cast<std::size_t>(r * held.global_columns() + column)];
        expected += term;
        size += std::abs(term);
      }
      // Two products and an addition for each term, on either side.
      const double bound = adapted ? 2 * test::gamma<double>(static_cast<double>(lora.rank) + 3) * size : 0;
      ASSERT_NEAR(found[static_cast<std::size_t>(held.offset + k)], expected, bound) << held.name << " " << k;
    }
  }
}

TEST(Adapters, AreMergedIntoAStoreThatDoesNotCarryThem) {
  const AdapterFolder<double> on_disk({2, 2});
  model::LoraOptions others = small_adapters();
  others.rank = 2;
  for (const int tp : {1, 2, 4}) {
    for (int rank = 0; rank < tp; ++rank) {
      const auto store = make_store<double>(on_disk.config, {rank, tp});
      load_weights(open_model(on_disk.adapters()), *store);
      EXPECT_EQ(store->adapters(), nullptr);
      expect_merged(on_disk, *store);
      // Other adapters stay as they are beside what was merged.
      const auto carrying = make_store<double>(on_disk.config, {rank, tp}, others);
      const auto carried = carrying->adapters();
      Kokkos::deep_copy(carried->store.weights(), 0.5);
      load_weights(open_model(on_disk.adapters()), *carrying);
      EXPECT_EQ(carrying->adapters(), carried);
      expect_merged(on_disk, *carrying);
      for (const double value : host_values(carried->store.weights())) ASSERT_EQ(value, 0.5);
    }
  }
}

TEST(Adapters, StandBesideRandomWeights) {
  const AdapterFolder<float> on_disk;
  on_disk.write({1, 2}, {"", "", 41});
  const auto expected = make_store<float>(on_disk.config, {1, 2}),
             store = make_store<float>(on_disk.config, {1, 2}, small_adapters());
  model::initialize_weights(on_disk.config, 41, *expected);
  const ModelSource source = open_model(on_disk.adapters());
  check_base(source);
  load_weights(source, *store);
  expect_same_bits(host_values(store->weights()), host_values(expected->weights()));
  expect_values(store->adapters()->store, on_disk.values);
}

void expect_named(const std::string& message, const std::string& name) {
  EXPECT_NE(message.find(name), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(Adapters, StandBesideMergedAdapters) {
  const AdapterFolder<double> on_disk;
  const fs::path second = on_disk.folder.path() / "second";
  const model::LoraOptions lora = small_adapters();
  write_as({}, second, on_disk.config, on_disk.values, kSteps, optim::Moments::kFp32,
           {lora, {on_disk.adapters().string(), model_hash(open_model(on_disk.adapters())), 0}});
  const ModelSource source = open_model(second);
  check_base(source);
  const auto store = make_store<double>(on_disk.config, {}, lora);
  load_weights(source, *store);
  expect_merged(on_disk, *store);
  expect_values(store->adapters()->store, on_disk.values);
  // What stands at the bottom is checked too.
  fs::remove_all(on_disk.base());
  write_as(Grid{}, on_disk.base(), on_disk.config, GlobalValues<double>(on_disk.config, 3), 1);
  expect_named(message_of(ExitCode::kBadInput, [&] { check_base(source); }), on_disk.base().string());
}

TEST(Adapters, AMissingBaseIsNamed) {
  const AdapterFolder<float> on_disk;
  const ModelSource source = open_model(on_disk.adapters());
  const auto store = make_store<float>(on_disk.config, {});
  fs::rename(on_disk.base(), on_disk.folder.path() / "elsewhere");
  for (const auto& action :
       std::vector<std::function<void()>>{[&] { check_base(source); }, [&] { load_weights(source, *store); }}) {
    const std::string message = message_of(ExitCode::kBadInput, action);
    expect_named(message, on_disk.base().string());
    expect_named(message, on_disk.adapters().string());
  }
}

TEST(Adapters, AnotherBaseIsRefused) {
  const AdapterFolder<float> on_disk;
  const ModelSource source = open_model(on_disk.adapters());
  check_base(source);
  const auto expect_refused = [&](const model::LlamaConfig& config, std::uint64_t seed) {
    fs::remove_all(on_disk.base());
    write_as(Grid{}, on_disk.base(), config, GlobalValues<float>(config, seed), 1);
    expect_named(message_of(ExitCode::kBadInput, [&] { check_base(source); }), on_disk.base().string());
  };
  expect_refused(on_disk.config, 3);
  model::LlamaConfig other = on_disk.config;
  other.rope_theta *= 2;
  expect_refused(other, 1);
  fs::remove_all(on_disk.base());
  write_as(Grid{4, 2}, on_disk.base(), on_disk.config, on_disk.base_values, 1);  // the same, written otherwise
  check_base(source);
}

// Adapters whose base is themselves, directly or through others.
TEST(Adapters, ABaseThatLeadsBackIsRefused) {
  const AdapterFolder<float> on_disk;
  const auto store = make_store<float>(on_disk.config, {});
  on_disk.write({}, {on_disk.adapters().string(), std::string(64, '0'), 0});
  const ModelSource source = open_model(on_disk.adapters());
  expect_named(message_of(ExitCode::kBadInput, [&] { load_weights(source, *store); }), on_disk.adapters().string());
}

TEST(Adapters, BrokenRecordsAreRefused) {
  const AdapterFolder<float> on_disk;
  const fs::path manifest = on_disk.adapters() / kManifestName;
  const std::string whole = read_file(manifest);
  rewrite_manifest(on_disk.adapters(), [](Json&) {});
  EXPECT_EQ(open_model(on_disk.adapters()).adapters.options, small_adapters());
  struct Broken {
    const char *key, *value, *said;
  };
  for (const Broken& broken : std::vector<Broken>{
           {"", "[]", "adapters"},
           {"", "{}", "rank"},
           {"rank", "0", "rank"},
           {"rank", "-1", "rank"},
           {"rank", "1.5", "rank"},
           {"rank", "4", "lora_A"},      // the parts are of rank 3
           {"rank", "65536", "lora_A"},  // nobody allocates that
           {"rank", "2147483647", "rank"},
           {"rank", "1e30", "rank"},
           {"alpha", "0", "alpha"},
           {"alpha", "-1.0", "alpha"},
           {"alpha", "\"8\"", "alpha"},
           {"alpha", "1e300", "alpha"},
           {"dropout", "1.0", "dropout"},
           {"dropout", "-0.1", "dropout"},
           {"targets", "\"q\"", "targets"},
           {"targets", "[1]", "targets"},
           {"targets", "[]", "targets"},
           {"targets", R"(["q", "v", "o", "up", "embed"])", "embed"},
           {"targets", R"(["q", "v", "o", "up"])", "lora_"},
           {"targets", R"(["q", "v", "o", "up", "down", "k"])", "lora_"},
           {"targets", R"(["q", "v", "o", "up", "down", "q"])", "targets"},
           {"base_path", "7", "base_path"},
           {"base_hash", "null", "base_hash"},
           {"base_seed", "\"1\"", "base_seed"},
       }) {
    SCOPED_TRACE(testing::Message() << broken.key << " = " << broken.value);
    write_file(manifest, whole);
    rewrite_manifest(on_disk.adapters(), [&](Json& json) {
      Json& record = json["adapters"];
      (*broken.key == '\0' ? record : record[broken.key]) = Json::parse(broken.value);
    });
    const std::string message = message_of(ExitCode::kBadInput, [&] { open_model(on_disk.adapters()); });
    expect_named(message, manifest.string());
    expect_named(message, broken.said);
  }
}

TEST(Adapters, AreTheSameButForDropout) {
  const model::LoraOptions lora = small_adapters();
  model::LoraOptions other = lora;
  other.dropout = 0;
  std::ranges::reverse(other.targets);
  EXPECT_TRUE(same_adapters(lora, other));
  const auto differs = [&](const auto& change) {
    model::LoraOptions changed = lora;
    change(changed);
    return !same_adapters(lora, changed) && !same_adapters(changed, lora);
  };
  EXPECT_TRUE(differs([](auto& changed) { changed.rank = 4; }));
  EXPECT_TRUE(differs([](auto& changed) { changed.alpha = 5; }));
  EXPECT_TRUE(differs([](auto& changed) { changed.targets.pop_back(); }));
  EXPECT_TRUE(differs([](auto& changed) { changed.targets.back() = "k"; }));
  EXPECT_TRUE(differs([](auto& changed) { changed = {}; }));
}

}  // namespace
}  // namespace recpo::checkpoint
