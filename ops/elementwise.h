#ifndef SLUICE_OPS_ELEMENTWISE_H_
#define SLUICE_OPS_ELEMENTWISE_H_

#include <sluice/graph/tape.h>

namespace sluice {

// Element-wise ops. Inputs broadcast by NumPy's rule and have one dtype. A comparison gives 1 where
// it holds and 0 where not, in the dtype of its inputs; Select takes its second argument where the
// first is not 0. Formulas and derivatives: ops/elementwise_table.inc.
#define SLUICE_UNARY(name, Function, ...) Value Function(Value x);
#define SLUICE_UNARY_NUMBER(name, Function, ...) Value Function(Value x, double p);
#define SLUICE_BINARY(name, Function, ...) Value Function(Value a, Value b);
#define SLUICE_TERNARY(name, Function, ...) Value Function(Value c, Value a, Value b);
#include <sluice/ops/elementwise_table.inc>
#undef SLUICE_UNARY
#undef SLUICE_UNARY_NUMBER
#undef SLUICE_BINARY
#undef SLUICE_TERNARY

// `number` as a scalar of the tape and dtype of `like`.
Value NumberLike(double number, Value like);

// The value in another dtype. Floats turn to i32 by truncation towards zero; gradients pass between
// floats.
Value Cast(Value x, DType dtype);

// 1 where a > b, 1/2 where they are equal, 0 elsewhere: how gradients of maxima treat ties.
Value WhereLarger(Value a, Value b);

// ---- Equations in C++: 1 - f, f * h + i * c ----
inline Value operator-(Value x) { return Negate(x); }
inline Value operator+(Value a, Value b) { return Add(a, b); }
inline Value operator-(Value a, Value b) { return Subtract(a, b); }
inline Value operator*(Value a, Value b) { return Multiply(a, b); }
inline Value operator/(Value a, Value b) { return Divide(a, b); }
inline Value operator+(Value a, double b) { return a + NumberLike(b, a); }
inline Value operator-(Value a, double b) { return a - NumberLike(b, a); }
inline Value operator*(Value a, double b) { return a * NumberLike(b, a); }
inline Value operator/(Value a, double b) { return a / NumberLike(b, a); }
inline Value operator+(double a, Value b) { return NumberLike(a, b) + b; }
inline Value operator-(double a, Value b) { return NumberLike(a, b) - b; }
inline Value operator*(double a, Value b) { return NumberLike(a, b) * b; }
inline Value operator/(double a, Value b) { return NumberLike(a, b) / b; }

// The kernel of every element-wise op, for records of one's own: broadcasts, cuts into tiles, calls
// `op.tiles`.
absl::Status RunElementwise(const KernelArguments& arguments);
// The type rule of element-wise ops: inputs of one dtype that broadcast.
absl::StatusOr<TensorType> ElementwiseType(const TypeArguments& arguments);

}  // namespace sluice

#endif  // SLUICE_OPS_ELEMENTWISE_H_
