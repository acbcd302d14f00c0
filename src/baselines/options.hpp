#pragma once
// Keys of a deck's section [baseline].

#include <cstdint>
#include <string>

#include "src/support/keys.hpp"

namespace recpo::baselines {

std::vector<std::string> baseline_names();

struct BaselineOptions {
  std::string model = "sasrec";
  double lr = 1e-3;
  std::int64_t batch = 256, hidden = 64;
  std::int64_t blocks = 1;
  double dropout = 0.1, weight_decay = 1e-6;
  std::int64_t epochs = 100, patience = 10;

  void declare(Keys& key) {
    key("model", model, "traditional recommender; popularity, random and bayes (synthetic data) need no training")
        .one_of(baseline_names());
    key("lr", lr, "learning rate (Adam)").above(0);
    key("batch", batch, "batch size").unit("sequences").at_least(1);
    key("hidden", hidden, "width of item embeddings and states").at_least(1);
    key("blocks", blocks, "attention blocks of sasrec").at_least(1);
    key("dropout", dropout, "probability").at_least(0).below(1);
    key("weight_decay", weight_decay, "L2 term").at_least(0);
    key("epochs", epochs, "maximum number of epochs").at_least(1);
    key("patience", patience, "epochs without a better validation HR@1 before training stops").at_least(1);
  }
};

}  // namespace recpo::baselines
