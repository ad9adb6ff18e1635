#include <sluice/layers/linear.h>
#include <sluice/ops/composed.h>

namespace sluice {

Linear::Linear(Scope scope, int64_t inputs, int64_t outputs, const Options& options)
    : scope_(std::move(scope)),
      weights_(&scope_.Trainable("weights", {inputs, outputs}, options.weights)),
      bias_(options.has_bias ? &scope_.Trainable("bias", {outputs}, options.bias) : nullptr) {}

Value Linear::operator()(Value x) const {
  if (!x) return x;
  const Tape::ScopeMark mark(*x.tape(), scope_.path());
  const Value product = MatMul(x, x.tape()->Use(*weights_));
  return bias_ == nullptr ? product : product + x.tape()->Use(*bias_);
}

Embedding::Embedding(Scope scope, int64_t symbols, int64_t size, const Initializer& table)
    : scope_(std::move(scope)), table_(&scope_.Trainable("table", {symbols, size}, table)) {}

Value Embedding::operator()(Value ids) const {
  if (!ids) return ids;
  const Tape::ScopeMark mark(*ids.tape(), scope_.path());
  return Gather(ids.tape()->Use(*table_), ids);
}

Value Embedding::ReadOut(Value h) const {
  if (!h) return h;
  Tape& tape = *h.tape();
  const Tape::ScopeMark mark(tape, scope_.path());
  Variable& bias = scope_.Trainable("read_out_bias", {table_->shape()[0]}, ConstantInitializer(0));
  return MatMul(h, tape.Use(*table_), {.transpose_right = true}) + tape.Use(bias);
}

}  // namespace sluice
