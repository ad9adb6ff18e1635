#ifndef SLUICE_GRAPH_TAPE_H_
#define SLUICE_GRAPH_TAPE_H_

#include <memory>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/status/statusor.h>

#include <sluice/graph/program.h>
#include <sluice/graph/tape_record.h>
#include <sluice/graph/variable.h>

namespace sluice {

// A name given to a value, so that reports can show it: a gate, a layer's output.
struct Tag {
  std::string name;
  NodeId node;
};

// The flat record of operations, in the order they were written. TapeRecord computes nothing but
// types. The first mistake (shapes, dtypes, values of two tapes) stays in `status()`; afterwards
// ops do nothing, and reading returns it. One thread at a time; many tapes may be in use at once.
class Tape {
 public:
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // ---- Sources ----
  // A value given now, which later runs of the same program may replace.
  Value Feed(Tensor tensor);
  // A value given at each run of a planned program; `name` is for errors.
  Value Feed(const TensorType& type, absl::string_view name);
  // `number` in every element.
  Value Constant(double number, DType dtype, const Shape& shape = {});
  // The variable's value; what was last written to it on this tape, if anything was.
  Value Use(Variable& variable);
  // Stores `value` when the tape runs, after everything that reads the old value.
  void Write(Variable& variable, Value value);

  // ---- Any op ----
  // Appends `op` and runs its type rule.
  Value Record(const Op& op, absl::Span<const Value> inputs, Attributes attributes = {});

  // ---- Names ----
  void Name(absl::string_view name, Value value);
  const std::vector<Tag>& tags() const { return tags_; }
  // Ops recorded while a mark lives belong to its scope, which errors and pictures name.
  class ScopeMark {
   public:
    ScopeMark(Tape& tape, absl::string_view scope);
    ~ScopeMark();
    ScopeMark(const ScopeMark&) = delete;
    ScopeMark& operator=(const ScopeMark&) = delete;

   private:
    Tape& tape_;
    std::string outer_;
  };
  // Ops recorded while a mark lives belong to time step `step` of a recurrent layer.
  class StepMark {
   public:
    StepMark(Tape& tape, int32_t step);
    ~StepMark();
    StepMark(const StepMark&) = delete;
    StepMark& operator=(const StepMark&) = delete;

   private:
    Tape& tape_;
    int32_t outer_;
  };

  // ---- Errors ----
  const absl::Status& status() const { return status_; }
  // Keeps the first error, with the current scope: "<text>; in <scope>".
  void Fail(absl::string_view text);
  void Fail(const absl::Status& status);

  // ---- Running ----
  // Runs what the values need, and everything written to variables, and returns the values. Writes
  // happen once: after they have, a further Read on this tape is an error. The plan is kept in the
  // store of the tape's variables and found again by every tape with the same operations.
  absl::StatusOr<std::vector<Tensor>> Read(absl::Span<const Value> values,
                                           const RunOptions& options = {});
  // A value of one element, as f64. A template, so that Read({x}) means the list of one.
  template <typename V>
  requires std::is_same_v<V, Value> absl::StatusOr<double> Read(V value,
                                                                const RunOptions& options = {}) {
    return ReadNumber(value, options);
  }

  // ---- Inspection ----
  const NodeList& nodes() const;
  NodeId size() const { return repeater_.active() ? repeater_.size() : own_.nodes.size(); }
  // All that was recorded; not a copy if another tape recorded the same before.
  std::shared_ptr<const TapeRecord> Recorded() const;
  // Feeds in the order they were recorded.
  struct FeedRecord {
    NodeId node;
    std::string name;
    Tensor tensor;  // empty unless given when recording
    bool bound;
  };
  const std::vector<FeedRecord>& feeds() const { return feeds_; }
  const std::vector<NodeId>& writes() const { return writes_; }
  // The node that reads the variable's value before any write; kNoNode if there is none.
  NodeId ReadOf(const Variable& variable) const;

 private:
  friend class GradientRecorder;
  friend class Value;

  absl::StatusOr<double> ReadNumber(Value value, const RunOptions& options);
  Value Append(const Op& op, const TensorType& type, absl::Span<const NodeId> inputs,
               const Attributes& attributes);
  Value Invalid() { return Value(this, kNoNode); }

  // The nodes that were recorded, and perhaps others behind them.
  const NodeList& list() const {
    return repeater_.active() ? repeater_.repeated()->nodes : own_.nodes;
  }
  template <typename Inputs>
  bool Repeats(const Op& op, const Inputs& inputs, const Attributes& attributes);
  void StartRepeating(VariableStore& store);
  // Makes what was repeated the tape's own.
  void StopRepeating() const;
  // The scope and the time step of a node.
  void EnterPlaceOf(NodeId id);
  // The results of a call that another tape made before, if it was the same.
  const std::vector<NodeId>* RepeatGradients(const GradientCall& call);
  void KeepGradients(GradientCall call);

  mutable TapeRecord own_;  // behind the repeater's, if that is active
  mutable Repeater repeater_;
  std::vector<FeedRecord> feeds_;
  std::vector<NodeId> writes_;
  std::vector<Tag> tags_;
  absl::flat_hash_map<const Variable*, NodeId> reads_;
  absl::flat_hash_map<const Variable*, NodeId> written_;
  absl::flat_hash_map<uint64_t, NodeId> scalars_[3];  // constants by bits, for each dtype
  VariableStore* store_ = nullptr;
  absl::Status status_;
  std::string scope_;
  mutable int32_t scope_id_ = Repeater::kUnknownScope;  // in list()
  int32_t step_ = -1;
  bool writes_done_ = false;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_TAPE_H_
