#ifndef SLUICE_EXPERIMENTS_SEQUENCE_MODEL_H_
#define SLUICE_EXPERIMENTS_SEQUENCE_MODEL_H_

#include <optional>
#include <string>

#include <sluice/layers/linear.h>
#include <sluice/layers/recurrent.h>

namespace sluice {

struct SequenceModelOptions {
  std::string cell = "gru";
  int64_t symbols = 0;    // inputs are ids below this, or, where it is 0,
  int64_t numbers = 0;    // vectors of so many numbers
  int64_t outputs = 0;    // of the read-out
  int64_t embedding = 0;  // of symbols; 0: one-hot
  int64_t hidden = 0;
  int layers = 1;
  double dropout = 0;
  bool variational = false;
  bool tied = false;  // the read-out shares the embedding's table; embedding must equal hidden, and
                      // outputs symbols
  uint64_t seed = 0;
};

// Embedding, one-hot or numbers as they are; recurrent layers; linear read-out.
class SequenceModel {
 public:
  explicit SequenceModel(const SequenceModelOptions& options);

  // Inputs (T, B) of ids or (T, B, K) of numbers -> (T - first_step, B, O): of the steps from
  // `first_step` on.
  Value operator()(Value inputs, const RecurrentInputs& recurrent, int64_t first_step = 0);

  VariableStore& variables() { return variables_; }
  const Recurrent& recurrent() const { return *recurrent_; }

 private:
  SequenceModelOptions options_;
  VariableStore variables_;
  std::optional<Embedding> embedding_;
  std::optional<Recurrent> recurrent_;
  std::optional<Linear> read_out_;
};

// How many numbers such a model learns, read-out and embedding too.
int64_t CountParameters(const SequenceModelOptions& options);
// The most units with which it learns at most so many numbers; an error where even one unit has
// more.
absl::StatusOr<int64_t> LargestHidden(SequenceModelOptions options, int64_t parameters);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_SEQUENCE_MODEL_H_
