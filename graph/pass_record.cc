#include <cstdlib>

#include <absl/container/flat_hash_map.h>

#include <sluice/graph/pass_record.h>

namespace sluice {
namespace {

// What nodes that are the same to a record have in common.
struct Signature {
  const Op* op;
  TensorType output;
  absl::InlinedVector<TensorType, 3> inputs;

  friend bool operator==(const Signature&, const Signature&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const Signature& signature) {
    state =
        H::combine(std::move(state), signature.op, signature.output.dtype, signature.output.shape);
    for (const TensorType& input : signature.inputs) {
      state = H::combine(std::move(state), input.dtype, input.shape);
    }
    return state;
  }
};

// Of each signature, how many nodes more there are after than before.
using Balance = absl::flat_hash_map<Signature, int64_t>;

void Count(const NodeList& nodes, int64_t each, Balance& balance) {
  for (NodeId id = 0; id < nodes.size(); ++id) {
    balance[{nodes[id].op, nodes[id].type, InputTypes(nodes, id)}] += each;
  }
}

int64_t RowsOnProducts(const NodeList& nodes) {
  int64_t count = 0;
  for (NodeId id = 0; id < nodes.size(); ++id) {
    if (!nodes[id].op->accumulates) continue;
    const absl::Span<const NodeId> inputs = nodes.inputs(id);
    for (const size_t i : {0, 1}) {
      const bool product = nodes[inputs[i]].op->kind == OpKind::kProduct;
      const bool row = nodes[inputs[1 - i]].type != nodes[id].type;
      count += product && row ? 1 : 0;
    }
  }
  return count;
}

}  // namespace

PassRecord Compare(Pass pass, const NodeList& before, const NodeList& after) {
  PassRecord record{.pass = pass,
                    .nodes = {.before = before.size(), .after = after.size()},
                    .kinds = {},
                    .rows_on_products = RowsOnProducts(after) - RowsOnProducts(before)};
  const auto kind = [&](const Op& op) -> PassRecord::Change& {
    return record.kinds[static_cast<size_t>(op.kind)];
  };
  for (NodeId id = 0; id < before.size(); ++id) ++kind(*before[id].op).before;
  for (NodeId id = 0; id < after.size(); ++id) ++kind(*after[id].op).after;
  Balance balance;
  Count(before, -1, balance);
  Count(after, 1, balance);
  for (const auto& [signature, more] : balance) {
    for (PassRecord::Change* change : {&kind(*signature.op), &record.nodes}) {
      (more < 0 ? change->gone : change->made) += std::abs(more);
    }
  }
  return record;
}

}  // namespace sluice
