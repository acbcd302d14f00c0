#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/hdf5.hpp"
#include "src/train/train.hpp"

namespace recpo::train {
namespace fs = std::filesystem;

void write_reference(const fs::path& path, const ReferenceLogps& logps, const std::string& model_hash,
                     const std::string& rows_hash) {
  std::vector<std::int64_t> row, begin{0};
  std::vector<double> values;
  for (const auto& [id, own] : logps) {
    row.push_back(id);
    values.insert(values.end(), own.begin(), own.end());
    begin.push_back(static_cast<std::int64_t>(values.size()));
  }
  const fs::path temporary = path.string() + ".tmp";
  hdf5::File file = hdf5::File::create(temporary);
  file.write<std::int64_t>("row", row);
  file.write<std::int64_t>("begin", begin);
  file.write<double>("logp", values);
  file.write_attribute("model_hash", model_hash);
  file.write_attribute("rows_hash", rows_hash);
  file.close();
  sync_path(temporary);
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) throw_write("cannot write {}: {}", path.string(), error.message());
  sync_path(path.parent_path());
}

ReferenceLogps read_reference(const fs::path& path, const std::string& model_hash, const std::string& rows_hash) {
  if (!fs::exists(path)) return {};
  const hdf5::File file = hdf5::File::open(path);
  if (file.read_string("model_hash") != model_hash || file.read_string("rows_hash") != rows_hash) return {};
  const auto row = file.read<std::int64_t>("row"), begin = file.read<std::int64_t>("begin");
  const auto values = file.read<double>("logp");
  if (begin.size() != row.size() + 1) throw_input("{}: array begin does not fit array row", path.string());
  ReferenceLogps logps;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (begin[i] < 0 || begin[i + 1] < begin[i] || begin[i + 1] > static_cast<std::int64_t>(values.size())) {
      throw_input("{}: array begin leaves array logp at entry {}", path.string(), i);
    }
    logps[row[i]] = std::vector<double>(values.begin() + begin[i], values.begin() + begin[i + 1]);
  }
  return logps;
}

}  // namespace recpo::train
