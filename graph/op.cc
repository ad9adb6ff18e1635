#include <atomic>

#include <absl/strings/str_cat.h>

#include <sluice/graph/op.h>
#include <sluice/graph/registry.h>

namespace sluice {

absl::string_view Name(OpKind kind) {
  switch (kind) {
    case OpKind::kFeed:
      return "feed";
    case OpKind::kConstant:
      return "constant";
    case OpKind::kVariable:
      return "variable";
    case OpKind::kWrite:
      return "write";
    case OpKind::kRandom:
      return "random";
    case OpKind::kElementwise:
      return "element-wise";
    case OpKind::kReduction:
      return "reduction";
    case OpKind::kProduct:
      return "product";
    case OpKind::kPack:
      return "pack";
    case OpKind::kReshape:
      return "reshape";
    case OpKind::kSlice:
      return "slice";
    case OpKind::kConcat:
      return "concat";
    case OpKind::kMove:
      return "move";
    case OpKind::kScatter:
      return "scatter";
  }
  return "?";
}

double BytesMoved(absl::Span<const TensorType> inputs, const TensorType& output) {
  int64_t bytes = output.bytes();
  for (const TensorType& input : inputs) bytes += input.bytes();
  return static_cast<double>(bytes);
}

namespace {

std::atomic<const Op*> accumulating_op = nullptr;
// The first op of each kind.
std::atomic<const Op*> only_of[static_cast<int>(OpKind::kScatter) + 1] = {};

}  // namespace

OpRegistry& OpRegistry::Global() {
  static OpRegistry& registry = *new OpRegistry();
  return registry;
}

absl::Status OpRegistry::Add(Op op) {
  if (op.type == nullptr || op.kernel == nullptr || !op.flops) {
    return absl::InvalidArgumentError(
        absl::StrCat("op \"", op.name, "\": a record needs a type rule, a kernel and flops"));
  }
  if (op.kind == OpKind::kElementwise && (op.arity < 1 || op.arity > kMostElementwiseInputs)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "op \"", op.name, "\": an element-wise op takes 1 to ", kMostElementwiseInputs, " inputs"));
  }
  if (op.kind == OpKind::kElementwise && op.tiles.f32 == nullptr && op.tiles.i32 == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("op \"", op.name, "\": an element-wise op needs tile functions"));
  }
  if (op.kind == OpKind::kProduct && (op.arity == kAnyNumber || op.arity < 2)) {
    return absl::InvalidArgumentError(
        absl::StrCat("op \"", op.name, "\": a product takes a left and a right operand"));
  }
  const std::string name = op.name;
  absl::Status status = Registry<Op>::Global().Add(std::move(op));
  if (!status.ok()) return status;
  const Op* added = Find(name);
  const Op* none = nullptr;
  const Op* no_other = nullptr;
  only_of[static_cast<int>(added->kind)].compare_exchange_strong(no_other, added);
  if (added->accumulates) accumulating_op.compare_exchange_strong(none, added);
  return absl::OkStatus();
}

const Op* OpRegistry::Find(absl::string_view name) const {
  return Registry<Op>::Global().FindOrNull(name);
}

const Op& OpRegistry::accumulate() const { return *accumulating_op; }

const Op& OpRegistry::OnlyOf(OpKind kind) const { return *only_of[static_cast<int>(kind)]; }

std::vector<const Op*> OpRegistry::All() const { return Registry<Op>::Global().All(); }

RegisterOps::RegisterOps(std::vector<Op> ops) {
  for (Op& op : ops) {
    const absl::Status status = OpRegistry::Global().Add(std::move(op));
    if (!status.ok()) FailRegistration(status);
  }
}

}  // namespace sluice
