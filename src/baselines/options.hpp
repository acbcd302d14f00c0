#pragma once
// What a deck's section [baseline] says.

#include <cstdint>
#include <string>

namespace recpo::baselines {

struct BaselineOptions {
  std::string model = "sasrec";  // a name of baseline.hpp
  double lr = 1e-3;
  std::int64_t batch = 256, hidden = 64;
  double dropout = 0.1, weight_decay = 1e-6;
  std::int64_t epochs = 100, patience = 10;
  std::int64_t blocks = 1;  // of sasrec
};

}  // namespace recpo::baselines
