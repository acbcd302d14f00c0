#include "src/parallel/collective_try.hpp"

#include <cstring>
#include <filesystem>
#include <new>

namespace recpo::parallel {
namespace {

std::function<void()> g_waiting_hook;

bool wait_for_all(Communicator& ranks, const KeepWaiting& keep_waiting) {
  if (keep_waiting) return ranks.barrier_while(keep_waiting);
  if (!g_waiting_hook) return true;
  return ranks.barrier_while([] {
    g_waiting_hook();
    return true;
  });
}

// The code's bytes, then the text.
std::string encode(const Outcome& outcome) {
  std::string bytes(sizeof outcome.code, '\0');
  std::memcpy(bytes.data(), &outcome.code, sizeof outcome.code);
  return bytes + outcome.text;
}

Outcome decode(const std::string& bytes) {
  Outcome outcome;
  std::memcpy(&outcome.code, bytes.data(), sizeof outcome.code);
  outcome.text = bytes.substr(sizeof outcome.code);
  return outcome;
}

}  // namespace

Outcome outcome_of(std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::filesystem::filesystem_error& error) {
    return {ExitCode::kCannotWrite, error.what()};
  } catch (const std::bad_alloc&) {
    return {ExitCode::kInternal,
            "out of memory: lower micro_batch_tokens or evaluate.batch_tokens, or take a smaller model"};
  } catch (const std::exception& error) {
    return {ExitCode::kInternal, fmt::format("internal error: {}", error.what())};
  } catch (...) {
    return {ExitCode::kInternal, "internal error: unknown exception"};
  }
}

void set_waiting_hook(std::function<void()> hook) { g_waiting_hook = std::move(hook); }

std::optional<std::vector<Outcome>> exchange_outcomes(Communicator& ranks, const Outcome& mine,
                                                      const KeepWaiting& keep_waiting) {
  if (!wait_for_all(ranks, keep_waiting)) return std::nullopt;
  std::vector<Outcome> outcomes;
  for (const std::string& bytes : ranks.all_gather(encode(mine))) outcomes.push_back(decode(bytes));
  return outcomes;
}

std::vector<std::string> collective_gather(Communicator& ranks, const std::function<std::string()>& work,
                                           const KeepWaiting& keep_waiting) {
  Outcome mine;
  try {
    mine.text = work();
  } catch (...) {
    mine = outcome_of(std::current_exception());
  }
  std::optional<std::vector<Outcome>> outcomes = exchange_outcomes(ranks, mine, keep_waiting);
  RECPO_REQUIRE(outcomes.has_value());
  std::vector<std::string> results;
  for (Outcome& outcome : *outcomes) {
    if (outcome.failed()) throw Error(outcome.code, outcome.text);
    results.push_back(std::move(outcome.text));
  }
  return results;
}

void collective_try(Communicator& ranks, const std::function<void()>& work, const KeepWaiting& keep_waiting) {
  const auto without_result = [&] {
    work();
    return std::string();
  };
  collective_gather(ranks, without_result, keep_waiting);
}

}  // namespace recpo::parallel
