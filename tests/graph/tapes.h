#ifndef SLUICE_TESTS_GRAPH_TAPES_H_
#define SLUICE_TESTS_GRAPH_TAPES_H_

#include <functional>
#include <string>
#include <vector>

#include <sluice/graph/gradients.h>
#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/run_passes.h>
#include <sluice/graph/program.h>
#include <sluice/graph/tape.h>

namespace sluice {

// f32 tensors from numbers.
Tensor Floats(const Shape& shape, const std::vector<float>& values);
// Uniform in [-1, 1), by seed.
Tensor RandomFloats(const Shape& shape, uint64_t seed);
// An initialiser that draws from [-0.5, 0.5) with the variable's key.
Tensor SmallRandom(const TensorType& type, RandomKey key);

// One line a node: "3 add 1 2", in order.
std::vector<std::string> Listing(const NodeList& nodes);
int CountOps(const NodeList& nodes, absl::string_view op);

// Records on a fresh tape with a fresh store, once for each level of planning and for one and for
// three threads, runs, and compares all fetches, and all variables afterwards: the levels debug and
// simple agree in all bits, level full to rounding, and each level's bits do not depend on the
// number of threads.
using Recording = std::function<std::vector<Value>(Tape& tape, VariableStore& store)>;
void ExpectLevelsAgree(const Recording& record);

// A whole training step of a hand-made recurrent net with one gate: loss, gradients, updates of all
// weights, and the state carried over.
struct RecurrentSizes {
  int steps = 5;
  int batch = 3;
  int inputs = 4;
  int hidden = 6;
  int symbols = 7;
};
std::vector<Value> RecordTrainingStep(Tape& tape, VariableStore& store,
                                      const RecurrentSizes& sizes);

}  // namespace sluice

#endif  // SLUICE_TESTS_GRAPH_TAPES_H_
