#include <algorithm>

#include <sluice/layers/equations/functions.h>

namespace sluice::equations {

const Op* FindFunction(absl::string_view name) {
  const Op* op = OpRegistry::Global().Find(name == "max"   ? "maximum"
                                           : name == "min" ? "minimum"
                                                           : name);
  return op != nullptr && op->kind == OpKind::kElementwise && op->arity > 0 ? op : nullptr;
}

std::vector<std::string> FunctionNames() {
  std::vector<std::string> names = {"max", "min"};
  for (const Op* op : OpRegistry::Global().All()) {
    if (FindFunction(op->name) == op) names.push_back(op->name);
  }
  return names;
}

bool TakesNumber(const Op& op) {
  return std::any_of(op.samples.begin(), op.samples.end(),
                     [](const Sample& sample) { return sample.attributes.number != 0; });
}

}  // namespace sluice::equations
