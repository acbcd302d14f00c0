// Any data set in RecBole's atomic form: one *.inter and one *.item.

#include "src/data/dataset.hpp"
#include "src/data/recbole_files.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
std::vector<std::filesystem::path> find_files(const std::filesystem::path& folder) {
  const auto files = find_recbole_files(folder);
  if (!files) throw_input("data.path = {}: RecBole data needs one *.inter and one *.item there", folder.string());
  return *files;
}
}  // namespace

extern const Dataset recbole;
const Dataset recbole = {"recbole", "generic", find_files, import_recbole};

}  // namespace recpo::data
