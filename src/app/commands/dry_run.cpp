#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "src/app/commands/commands.hpp"
#include "src/app/plan.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;

// The folder itself, or the one in which it would be made.
fs::path existing_part(const fs::path& folder) {
  fs::path existing = fs::absolute(folder);
  while (!fs::exists(existing) && existing.has_relative_path()) existing = existing.parent_path();
  return existing;
}

void check_writable(const fs::path& folder) {
  const fs::path existing = existing_part(folder);
  if (!fs::is_directory(existing)) throw_write("run.dir {}: {} is not a folder", folder.string(), existing.string());
  if (::access(existing.c_str(), W_OK | X_OK) != 0) {
    throw_write("run.dir {}: {} cannot be written", folder.string(), existing.string());
  }
}

std::int64_t bytes_in(const fs::path& folder) {
  std::error_code ignored;
  std::int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored)) bytes += static_cast<std::int64_t>(entry.file_size(ignored));
  }
  return bytes;
}

// What stands there already is replaced on the way.
std::string disk_text(const Context& context, std::int64_t needed) {
  const fs::path folder = context.run_folder();
  const auto free = static_cast<std::int64_t>(fs::space(existing_part(folder)).available);
  const std::int64_t more = std::max<std::int64_t>(0, needed - bytes_in(folder / "checkpoints"));
  const auto text = [](std::int64_t bytes) { return format_bytes(static_cast<double>(bytes)); };
  if (more > free) {
    throw_write(
        "run.dir {}: checkpoints need {} (checkpoint.keep = {} of each stage and the one being written), {} are "
        "free: lower checkpoint.keep or choose another run.dir",
        folder.string(), text(needed), context.deck.checkpoint.keep, text(free));
  }
  return fmt::format("{:<12}checkpoints take {} at most, {} are free\n", "disk", text(needed), text(free));
}

}  // namespace

void dry_run(Workspace& workspace) {
  const Context& context = workspace.context();
  check_writable(context.run_folder());
  const DryRun plan = plan_dry_run(workspace);
  run_on_first_rank(context, "printing the plan", [&] {
    fmt::print("{}{}", plan.text, disk_text(context, plan.checkpoint_bytes));
    std::fflush(stdout);
    if (!plan.too_large.empty()) throw_usage("memory: {}", plan.too_large);
  });
}

}  // namespace recpo::app
