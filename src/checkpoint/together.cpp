#include "src/checkpoint/together.hpp"

#include <charconv>
#include <filesystem>

#include "src/support/check.hpp"

namespace recpo::checkpoint {
namespace {
constexpr char kDone = '+', kFailed = '-';

std::string failure(ExitCode code, const std::string& what) {
  return fmt::format("{}{} {}", kFailed, static_cast<int>(code), what);
}

// "+RESULT", or "-CODE MESSAGE" of what was thrown.
std::string outcome_of(const std::function<std::string()>& work) {
  try {
    return kDone + work();
  } catch (const Error& error) {
    return failure(error.code(), error.what());
  } catch (const std::filesystem::filesystem_error& error) {
    return failure(ExitCode::kCannotWrite, error.what());
  } catch (const std::exception& error) {
    return failure(ExitCode::kInternal, error.what());
  }
}
}  // namespace

std::vector<std::string> gather_together(parallel::Communicator& ranks, const std::function<std::string()>& work) {
  std::vector<std::string> outcomes = ranks.all_gather(outcome_of(work));
  for (std::string& outcome : outcomes) {
    if (outcome.front() == kDone) {
      outcome.erase(0, 1);
      continue;
    }
    int code = static_cast<int>(ExitCode::kInternal);
    std::from_chars(outcome.data() + 1, outcome.data() + outcome.size(), code);
    throw Error(static_cast<ExitCode>(code), outcome.substr(outcome.find(' ') + 1));
  }
  return outcomes;
}

void do_together(parallel::Communicator& ranks, const std::function<void()>& work) {
  gather_together(ranks, [&] {
    work();
    return std::string();
  });
}

}  // namespace recpo::checkpoint
