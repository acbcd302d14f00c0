#include "src/baselines/checkpoint.hpp"

#include <algorithm>
#include <charconv>

#include "src/parallel/collective_try.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/hdf5.hpp"
#include "src/support/log.hpp"

namespace recpo::baselines {
namespace fs = std::filesystem;

namespace {
constexpr std::int64_t kVersion = 1;
constexpr const char* kFormat = "recpo baseline";
constexpr std::string_view kPrefix = "step_", kEnding = ".h5";

fs::path step_file(const fs::path& folder, std::int64_t step) {
  return folder / fmt::format("{}{}{}", kPrefix, step, kEnding);
}

std::optional<std::int64_t> step_of(const fs::path& path) {
  const std::string name = path.filename().string();
  std::int64_t step = -1;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
  if (step < 0 || step_file("", step) != name) return std::nullopt;
  return step;
}

// Newest first.
std::vector<std::int64_t> list_states(const fs::path& folder) {
  std::vector<std::int64_t> steps;
  for (const fs::path& path : list_folder(folder))
    if (const auto step = step_of(path)) steps.push_back(*step);
  std::ranges::sort(steps, std::greater());
  return steps;
}

void write_state(const fs::path& path, const TrainingState& state) {
  auto file = hdf5::File::create(path);
  file.write_attribute("format", std::string_view(kFormat));
  file.write_attribute("version", kVersion);
  file.write_attribute("model", std::string_view(state.model));
  file.write_attribute("inputs_hash", std::string_view(state.inputs_hash));
  file.write_attribute("step", state.step);
  file.write_attribute("updates", state.updates);
  file.write_attribute("bad_steps", state.bad_steps);
  file.write_attribute("complete", std::int64_t{state.complete ? 1 : 0});
  file.write_attribute("best_epoch", state.best_epoch);
  file.write_attribute("loss_sum", state.loss_sum);
  file.write_text("layout", state.layout);
  file.write<double>("epoch_losses", state.epoch_losses);
  file.write<std::int64_t>("epoch_hits", state.epoch_hits);
  file.write<float>("weights", state.weights);
  file.write<float>("first_moment", state.first_moment);
  file.write<float>("second_moment", state.second_moment);
  file.write<float>("best_weights", state.best_weights);
  file.close();
}

void check_sizes(const fs::path& path, const TrainingState& state) {
  const std::size_t size = state.weights.size();
  const bool has_best = state.best_weights.size() == size || state.best_epoch == 0;
  if (state.first_moment.size() != size || state.second_moment.size() != size || !has_best ||
      state.epoch_losses.size() != state.epoch_hits.size() || state.step < 0 || state.updates < 0 ||
      state.best_epoch < 0 || state.best_epoch > state.epochs())
    throw_input("{}: its arrays and counters do not belong together", path.string());
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (error) log::warn("cannot remove {}: {}; it stays as it is", path.string(), error.message());
}

void prune(const fs::path& folder, std::int64_t newest, std::int64_t keep) try {
  std::int64_t kept = 0;
  for (const std::int64_t step : list_states(folder)) {
    if (step > newest) continue;  // a broken one that was passed over: its step comes again
    if (++kept > keep) remove_file(step_file(folder, step));
  }
  for (const fs::path& path : list_folder(folder)) {
    const std::string name = path.filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kUnfinished)) remove_file(path);  // of a killed program
  }
} catch (const Error& error) {  // it cannot be listed: nothing is lost
  log::warn("{}; old checkpoints stay", error.what());
}

void save(const fs::path& folder, const TrainingState& state, std::int64_t keep) {
  write_atomic_file(step_file(folder, state.step), [&](const fs::path& temporary) { write_state(temporary, state); });
  prune(folder, state.step, keep);
}
}  // namespace

fs::path baseline_folder(const fs::path& run_folder, const std::string& name) {
  return run_folder / "checkpoints" / ("baseline-" + name);
}

bool is_baseline_folder(const fs::path& path) { return !list_states(path).empty(); }

void save_state(const fs::path& folder, const TrainingState& state, std::int64_t keep, parallel::Communicator& ranks) {
  parallel::collective_try(ranks, [&] {
    if (ranks.rank() == 0) save(folder, state, keep);
  });
}

void finish_pruning(const fs::path& folder, std::int64_t step, std::int64_t keep, parallel::Communicator& ranks) {
  parallel::collective_try(ranks, [&] {
    if (ranks.rank() == 0) prune(folder, step, keep);
  });
}

TrainingState read_state(const fs::path& path) {
  const auto file = hdf5::File::open(path);
  if (!file.has_attribute("format") || file.read_string("format") != kFormat)
    throw_input("{} is no checkpoint of a baseline", path.string());
  if (const std::int64_t version = file.read_integer("version"); version != kVersion)
    throw_input("{}: format version {}; this program reads version {} only", path.string(), version, kVersion);
  TrainingState state;
  state.model = file.read_string("model");
  state.inputs_hash = file.read_string("inputs_hash");
  state.step = file.read_integer("step");
  state.updates = file.read_integer("updates");
  state.bad_steps = file.read_integer("bad_steps");
  state.complete = file.read_integer("complete") != 0;
  state.best_epoch = file.read_integer("best_epoch");
  state.loss_sum = file.read_real("loss_sum");
  state.layout = file.read_text("layout");
  state.epoch_losses = file.read<double>("epoch_losses");
  state.epoch_hits = file.read<std::int64_t>("epoch_hits");
  state.weights = file.read<float>("weights");
  state.first_moment = file.read<float>("first_moment");
  state.second_moment = file.read<float>("second_moment");
  state.best_weights = file.read<float>("best_weights");
  check_sizes(path, state);
  return state;
}

std::optional<fs::path> newest_state(const fs::path& folder, parallel::Communicator& ranks) {
  const auto search = [&]() -> std::string {
    std::string failure;
    for (const std::int64_t step : list_states(folder)) {
      try {
        read_state(step_file(folder, step));
        return step_file(folder, step).string();
      } catch (const Error& error) {
        log::warn("broken checkpoint passed over: {}", error.what());
        if (failure.empty()) failure = error.what();
      }
    }
    if (failure.empty()) return "";
    throw_input("{}: every checkpoint is broken (the newest: {}); move them away to start afresh", folder.string(),
                failure);
  };
  const std::string newest =
      parallel::collective_gather(ranks, [&] { return ranks.rank() == 0 ? search() : std::string(); }).front();
  if (newest.empty()) return std::nullopt;
  return newest;
}

std::optional<TrainingState> load_newest_state(const fs::path& folder, parallel::Communicator& ranks) {
  std::optional<TrainingState> state;
  const std::optional<fs::path> newest = newest_state(folder, ranks);
  if (newest) parallel::collective_try(ranks, [&] { state = read_state(*newest); });
  return state;
}

std::string describe_state(const fs::path& path) {
  const TrainingState state = read_state(path);
  const std::vector<float>& answers = state.best_weights.empty() ? state.weights : state.best_weights;
  const std::string_view bytes(reinterpret_cast<const char*>(answers.data()), answers.size() * sizeof(float));
  std::string text = fmt::format("{}: whole, baseline {}, {} weights\n", path.string(), state.model, answers.size());
  text += fmt::format("  step {}, {} epochs, {}\n  best epoch {}, weights hash {}\n", state.step, state.epochs(),
                      state.complete ? "complete" : "not complete", state.best_epoch, sha256_hex(bytes));
  for (std::int64_t e = 0; e < state.epochs(); ++e) {
    const auto i = static_cast<std::size_t>(e);
    text += fmt::format("  epoch {:<4} loss {:.6f}, validation hits {}\n", e + 1, state.epoch_losses[i],
                        state.epoch_hits[i]);
  }
  return text + fmt::format("  parameters {}\n  inputs {}\n", state.layout, state.inputs_hash);
}

}  // namespace recpo::baselines
