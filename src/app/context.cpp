#include "src/app/context.hpp"

#include <mpi.h>

#include <chrono>
#include <thread>

#include "src/app/failure.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {

// The progress bars' hook has no other way to know; one program runs one command.
const Context* g_interruptible = nullptr;

constexpr const char* kSubmitAgain = "nothing that was finished is lost; start the same command again";

void wait_for_all(const Context& context, const char* phase) {
  if (context.grid.world->size() == 1) return;
  const std::string waiting = fmt::format("waiting for {}: {}", context.is_first() ? "the others" : "rank 0", phase);
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ibarrier(MPI_COMM_WORLD, &request);
  for (int done = 0; MPI_Test(&request, &done, MPI_STATUS_IGNORE), !done;) {
    context.watchdog.beat(waiting.c_str());
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

// Rank 0's text on every rank.
std::string from_first_rank(const Context& context, std::string text) {
  auto size = static_cast<std::int64_t>(text.size());
  parallel::broadcast(*context.grid.world, std::span(&size, 1), 0);
  text.resize(static_cast<std::size_t>(size));
  parallel::broadcast(*context.grid.world, std::span(text.data(), text.size()), 0);
  return text;
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
}

void run_on_first_rank(const Context& context, const char* phase, const std::function<void()>& work) {
  context.watchdog.beat(phase);
  Ending ending;
  if (context.is_first()) {
    try {
      work();
    } catch (...) {
      ending = describe(std::current_exception());
    }
  }
  wait_for_all(context, phase);
  const std::string code = from_first_rank(context, std::to_string(static_cast<int>(ending.code)));
  const std::string message = from_first_rank(context, ending.message);
  context.watchdog.beat(fmt::format("after {}", phase).c_str());
  if (code != "0") throw Error(static_cast<ExitCode>(std::stoi(code)), message);
}

std::string text_of_first_rank(const Context& context, const char* phase, const std::function<std::string()>& work) {
  std::string text;
  run_on_first_rank(context, phase, [&] { text = work(); });
  return from_first_rank(context, std::move(text));
}

}  // namespace recpo::app
