#include <map>
#include <memory>
#include <mutex>

#include <absl/strings/str_cat.h>

#include <sluice/graph/op.h>

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

struct OpRegistry::State {
  mutable std::mutex mutex;
  std::map<std::string, std::unique_ptr<Op>, std::less<>> ops;
  const Op* accumulate = nullptr;
  absl::Status status;
};

OpRegistry::OpRegistry() : state_(new State) {}

OpRegistry& OpRegistry::Global() {
  // Never destroyed: ops of other libraries may be used until the process ends.
  static OpRegistry& registry = *new OpRegistry();
  return registry;
}

absl::Status OpRegistry::Add(Op op) {
  const std::lock_guard lock(state_->mutex);
  absl::Status error;
  if (op.name.empty() || op.type == nullptr || op.kernel == nullptr || !op.flops) {
    error = absl::InvalidArgumentError(absl::StrCat(
        "op \"", op.name, "\": a record needs a name, a type rule, a kernel and flops"));
  } else if (op.kind == OpKind::kElementwise && op.tiles.f32 == nullptr &&
             op.tiles.i32 == nullptr) {
    error = absl::InvalidArgumentError(
        absl::StrCat("op \"", op.name, "\": an element-wise op needs tile functions"));
  } else if (state_->ops.contains(op.name)) {
    error = absl::AlreadyExistsError(absl::StrCat("op \"", op.name, "\" is registered twice"));
  }
  if (!error.ok()) {
    if (state_->status.ok()) state_->status = error;
    return error;
  }
  const std::string name = op.name;
  auto& slot = state_->ops[name];
  slot = std::make_unique<Op>(std::move(op));
  if (slot->accumulates && state_->accumulate == nullptr) state_->accumulate = slot.get();
  return absl::OkStatus();
}

const Op* OpRegistry::Find(absl::string_view name) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->ops.find(name);
  return found == state_->ops.end() ? nullptr : found->second.get();
}

const Op& OpRegistry::accumulate() const {
  const std::lock_guard lock(state_->mutex);
  return *state_->accumulate;
}

std::vector<const Op*> OpRegistry::All() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<const Op*> ops;
  for (const auto& [name, op] : state_->ops) ops.push_back(op.get());
  return ops;
}

absl::Status OpRegistry::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

RegisterOps::RegisterOps(std::vector<Op> ops) {
  // A failure stays in the registry's status, which `Plan` returns.
  for (Op& op : ops) OpRegistry::Global().Add(std::move(op)).IgnoreError();
}

}  // namespace sluice
