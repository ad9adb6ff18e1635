#ifndef SLUICE_TESTS_LAYERS_CELLS_UNDER_TEST_H_
#define SLUICE_TESTS_LAYERS_CELLS_UNDER_TEST_H_

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/graph/program.h>
#include <sluice/layers/recurrent.h>

namespace sluice::testing {

// Every registered cell as it is, with each of its presets, and with each other choice of each of
// its options and of `biases`: "gru", "gru:preset=pytorch", "gru:reset=after", ...
std::vector<std::string> AllCells();
// Every registered cell with every combination of the choices of its options and of `biases`: all
// equations there are, none twice.
std::vector<std::string> AllEquations();
// Every registered cell as it is.
std::vector<std::string> StandardCells();
// A few of them in which everything occurs that a cell can do to a plan, for tests that take long.
std::vector<std::string> CellsOfAllKinds();
// "gru_reset_after", for the names of tests.
std::string CellTestName(const ::testing::TestParamInfo<std::string>& info);

// What is wrong with a layer of this cell: of its text, of making it, or of a run in training.
std::string LayerError(const std::string& cell);

// Uniform in [-1, 1), by seed.
Tensor RandomTensor(DType dtype, const Shape& shape, uint64_t seed);
// (T, B): 1 in the first lengths[b] steps of column b, then 0.
Tensor MaskOf(DType dtype, int64_t steps, absl::Span<const int64_t> lengths);
// The first `steps` steps of one column: (T, B, ...) f32 -> (steps, 1, ...).
Tensor ColumnOf(const Tensor& batch, int64_t column, int64_t steps);
// One row: (B, H) f32 -> (1, H).
Tensor RowOf(const Tensor& batch, int64_t row);

// What goes into a run of a layer.
struct SequenceInputs {
  Tensor x;                     // (T, B, I)
  Tensor mask;                  // (T, B); empty: none
  Tensor output_weights;        // (T, B, directions H): of the loss
  Tensor final_weights;         // (B, H): of the loss, for every final state
  bool explicit_zeros = false;  // whether initial states are given, as zeros
};
SequenceInputs RandomSequence(DType dtype, int64_t steps, int64_t batch, int64_t inputs,
                              int64_t hidden, int directions);

// What comes out of it; the loss is the weighted sum of the outputs and of the final states.
struct SequenceRun {
  Tensor outputs;
  std::vector<Tensor> finals;  // by layer, direction, name
  Tensor x_gradient;
  std::vector<Tensor> weight_gradients;  // in the order of the store
};
SequenceRun RunSequence(const Recurrent& layer, VariableStore& variables,
                        const SequenceInputs& inputs, const RunOptions& options = {});

// Outputs, states and gradients agree bit for bit.
void ExpectSameBits(const SequenceRun& a, const SequenceRun& b);

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_LAYERS_CELLS_UNDER_TEST_H_
