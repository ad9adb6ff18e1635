#include <absl/strings/str_cat.h>

#include <sluice/graph/gradients.h>

namespace sluice {

// Walks the nodes of a tape from the last to the first, once, and appends what their gradient rules
// say.
class GradientRecorder {
 public:
  // The gradients of `value` by each of `by`, zeros where it does not depend on them. What another
  // tape recorded for the same call is taken from there.
  static std::vector<Value> Record(Tape& tape, Value value, absl::Span<const Value> by) {
    GradientCall call{.value = value.node(), .scope = tape.scope_, .step = tape.step_};
    for (const Value& input : by) call.by.push_back(input.node());
    call.begin = tape.size();
    std::vector<Value> results;
    if (const std::vector<NodeId>* repeated = tape.RepeatGradients(call)) {
      for (const NodeId id : *repeated) results.emplace_back(&tape, id);
      return results;
    }
    results = GradientRecorder(tape, value, by).Run(by);
    for (size_t i = 0; i < by.size(); ++i) {
      if (!results[i].valid()) results[i] = tape.Constant(0, by[i].dtype(), by[i].shape());
      call.results.push_back(results[i].node());
    }
    call.end = tape.size();
    tape.KeepGradients(std::move(call));
    return results;
  }

 private:
  GradientRecorder(Tape& tape, Value value, absl::Span<const Value> by)
      : tape_(tape),
        last_(value.node()),
        depends_(last_ + 1),
        head_(last_ + 1, kNone),
        joint_head_(last_ + 1, kNone) {
    FindDependents(by);
    AddContribution(last_, tape_.Constant(1, value.dtype(), value.shape()));
  }

  std::vector<Value> Run(absl::Span<const Value> by) {
    const Tape::ScopeMark scope(tape_, tape_.scope_);
    const Tape::StepMark step(tape_, tape_.step_);
    NodeId first = last_;
    for (const Value& value : by) first = std::min(first, value.node());
    std::vector<Value> adjoints(last_ + 1);
    for (NodeId id = last_; id >= first && tape_.status().ok(); --id) {
      if (!depends_[id]) continue;
      tape_.EnterPlaceOf(id);
      adjoints[id] = SumContributions(id);
      if (adjoints[id].valid()) PropagateFrom(id, adjoints[id]);
    }
    std::vector<Value> result;
    for (const Value& value : by) {
      result.push_back(value.node() <= last_ ? adjoints[value.node()] : Value());
    }
    return result;
  }

  static constexpr int32_t kNone = -1;

  void FindDependents(absl::Span<const Value> by) {
    for (const Value& value : by) {
      if (value.node() <= last_) depends_[value.node()] = true;
    }
    const NodeList& nodes = tape_.list();
    for (NodeId id = 0; id <= last_; ++id) {
      if (depends_[id] || !nodes[id].op->gradient.differentiable()) continue;
      if (!IsFloat(nodes[id].type.dtype)) continue;
      for (const NodeId input : nodes.inputs(id)) depends_[id] = depends_[id] || depends_[input];
    }
  }

  void AddContribution(NodeId id, Value gradient) {
    contributions_.push_back({gradient, head_[id]});
    head_[id] = static_cast<int32_t>(contributions_.size()) - 1;
  }

  Value SumContributions(NodeId id) {
    Value sum;
    for (int32_t i = head_[id]; i != kNone; i = contributions_[i].next) {
      sum = Added(sum, contributions_[i].gradient);
    }
    // Ops with a joint rule that read this value, grouped by op.
    std::vector<NodeId> users;
    for (int32_t i = joint_head_[id]; i != kNone; i = joint_uses_[i].next) {
      users.push_back(joint_uses_[i].user);
    }
    while (!users.empty()) {
      const Op* op = tape_.list()[users.front()].op;
      std::vector<NodeId> others;
      std::vector<NodeId> same;
      for (const NodeId user : users) (tape_.list()[user].op == op ? same : others).push_back(user);
      sum = Added(sum, JointGradient(id, *op, same));
      users = std::move(others);
    }
    return sum;
  }

  Value Added(Value a, Value b) {
    if (!a.valid()) return b;
    if (!b.valid()) return a;
    return tape_.Record(OpRegistry::Global().accumulate(), {a, b});
  }

  Value JointGradient(NodeId id, const Op& op, const std::vector<NodeId>& users) {
    std::vector<Attributes> attributes;
    std::vector<std::vector<Value>> inputs;
    for (const NodeId user : users) {
      attributes.push_back(tape_.list().attributes(user));
      inputs.emplace_back();
      for (const NodeId input : tape_.list().inputs(user)) {
        inputs.back().emplace_back(&tape_, input);
      }
    }
    std::vector<JointUse> uses;
    for (size_t i = 0; i < users.size(); ++i) {
      uses.push_back(
          {Value(&tape_, users[i]), joint_adjoint_[users[i]], &attributes[i], inputs[i]});
    }
    return op.gradient.joint()(Value(&tape_, id), uses);
  }

  void PropagateFrom(NodeId id, Value adjoint) {
    const Op& op = *tape_.list()[id].op;
    if (!op.gradient.differentiable()) return;
    absl::InlinedVector<Value, 4> inputs;
    absl::InlinedVector<bool, 4> needed;
    bool any = false;
    for (const NodeId input : tape_.list().inputs(id)) {
      inputs.emplace_back(&tape_, input);
      needed.push_back(depends_[input]);
      any = any || needed.back();
    }
    if (!any) return;
    if (op.gradient.joint()) {
      if (!needed[0]) return;
      joint_adjoint_[id] = adjoint;
      joint_uses_.push_back({id, joint_head_[inputs[0].node()]});
      joint_head_[inputs[0].node()] = static_cast<int32_t>(joint_uses_.size()) - 1;
      return;
    }
    const Attributes attributes = tape_.list().attributes(id);  // a copy: recording moves the pool
    const InputGradients gradients =
        op.gradient.rule()({inputs, Value(&tape_, id), adjoint, attributes, needed});
    for (size_t i = 0; i < gradients.size() && i < inputs.size(); ++i) {
      if (!needed[i] || !gradients[i].valid()) continue;
      if (gradients[i].type() != inputs[i].type()) {
        tape_.Fail(absl::StrCat(op.name, ": its gradient rule made ",
                                gradients[i].type().ToString(), " for input ", i, ", which is ",
                                inputs[i].type().ToString()));
        return;
      }
      AddContribution(inputs[i].node(), gradients[i]);
    }
  }

  struct Contribution {
    Value gradient;
    int32_t next;
  };
  struct JointUser {
    NodeId user;
    int32_t next;
  };

  Tape& tape_;
  NodeId last_;
  std::vector<bool> depends_;
  std::vector<Contribution> contributions_;
  std::vector<int32_t> head_;  // of each node's list in contributions_
  std::vector<JointUser> joint_uses_;
  std::vector<int32_t> joint_head_;
  absl::flat_hash_map<NodeId, Value> joint_adjoint_;
};

std::vector<Value> Gradients(Value value, absl::Span<const Value> by) {
  std::vector<Value> none(by.size(), Value(value.tape(), kNoNode));
  if (!value) return none;
  Tape& tape = *value.tape();
  if (!tape.status().ok()) return none;
  if (!IsFloat(value.dtype())) {
    tape.Fail(absl::StrCat("gradients: the value is ", value.type().ToString(),
                           "; only f32 and f64 have gradients"));
    return none;
  }
  for (size_t i = 0; i < by.size(); ++i) {
    if (!by[i].valid() || by[i].tape() != &tape) {
      tape.Fail(absl::StrCat("gradients: value ", i, " is not on this tape"));
      return none;
    }
    if (!IsFloat(by[i].dtype())) {
      tape.Fail(absl::StrCat("gradients: value ", i, " is ", by[i].type().ToString(),
                             "; only f32 and f64 have gradients"));
      return none;
    }
  }
  return GradientRecorder::Record(tape, value, by);
}

std::vector<Value> Gradients(Value value, absl::Span<Variable* const> by) {
  std::vector<Value> values;
  if (!value) return std::vector<Value>(by.size());
  for (Variable* variable : by) {
    const NodeId read = value.tape()->ReadOf(*variable);
    values.push_back(read == kNoNode ? value.tape()->Use(*variable) : Value(value.tape(), read));
  }
  return Gradients(value, values);
}

}  // namespace sluice
