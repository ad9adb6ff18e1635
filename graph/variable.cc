#include <absl/strings/str_cat.h>

#include <sluice/graph/program_cache.h>
#include <sluice/graph/variable.h>

namespace sluice {
namespace {

Tensor Zeros(const TensorType& type, RandomKey) { return Tensor(type); }

}  // namespace

VariableStore::VariableStore(VariableStoreOptions options)
    : options_(options), programs_(std::make_unique<ProgramCache>()) {}
VariableStore::~VariableStore() = default;

Scope VariableStore::root() { return Scope(this, ""); }

Variable& VariableStore::Create(absl::string_view path, const TensorType& type,
                                const Initializer& initializer, bool trainable) {
  if (Variable* found = Find(path)) {
    if (found->type() != type) {
      Fail(absl::InvalidArgumentError(absl::StrCat(
          "variable ", path, " is ", found->type().ToString(), " and was asked for as ",
          type.ToString(), "; give one of them another name")));
    }
    return *found;
  }
  TensorType safe_type = type;
  if (!type.shape.valid()) {
    Fail(absl::InvalidArgumentError(
        absl::StrCat("variable ", path, ": shape ", type.shape.ToString(), " is not valid")));
    safe_type.shape = Shape{0};
  }
  Tensor value = safe_type.shape.elements() == 0
                     ? Tensor(safe_type)
                     : initializer(safe_type, MakeRandomKey(options_.seed, path));
  if (value.type() != safe_type) {
    Fail(absl::InvalidArgumentError(absl::StrCat("variable ", path, ": its initialiser made ",
                                                 value.type().ToString(), ", not ",
                                                 safe_type.ToString())));
    value = Tensor(safe_type);
  }
  variables_.push_back(std::unique_ptr<Variable>(
      new Variable(this, std::string(path), std::move(value), trainable)));
  by_path_[variables_.back()->path()] = variables_.back().get();
  return *variables_.back();
}

Variable* VariableStore::Find(absl::string_view path) const {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : found->second;
}

std::vector<Variable*> VariableStore::variables() const {
  std::vector<Variable*> result;
  for (const auto& variable : variables_) result.push_back(variable.get());
  return result;
}

std::vector<Variable*> VariableStore::trainable() const {
  std::vector<Variable*> result;
  for (const auto& variable : variables_) {
    if (variable->trainable()) result.push_back(variable.get());
  }
  return result;
}

int64_t VariableStore::parameters() const {
  int64_t sum = 0;
  for (const auto& variable : variables_) {
    if (variable->trainable()) sum += variable->shape().elements();
  }
  return sum;
}

Variable& VariableStore::step() {
  return Create("step", {DType::kI32, Shape{}}, Zeros, /*trainable=*/false);
}

void VariableStore::Fail(const absl::Status& error) {
  if (status_.ok()) status_ = error;
}

Scope Scope::operator/(absl::string_view name) const {
  return Scope(store_, path_.empty() ? std::string(name) : absl::StrCat(path_, "/", name));
}

Variable& Scope::Trainable(absl::string_view name, const Shape& shape,
                           const Initializer& initializer) const {
  return store_->Create((*this / name).path(), {store_->dtype(), shape}, initializer);
}

Variable& Scope::Fixed(absl::string_view name, const Shape& shape) const {
  return store_->Create((*this / name).path(), {store_->dtype(), shape}, Zeros,
                        /*trainable=*/false);
}

}  // namespace sluice
