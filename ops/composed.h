#ifndef SLUICE_OPS_COMPOSED_H_
#define SLUICE_OPS_COMPOSED_H_

#include <sluice/ops/elementwise.h>
#include <sluice/ops/movement.h>
#include <sluice/ops/product.h>
#include <sluice/ops/random.h>
#include <sluice/ops/reduction.h>

namespace sluice {

// Functions of primitive ops. `axes` as in Sum.

Value Mean(Value x, Axes axes = {}, bool keep_axes = false);
// Mean of (x - mean)^2.
Value Variance(Value x, Axes axes = {}, bool keep_axes = false);
// Square root of the sum of squares.
Value Norm(Value x, Axes axes = {});

// Over the last axis. The largest element is taken out first, so any finite input is safe.
Value LogSumExp(Value x, bool keep_axis = false);
Value LogSoftmax(Value x);
Value Softmax(Value x);

// 1 at position ids[...] of a new last axis of `classes`, 0 elsewhere; all 0 for an id outside 0 ..
// classes - 1.
Value OneHot(Value ids, int64_t classes, DType dtype);

// Cross-entropy in nats, mean over the targets that are not kIgnoredTarget: logits (..., V), ids
// (...) -> (). Zero where no target counts.
Value CrossEntropy(Value logits, Value ids);
// The same, of every target: 0 where it is ignored. (...)
Value CrossEntropyEach(Value logits, Value ids);

// -(y ln s(x) + (1 - y) ln(1 - s(x))) with the logistic sigmoid s, element by element, stable for
// large |x|.
Value BinaryCrossEntropy(Value logits, Value targets);

// Zeroes elements with probability `rate` and divides the others by 1 - rate. Returns x itself for
// rate 0.
Value Dropout(Value x, double rate, Value step, RandomKey key);

// h_t = a_t * h_(t-1) + b_t for all t at once: b (T, ...), a the same or broadcasting over a step,
// h_(-1) = initial (...) -> every h_t (T, ...). `backward`: h_t = a_t * h_(t+1) + b_t from h_T =
// initial. Nothing is divided, no logarithm taken, so it is as exact as step by step where |a| is
// at most 1. Blelloch 1990 (recurrences as scans), Hillis & Steele 1986 (floor(log2 T) + 1 rounds
// of element-wise ops), Martin & Cundy 2018 (recurrent layers).
Value LinearScan(Value a, Value b, Value initial, bool backward = false);

// (x - mean) / sqrt(variance + epsilon) over the last axis.
Value Normalize(Value x, double epsilon = 1e-5);
// Normalize(x) * gain + shift. Ba, Kiros, Hinton 2016.
Value LayerNorm(Value x, Value gain, Value shift, double epsilon = 1e-5);

}  // namespace sluice

#endif  // SLUICE_OPS_COMPOSED_H_
