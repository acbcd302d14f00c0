#include "src/report/document.hpp"

namespace recpo::report {
namespace {
bool is_empty(const Block& block) {
  if (const auto* bullets = std::get_if<Bullets>(&block)) return bullets->texts.empty();
  if (const auto* table = std::get_if<Table>(&block)) return table->rows.empty();
  if (const auto* picture = std::get_if<Picture>(&block)) return picture->svg.empty();
  return false;
}
}  // namespace

void Document::add(Block block) {
  if (!is_empty(block)) blocks.push_back(std::move(block));
}

}  // namespace recpo::report
