#ifndef SLUICE_GRAPH_GRADIENTS_H_
#define SLUICE_GRAPH_GRADIENTS_H_

#include <vector>

#include <sluice/graph/tape.h>

namespace sluice {

// Records the gradients of `value` by each of `by`, in the shapes of `by`, and returns them.
// `value` may have any shape: the gradient is that of the sum of its elements. Gradients are
// ordinary ops, so they have gradients themselves. Contributions of a value used many times add up;
// a value that `value` does not depend on gets zeros. Linear in the number of nodes, without
// recursion.
std::vector<Value> Gradients(Value value, absl::Span<const Value> by);
std::vector<Value> Gradients(Value value, absl::Span<Variable* const> by);

}  // namespace sluice

#endif  // SLUICE_GRAPH_GRADIENTS_H_
