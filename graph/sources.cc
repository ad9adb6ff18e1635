#include <algorithm>
#include <cstring>

#include <absl/strings/str_cat.h>

#include <sluice/graph/registry.h>
#include <sluice/graph/sources.h>
#include <sluice/graph/variable.h>

namespace sluice {
namespace {

absl::StatusOr<TensorType> TypeFromAttributes(const TypeArguments& arguments) {
  const auto& integers = arguments.attributes.integers;
  return TensorType{static_cast<DType>(integers[0]),
                    Shape(absl::MakeConstSpan(integers).subspan(1))};
}

absl::StatusOr<TensorType> TypeOfVariable(const TypeArguments& arguments) {
  return arguments.attributes.variable->type();
}

absl::StatusOr<TensorType> TypeOfWrite(const TypeArguments& arguments) {
  const TensorType& wanted = arguments.attributes.variable->type();
  if (arguments.inputs[0] != wanted) {
    return absl::InvalidArgumentError(
        absl::StrCat("variable ", arguments.attributes.variable->path(), " is ", wanted.ToString(),
                     ", the value is ", arguments.inputs[0].ToString()));
  }
  return wanted;
}

absl::Status NothingToRun(const KernelArguments&) { return absl::OkStatus(); }

template <typename T>
void Fill(const KernelArguments& arguments) {
  std::fill_n(arguments.output.as<T>(), arguments.output.type.shape.elements(),
              static_cast<T>(arguments.attributes.number));
}

absl::Status RunConstant(const KernelArguments& arguments) {
  switch (arguments.output.type.dtype) {
    case DType::kF32:
      Fill<float>(arguments);
      break;
    case DType::kF64:
      Fill<double>(arguments);
      break;
    case DType::kI32:
      Fill<int32_t>(arguments);
      break;
  }
  return absl::OkStatus();
}

absl::Status RunWrite(const KernelArguments& arguments) {
  // Planning lets the value's kernel write to the variable itself where it can.
  const void* from = arguments.inputs[0].data;
  if (from != arguments.output.data) {
    std::memcpy(arguments.output.data, from, arguments.output.type.bytes());
  }
  return absl::OkStatus();
}

double NoFlops(absl::Span<const TensorType>, const TensorType&) { return 0; }

// Registered by first use, for the tape refers to them by address.
const Op& Registered(Op op) {
  const std::string name = op.name;
  const absl::Status status = OpRegistry::Global().Add(std::move(op));
  if (!status.ok()) FailRegistration(status);
  return *OpRegistry::Global().Find(name);
}

}  // namespace

Attributes TypeAttributes(const TensorType& type, double number) {
  Attributes attributes{.integers = {static_cast<int64_t>(type.dtype)}, .number = number};
  for (const int64_t size : type.shape.sizes()) attributes.integers.push_back(size);
  return attributes;
}

const Op& FeedOp() {
  static const Op& op = Registered({.name = "feed",
                                    .kind = OpKind::kFeed,
                                    .formula = "given at each run",
                                    .arity = 0,
                                    .type = TypeFromAttributes,
                                    .kernel = NothingToRun,
                                    .gradient = Differentiation::None(),
                                    .flops = NoFlops});
  return op;
}

const Op& ConstantOp() {
  static const Op& op = Registered({.name = "constant",
                                    .kind = OpKind::kConstant,
                                    .formula = "number",
                                    .arity = 0,
                                    .type = TypeFromAttributes,
                                    .kernel = RunConstant,
                                    .gradient = Differentiation::None(),
                                    .flops = NoFlops});
  return op;
}

const Op& VariableOp() {
  static const Op& op = Registered({.name = "variable",
                                    .kind = OpKind::kVariable,
                                    .formula = "the variable's value",
                                    .arity = 0,
                                    .type = TypeOfVariable,
                                    .kernel = NothingToRun,
                                    .gradient = Differentiation::None(),
                                    .flops = NoFlops});
  return op;
}

const Op& WriteOp() {
  static const Op& op = Registered({.name = "write",
                                    .kind = OpKind::kWrite,
                                    .formula = "variable = x",
                                    .arity = 1,
                                    .type = TypeOfWrite,
                                    .kernel = RunWrite,
                                    .gradient = Differentiation::None(),
                                    .flops = NoFlops});
  return op;
}

namespace {
// Listed and tested like every other op, whether or not a tape has used them yet.
const bool kRegistered = (FeedOp(), ConstantOp(), VariableOp(), WriteOp(), true);
}  // namespace

}  // namespace sluice
