#ifndef SLUICE_BENCH_OP_SAMPLES_H_
#define SLUICE_BENCH_OP_SAMPLES_H_

#include <cstdint>

#include <sluice/graph/op.h>

namespace sluice {

// A sample of the op whose inputs and output take about `bytes` together. Element-wise ops get it
// from their record's arity, ranges and attributes; others are listed. An op that is not (a
// plug-in's) gets its record's first sample, whatever that takes.
Sample SampleOfSize(const Op& op, int64_t bytes);

}  // namespace sluice

#endif  // SLUICE_BENCH_OP_SAMPLES_H_
