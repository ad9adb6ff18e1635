#ifndef SLUICE_LAYERS_LINEAR_H_
#define SLUICE_LAYERS_LINEAR_H_

#include <sluice/graph/tape.h>
#include <sluice/layers/initializers.h>

namespace sluice {

// y = x W + b. x (..., I), W (I, O) at `weights`, b (O) at `bias` -> (..., O).
class Linear {
 public:
  struct Options {
    Initializer weights = GlorotInitializer();
    Initializer bias = ConstantInitializer(0);
    bool has_bias = true;
  };
  Linear(Scope scope, int64_t inputs, int64_t outputs)
      : Linear(scope, inputs, outputs, Options()) {}
  Linear(Scope scope, int64_t inputs, int64_t outputs, const Options& options);
  Value operator()(Value x) const;

 private:
  Scope scope_;
  Variable* weights_;
  Variable* bias_;  // nullptr for none
};

// Rows of a table, by ids: ids (...) -> (..., E); the table (V, E) is at `table`.
class Embedding {
 public:
  Embedding(Scope scope, int64_t symbols, int64_t size)
      : Embedding(scope, symbols, size, NormalInitializer(0, 1)) {}
  Embedding(Scope scope, int64_t symbols, int64_t size, const Initializer& table);
  Value operator()(Value ids) const;

  // The read-out that shares this table: logits = h table^T + b. h (..., E) -> (..., V), b (V) at
  // `read_out_bias`. Press & Wolf 2017.
  Value ReadOut(Value h) const;

 private:
  Scope scope_;
  Variable* table_;
};

}  // namespace sluice

#endif  // SLUICE_LAYERS_LINEAR_H_
