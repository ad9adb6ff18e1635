#ifndef SLUICE_GRAPH_VARIABLE_H_
#define SLUICE_GRAPH_VARIABLE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <sluice/graph/random.h>
#include <sluice/graph/tensor.h>

namespace sluice {

class ProgramCache;
class Scope;
class VariableStore;

// Makes the first value of a variable. The key is drawn from (seed of the store, path of the
// variable), so a variable starts the same whatever else the model holds.
using Initializer = std::function<Tensor(const TensorType&, RandomKey)>;

// A named tensor that outlives a tape: a weight, an optimiser's slot, a carried state.
class Variable {
 public:
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

  const std::string& path() const { return path_; }
  const TensorType& type() const { return value_.type(); }
  const Shape& shape() const { return value_.shape(); }
  // Whether optimisers train it and counts of parameters include it.
  bool trainable() const { return trainable_; }
  Tensor& value() { return value_; }
  const Tensor& value() const { return value_; }
  const VariableStore& store() const { return *store_; }
  VariableStore& store() { return *store_; }

 private:
  friend class VariableStore;
  Variable(VariableStore* store, std::string path, Tensor value, bool trainable)
      : store_(store), path_(std::move(path)), value_(std::move(value)), trainable_(trainable) {}

  VariableStore* store_;
  std::string path_;
  Tensor value_;
  bool trainable_;
};

struct VariableStoreOptions {
  uint64_t seed = 0;
  DType dtype = DType::kF32;  // of variables created through a scope
};

// All variables of one model, by path, in the order of their creation; and the programs planned for
// it, so that a script that records the same step again finds it planned.
class VariableStore {
 public:
  explicit VariableStore(VariableStoreOptions options = {});
  ~VariableStore();
  VariableStore(const VariableStore&) = delete;
  VariableStore& operator=(const VariableStore&) = delete;

  Scope root();
  uint64_t seed() const { return options_.seed; }
  DType dtype() const { return options_.dtype; }

  // The variable at `path`, made by `initializer` if it is not there yet. Asking again with the
  // same type shares it. Asking with another type is a mistake: the first one is kept in
  // `status()`, and every tape that uses a variable of this store returns it.
  Variable& Create(absl::string_view path, const TensorType& type, const Initializer& initializer,
                   bool trainable = true);
  // nullptr where there is none.
  Variable* Find(absl::string_view path) const;
  std::vector<Variable*> variables() const;
  std::vector<Variable*> trainable() const;
  // Number of trained elements.
  int64_t parameters() const;

  // How many updates `Optimizer::Minimize` has made: an i32 scalar at `step`, which keys dropout
  // and schedules.
  Variable& step();

  const absl::Status& status() const { return status_; }
  // Keeps the first error only.
  void Fail(const absl::Status& error);

  ProgramCache& programs() { return *programs_; }

 private:
  VariableStoreOptions options_;
  std::vector<std::unique_ptr<Variable>> variables_;
  absl::flat_hash_map<std::string, Variable*> by_path_;
  absl::Status status_;
  std::unique_ptr<ProgramCache> programs_;
};

// A place in a store under which variables get their names: `scope / "update"` is one level deeper.
class Scope {
 public:
  Scope(VariableStore* store, std::string path) : store_(store), path_(std::move(path)) {}

  Scope operator/(absl::string_view name) const;
  const std::string& path() const { return path_; }
  VariableStore& store() const { return *store_; }

  // A weight `path/name` in the store's dtype.
  Variable& Trainable(absl::string_view name, const Shape& shape,
                      const Initializer& initializer) const;
  // A variable that optimisers leave alone: a slot, a carried state. Starts as zeros.
  Variable& Fixed(absl::string_view name, const Shape& shape) const;

 private:
  VariableStore* store_;
  std::string path_;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_VARIABLE_H_
