#include "src/commands/context.hpp"

#include <thread>

#include "src/parallel/collective_try.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/support/standard_streams.hpp"

namespace recpo::commands {
namespace {

// The progress bars' hook has no other way to know; one program runs one command.
const Context* g_interruptible = nullptr;

constexpr const char* kSubmitAgain = "nothing that was finished is lost; start the same command again";

// Its results are files of the run folder; what it prints at its end is a copy of some of them.
bool ends_in_files(const CommandLine& line) {
  const CommandName name = line.command.value_or(CommandName::kRun);
  return !line.dry_run && (name == CommandName::kRun || name == CommandName::kSweep);
}

}  // namespace

train::Heartbeat Context::heartbeat() const {
  return [&watchdog = watchdog](const char* phase) { watchdog.beat(phase); };
}

void stop_if_requested(const Context& context, const std::string& after) {
  if (context.grid.world->all_reduce_max(context.stop_requested() ? 1 : 0) == 0) return;
  throw_error(ExitCode::kStopped, "after {}: {}", after, kSubmitAgain);
}

Interruptible::Interruptible(const Context& context) { g_interruptible = &context; }
Interruptible::~Interruptible() { g_interruptible = nullptr; }

void connect_progress(const Context& context) {
  log::set_progress_hook([&context, main_thread = std::this_thread::get_id()](const std::string& title) {
    context.watchdog.beat(title.c_str());
    if (g_interruptible == nullptr || std::this_thread::get_id() != main_thread) return;
    if (g_interruptible->stop_requested()) throw_error(ExitCode::kStopped, "during {}: {}", title, kSubmitAgain);
  });
  parallel::set_waiting_hook([&watchdog = context.watchdog] { watchdog.stay_alive(); });
}

void disconnect_progress() {
  log::set_progress_hook({});
  parallel::set_waiting_hook({});
}

std::string text_of_first_rank(const Context& context, const char* phase, const std::function<std::string()>& work) {
  context.watchdog.beat(phase);
  const std::string waiting = fmt::format("waiting for {}: {}", context.is_first() ? "the others" : "rank 0", phase);
  const auto keep_waiting = [&] {
    context.watchdog.beat(waiting.c_str());
    return true;
  };
  std::vector<std::string> texts = parallel::collective_gather(
      *context.grid.world, [&] { return context.is_first() ? work() : std::string(); }, keep_waiting);
  context.watchdog.beat(fmt::format("after {}", phase).c_str());
  return std::move(texts.front());
}

void print_result(const Context& context, const std::string& text) {
  try {
    write_result(printable(text, "\n\t"));  // what is told of files may have any names in it
  } catch (const Error& error) {
    if (!ends_in_files(context.line)) throw;
    log::warn("{}; nothing else is lost", error.what());
  }
}

void run_on_first_rank(const Context& context, const char* phase, const std::function<void()>& work) {
  text_of_first_rank(context, phase, [&] {
    work();
    return std::string();
  });
}

}  // namespace recpo::commands
