#pragma once
// Who wants to know when a pass over the decoder comes to a bucket of parameters (parameter_store.hpp) and when it has
// left it, so that communication of one bucket overlaps with the computation of others.

#include <cstddef>

namespace recpo::model {

class BucketListener {
 public:
  virtual ~BucketListener() = default;
  virtual void before_forward(std::size_t bucket) = 0;   // its weights are about to be read
  virtual void before_backward(std::size_t bucket) = 0;  // its gradients are about to be added to
  virtual void after_backward(std::size_t bucket) = 0;   // its gradients are complete
};

}  // namespace recpo::model
