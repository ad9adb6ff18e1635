#include <bit>
#include <cstring>

#include <absl/strings/str_cat.h>

#include <sluice/graph/mix.h>
#include <sluice/graph/program_cache.h>
#include <sluice/graph/sources.h>
#include <sluice/graph/tape.h>

namespace sluice {
const TensorType& Value::type() const {
  static const TensorType kScalar;
  return valid() ? tape_->list()[node_].type : kScalar;
}

Tape::ScopeMark::ScopeMark(Tape& tape, absl::string_view scope) : tape_(tape), outer_(scope) {
  tape_.scope_.swap(outer_);
  tape_.scope_id_ = Repeater::kUnknownScope;
}
Tape::ScopeMark::~ScopeMark() {
  tape_.scope_.swap(outer_);
  tape_.scope_id_ = Repeater::kUnknownScope;
}

Tape::StepMark::StepMark(Tape& tape, int32_t step) : tape_(tape), outer_(tape.step_) {
  tape_.step_ = step;
}
Tape::StepMark::~StepMark() { tape_.step_ = outer_; }

void Tape::Fail(const absl::Status& status) {
  if (!status_.ok()) return;
  status_ = scope_.empty()
                ? status
                : absl::Status(status.code(), absl::StrCat(status.message(), "; in ", scope_));
}

void Tape::Fail(absl::string_view text) { Fail(absl::InvalidArgumentError(text)); }

Value Tape::Append(const Op& op, const TensorType& type, absl::Span<const NodeId> inputs,
                   const Attributes& attributes) {
  if (Repeats(op, inputs, attributes)) return Value(this, size() - 1);
  if (scope_id_ == Repeater::kUnknownScope) scope_id_ = own_.nodes.InternScope(scope_);
  return Value(this, own_.nodes.Append(op, type, inputs, attributes, scope_id_, step_));
}

// ---- Repeating ----

template <typename Inputs>
bool Tape::Repeats(const Op& op, const Inputs& inputs, const Attributes& attributes) {
  if (!repeater_.active()) return false;
  if (repeater_.Takes(op, inputs, attributes, scope_, scope_id_, step_)) return true;
  StopRepeating();
  return false;
}

void Tape::StartRepeating(VariableStore& store) {
  store_ = &store;
  repeater_.Start(store.programs().Records(), own_.nodes);
  if (repeater_.active()) scope_id_ = Repeater::kUnknownScope;
}

void Tape::StopRepeating() const {
  const TapeRecord& repeated = *repeater_.repeated();
  for (const GradientCall& call : repeated.gradients) {
    if (call.begin >= own_.nodes.size() && call.end <= repeater_.size()) {
      own_.gradients.push_back(call);
    }
  }
  for (NodeId id = own_.nodes.size(); id < repeater_.size(); ++id) {
    const Node& node = repeated.nodes[id];
    own_.nodes.Append(*node.op, node.type, repeated.nodes.inputs(id), repeated.nodes.attributes(id),
                      own_.nodes.InternScope(repeated.nodes.scope(id)), node.step);
  }
  repeater_.Stop();
  scope_id_ = Repeater::kUnknownScope;
}

void Tape::EnterPlaceOf(NodeId id) {
  const Node& node = list()[id];
  step_ = node.step;
  if (node.scope == scope_id_) return;
  scope_ = list().scope(id);
  scope_id_ = node.scope;
}

const std::vector<NodeId>* Tape::RepeatGradients(const GradientCall& call) {
  const GradientCall* repeated = repeater_.TakesGradients(call);
  if (repeated == nullptr) return nullptr;
  // What later ops would find recorded already.
  for (NodeId id = repeated->begin; id < repeated->end; ++id) {
    const Node& node = list()[id];
    if (node.op->kind == OpKind::kVariable) {
      reads_.try_emplace(list().attributes(id).variable, id);
    } else if (node.op->kind == OpKind::kConstant && node.type.shape.rank() == 0) {
      scalars_[static_cast<int>(node.type.dtype)].try_emplace(
          std::bit_cast<uint64_t>(list().attributes(id).number), id);
    }
  }
  return &repeated->results;
}

void Tape::KeepGradients(GradientCall call) {
  if (status_.ok() && !repeater_.active()) own_.gradients.push_back(std::move(call));
}

const NodeList& Tape::nodes() const {
  if (repeater_.active() && repeater_.size() < repeater_.repeated()->nodes.size()) StopRepeating();
  return list();
}

std::shared_ptr<const TapeRecord> Tape::Recorded() const {
  nodes();
  return repeater_.active() ? repeater_.repeated() : std::make_shared<const TapeRecord>(own_);
}

Value Tape::Feed(Tensor tensor) {
  const Value value = Feed(tensor.type(), "");
  if (value.valid()) {
    feeds_.back().tensor = std::move(tensor);
    feeds_.back().bound = true;
  }
  return value;
}

Value Tape::Feed(const TensorType& type, absl::string_view name) {
  if (!status_.ok()) return Invalid();
  if (!type.shape.valid()) {
    Fail(absl::StrCat("feed ", name, ": shape ", type.shape.ToString(), " is not valid"));
    return Invalid();
  }
  const Value value = Append(FeedOp(), type, {}, TypeAttributes(type));
  feeds_.push_back({value.node(), std::string(name), Tensor(), false});
  return value;
}

Value Tape::Constant(double number, DType dtype, const Shape& shape) {
  if (!status_.ok()) return Invalid();
  if (!shape.valid()) {
    Fail(absl::StrCat("constant: shape ", shape.ToString(), " is not valid"));
    return Invalid();
  }
  const TensorType type{dtype, shape};
  if (shape.rank() > 0) return Append(ConstantOp(), type, {}, TypeAttributes(type, number));
  // Equations are full of ones and twos: one node each, that belongs to no time step.
  const StepMark no_step(*this, -1);
  const auto [found, is_new] =
      scalars_[static_cast<int>(dtype)].try_emplace(std::bit_cast<uint64_t>(number), kNoNode);
  if (is_new) found->second = Append(ConstantOp(), type, {}, TypeAttributes(type, number)).node();
  return Value(this, found->second);
}

Value Tape::Use(Variable& variable) {
  if (!variable.store().status().ok()) Fail(variable.store().status());
  if (!status_.ok()) return Invalid();
  if (const auto written = written_.find(&variable); written != written_.end()) {
    return Value(this, written->second);
  }
  if (store_ == nullptr) StartRepeating(variable.store());
  const auto [found, is_new] = reads_.try_emplace(&variable, kNoNode);
  if (is_new) {
    const StepMark no_step(*this, -1);  // all steps read the same node
    found->second = Append(VariableOp(), variable.type(), {}, {.variable = &variable}).node();
  }
  return Value(this, found->second);
}

void Tape::Write(Variable& variable, Value value) {
  if (!variable.store().status().ok()) Fail(variable.store().status());
  if (store_ == nullptr) StartRepeating(variable.store());
  const Value written = Record(WriteOp(), {value}, {.variable = &variable});
  if (!written.valid()) return;
  if (const auto previous = written_.find(&variable); previous != written_.end()) {
    Fail(absl::StrCat("write: variable ", variable.path(), " is written twice on one tape"));
    return;
  }
  written_[&variable] = value.node();
  writes_.push_back(written.node());
}

Value Tape::Record(const Op& op, absl::Span<const Value> inputs, Attributes attributes) {
  if (!status_.ok()) return Invalid();
  if (repeater_.active()) {
    absl::InlinedVector<NodeId, 4> ids;
    for (const Value& input : inputs) ids.push_back(input.tape() == this ? input.node() : kNoNode);
    if (Repeats(op, ids, attributes)) return Value(this, size() - 1);
  }
  absl::InlinedVector<NodeId, 4> ids;
  absl::InlinedVector<TensorType, 4> types;
  for (const Value& input : inputs) {
    if (!input.valid() || input.tape() != this) {
      Fail(absl::StrCat(op.name, ": input ", ids.size(),
                        input.valid() ? " belongs to another tape" : " is not a recorded value"));
      return Invalid();
    }
    ids.push_back(input.node());
    types.push_back(input.type());
  }
  if (op.arity == kAnyNumber ? ids.empty() : static_cast<int>(ids.size()) != op.arity) {
    Fail(absl::StrCat(op.name, ": takes ", op.arity == kAnyNumber ? 1 : op.arity,
                      op.arity == kAnyNumber ? " or more inputs, got " : " inputs, got ",
                      ids.size()));
    return Invalid();
  }
  const absl::StatusOr<TensorType> type = op.type({types, attributes});
  if (!type.ok()) {
    Fail(absl::StrCat(op.name, ": ", type.status().message()));
    return Invalid();
  }
  if (!type->shape.valid()) {
    Fail(absl::StrCat(op.name, ": the result would be ", type->shape.ToString()));
    return Invalid();
  }
  if (op.kind == OpKind::kElementwise && op.tiles.For(types[0].dtype) == nullptr) {
    Fail(absl::StrCat(op.name, ": has no tile function for ", sluice::Name(types[0].dtype)));
    return Invalid();
  }
  return Append(op, *type, ids, attributes);
}

void Tape::Name(absl::string_view name, Value value) {
  if (value.valid() && value.tape() == this) tags_.push_back({std::string(name), value.node()});
}

NodeId Tape::ReadOf(const Variable& variable) const {
  const auto found = reads_.find(&variable);
  return found == reads_.end() ? kNoNode : found->second;
}

absl::StatusOr<std::vector<Tensor>> Tape::Read(absl::Span<const Value> values,
                                               const RunOptions& options) {
  if (!status_.ok()) return status_;
  if (writes_done_) {
    return absl::FailedPreconditionError(
        "this tape has run and its variables are updated; read all values in one call, or record "
        "a new tape");
  }
  for (const FeedRecord& feed : feeds_) {
    if (!feed.bound) {
      return absl::FailedPreconditionError(absl::StrCat(
          "feed \"", feed.name, "\" has no tensor; use Plan and Program::Run to give it one"));
    }
  }
  ProgramCache none;
  ProgramCache& cache = store_ == nullptr ? none : store_->programs();
  absl::StatusOr<std::unique_ptr<Program>> program = cache.Take(*this, values, options.plan);
  if (!program.ok()) return program.status();
  std::vector<FeedTensor> tensors;
  for (const FeedRecord& feed : feeds_) tensors.push_back({Value(this, feed.node), feed.tensor});
  absl::StatusOr<std::vector<Tensor>> results = (*program)->Run(tensors, options);
  writes_done_ = !writes_.empty();
  cache.GiveBack(std::move(*program));
  return results;
}

absl::StatusOr<double> Tape::ReadNumber(Value value, const RunOptions& options) {
  if (status_.ok() && value.shape().elements() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "read: a single number was asked for, the value is ", value.shape().ToString()));
  }
  absl::StatusOr<std::vector<Tensor>> results = Read(absl::MakeConstSpan(&value, 1), options);
  if (!results.ok()) return results.status();
  return results->front().At(0);
}

}  // namespace sluice
