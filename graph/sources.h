#ifndef SLUICE_GRAPH_SOURCES_H_
#define SLUICE_GRAPH_SOURCES_H_

#include <sluice/graph/op.h>

namespace sluice {

// The ops that the tape itself records. Their outputs have no kernel to run: planning gives them
// their place.
const Op& FeedOp();      // integers: dtype, sizes
const Op& ConstantOp();  // integers: dtype, sizes; number: the value of every element
const Op& VariableOp();  // variable
const Op& WriteOp();     // variable; input: the value

// The attributes of a feed or a constant of this type.
Attributes TypeAttributes(const TensorType& type, double number = 0);

}  // namespace sluice

#endif  // SLUICE_GRAPH_SOURCES_H_
