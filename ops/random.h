#ifndef SLUICE_OPS_RANDOM_H_
#define SLUICE_OPS_RANDOM_H_

#include <sluice/graph/tape.h>

namespace sluice {

// Counter-based random numbers (graph/random.h): element i is a function of (key, step, i) only.
// `step` is an i32 scalar on the tape, such as Use(store.step()), so that each run draws new
// numbers; `dtype` is f32 or f64.
Value Uniform(Value step, RandomKey key, DType dtype, const Shape& shape);  // [0, 1)
Value Normal(Value step, RandomKey key, DType dtype, const Shape& shape);   // mean 0, variance 1

}  // namespace sluice

#endif  // SLUICE_OPS_RANDOM_H_
