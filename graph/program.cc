#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>
#include <utility>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>

#include <sluice/graph/passes/row_wise.h>
#include <sluice/graph/plan_summary.h>
#include <sluice/graph/program_state.h>
#include <sluice/graph/tape.h>
#include <sluice/graph/trace.h>

namespace sluice {
namespace {

// A block of fewer rows would read the right-hand operands of products for too little work.
constexpr int64_t kFewestRows = 4;

template <typename T>
int64_t FirstNotFinite(const View& view) {
  const T* data = view.as<T>();
  for (int64_t i = 0; i < view.type.shape.elements(); ++i) {
    if (!std::isfinite(data[i])) return i;
  }
  return -1;
}

// "(3, 17)": the place of a row-major position.
std::string IndexText(const Shape& shape, int64_t position) {
  std::string text;
  const auto strides = RowMajorStrides(shape);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    absl::StrAppend(&text, axis == 0 ? "" : ", ", position / strides[axis] % shape[axis]);
  }
  return absl::StrCat("(", text, ")");
}

absl::Status CheckFinite(const NodeList& nodes, NodeId id, const View& output) {
  const DType dtype = output.type.dtype;
  if (!IsFloat(dtype)) return absl::OkStatus();
  const int64_t bad =
      dtype == DType::kF32 ? FirstNotFinite<float>(output) : FirstNotFinite<double>(output);
  if (bad < 0) return absl::OkStatus();
  const double value = dtype == DType::kF32 ? output.as<float>()[bad] : output.as<double>()[bad];
  const std::string& scope = nodes.scope(id);
  return absl::OutOfRangeError(absl::StrCat(nodes[id].op->name, ": element ",
                                            IndexText(output.type.shape, bad), " of ",
                                            output.type.shape.ToString(), " is ",
                                            std::isnan(value) ? "nan"
                                            : value > 0       ? "inf"
                                                              : "-inf",
                                            scope.empty() ? "" : "; in ", scope));
}

absl::Status WithScope(const absl::Status& status, const NodeList& nodes, NodeId id) {
  const std::string& scope = nodes.scope(id);
  return absl::Status(status.code(), absl::StrCat(nodes[id].op->name, ": ", status.message(),
                                                  scope.empty() ? "" : "; in ", scope));
}

}  // namespace

Program::Program(std::unique_ptr<ProgramState> state) : state_(std::move(state)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

int64_t Program::arena_bytes() const { return state_->memory.arena_bytes; }
int64_t Program::kernels() const { return static_cast<int64_t>(state_->steps.size()); }
const NodeList& Program::nodes() const { return state_->graph.nodes; }

double Program::flops() const {
  const NodeList& nodes = state_->graph.nodes;
  double sum = 0;
  for (NodeId id = 0; id < nodes.size(); ++id) {
    sum += nodes[id].op->flops(InputTypes(nodes, id), nodes[id].type);
  }
  return sum;
}

// The error that kernels on several threads would have ended with one after the other: of the first
// step, and there of the first row.
class FirstError {
 public:
  void Add(int32_t step, int64_t row, const absl::Status& status) {
    if (status.ok()) return;
    const std::lock_guard lock(mutex_);
    if (!status_.ok() && place_ < std::pair(step, row)) return;
    place_ = {step, row};
    status_ = status;
  }
  const absl::Status& status() const { return status_; }

 private:
  std::mutex mutex_;
  std::pair<int32_t, int64_t> place_;
  absl::Status status_;
};

// One run: the feeds it was given, and what had to be saved before variables change.
class ProgramRun {
 public:
  ProgramRun(ProgramState& state, Trace* trace)
      : state_(state), nodes_(state.graph.nodes), trace_(trace) {}

  absl::Status TakeFeeds(absl::Span<const FeedTensor> given) {
    for (const ProgramState::FeedSlot& slot : state_.feeds) feeds_.push_back(slot.tensor);
    std::vector<bool> have(feeds_.size());
    for (size_t i = 0; i < feeds_.size(); ++i) have[i] = state_.feeds[i].bound;
    for (const FeedTensor& feed : given) {
      const int index = FeedIndex(feed.feed.node());
      if (index < 0)
        return absl::InvalidArgumentError("run: a tensor is given for a value that is no feed");
      const ProgramState::FeedSlot& slot = state_.feeds[index];
      if (feed.tensor.type() != slot.type) {
        return absl::InvalidArgumentError(absl::StrCat("run: feed \"", slot.name, "\" is ",
                                                       slot.type.ToString(), ", got ",
                                                       feed.tensor.type().ToString()));
      }
      feeds_[index] = feed.tensor;
      have[index] = true;
    }
    for (size_t i = 0; i < feeds_.size(); ++i) {
      if (!have[i] && state_.graph.feeds[i] != kNoNode) {
        return absl::InvalidArgumentError(
            absl::StrCat("run: feed \"", state_.feeds[i].name, "\" has no tensor"));
      }
    }
    return absl::OkStatus();
  }

  // Old values of variables that fetches or other writes take as they are.
  void SaveOldValues() {
    for (const NodeId id : state_.graph.fetches) Save(id);
    for (const Step& step : state_.steps) {
      if (nodes_[step.node].op->kind == OpKind::kWrite) Save(nodes_.inputs(step.node)[0]);
    }
  }

  absl::Status RunStages() {
    if (trace_ != nullptr) trace_->BeginRun(LabelsOfSteps(state_));
    for (NodeId id = 0; id < nodes_.size(); ++id) state_.addresses[id] = Address(id);
    for (const StepRange& range : state_.stages) {
      absl::Status status = Run(range);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  std::vector<Tensor> Fetches() {
    std::vector<Tensor> results;
    for (const NodeId id : state_.graph.fetches) {
      Tensor result(nodes_[id].type);
      if (result.bytes() > 0) std::memcpy(result.raw(), SavedOr(id), result.bytes());
      results.push_back(std::move(result));
    }
    return results;
  }

 private:
  int FeedIndex(NodeId tape_node) const {
    // Feeds are in the order of the tape.
    const auto slot = std::lower_bound(
        state_.feeds.begin(), state_.feeds.end(), tape_node,
        [](const ProgramState::FeedSlot& a, NodeId node) { return a.tape_node < node; });
    if (slot == state_.feeds.end() || slot->tape_node != tape_node) return -1;
    return static_cast<int>(slot - state_.feeds.begin());
  }

  using Step = ProgramState::Step;
  using StepRange = ProgramState::StepRange;
  using Operand = ProgramState::Operand;

  // What one thread needs to call kernels; kept so that steps need no memory.
  struct Caller {
    std::vector<void*> pointers;
    std::vector<TensorType> types;
    std::vector<ConstView> inputs;
  };

  absl::Span<const Operand> OperandsOf(const Step& step) const {
    return {state_.operands.data() + step.first_operand, static_cast<size_t>(step.operand_count)};
  }

  absl::Status Run(const StepRange& range) {
    switch (range.kind) {
      case StepRange::Kind::kInOrder:
        return RunInOrder(range);
      case StepRange::Kind::kSideBySide:
        return RunSideBySide(range);
      case StepRange::Kind::kChain:
        return RunChain(range);
    }
    return absl::OkStatus();
  }

  absl::Status RunInOrder(const StepRange& range) {
    for (int32_t i = range.first_step; i < range.last_step; ++i) {
      absl::Status status = RunStep(i, caller_);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status RunSideBySide(const StepRange& range) {
    if (range.cost < 2 * static_cast<double>(kSerialCutOff)) return RunInOrder(range);
    FirstError first_error;
    ParallelTasks(range.last_step - range.first_step, [&](int64_t i) {
      Caller caller;
      const int32_t step = range.first_step + static_cast<int32_t>(i);
      first_error.Add(step, 0, RunStep(step, caller));
    });
    return first_error.status();
  }

  // All of a step's work.
  absl::Status RunStep(int32_t index, Caller& caller) {
    const Step& step = state_.steps[index];
    const absl::Span<const Operand> operands = OperandsOf(step);
    const Trace::Span span(trace_, index);
    if (step.group != ProgramState::kNoGroup) {
      caller.pointers.clear();
      for (const Operand& operand : operands) {
        caller.pointers.push_back(state_.addresses[operand.node]);
      }
      state_.groups[step.group].Run(caller.pointers);
      return absl::OkStatus();
    }
    const NodeId id = step.node;
    const Op& op = *nodes_[id].op;
    caller.inputs.clear();
    for (const Operand& operand : operands.first(operands.size() - 1)) {
      const NodeId input = operand.node;
      const void* data = op.kind == OpKind::kWrite ? SavedOr(input) : state_.addresses[input];
      caller.inputs.push_back({data, nodes_[input].type});
    }
    const View output{state_.addresses[id], nodes_[id].type};
    absl::Status status = op.kernel({op, caller.inputs, output, nodes_.attributes(id)});
    if (!status.ok()) return WithScope(status, nodes_, id);
    return state_.level == PlanLevel::kDebug ? CheckFinite(nodes_, id, output) : absl::OkStatus();
  }

  // A row's bits do not depend on the rows beside it, so the cut may follow the number of threads.
  absl::Status RunChain(const StepRange& range) {
    if (range.cost * static_cast<double>(range.rows) < 2 * static_cast<double>(kSerialCutOff)) {
      return RunInOrder(range);
    }
    int64_t block_rows = range.block_rows;
    if (block_rows == 0) {
      const int64_t threads = Concurrency();
      block_rows = std::max<int64_t>((range.rows + threads - 1) / threads, kFewestRows);
    }
    const int64_t blocks = (range.rows + block_rows - 1) / block_rows;
    if (blocks == 1) return RunInOrder(range);
    FirstError first_error;
    const double cost = std::max(range.cost * static_cast<double>(block_rows),
                                 2.0 * static_cast<double>(kSerialCutOff));
    ParallelFor(blocks, cost, [&](int64_t begin, int64_t end) {
      const SerialScope serial;
      Caller caller;
      for (int64_t block = begin; block < end; ++block) {
        const int64_t row = block * block_rows;
        RunRows(range, row, std::min(block_rows, range.rows - row), caller, first_error);
      }
    });
    return first_error.status();
  }

  void RunRows(const StepRange& range, int64_t row, int64_t count, Caller& caller,
               FirstError& first_error) {
    for (int32_t i = range.first_step; i < range.last_step; ++i) {
      const Step& step = state_.steps[i];
      const Trace::Span span(trace_, i, row, count);
      caller.pointers.clear();
      if (step.group != ProgramState::kNoGroup) {
        for (const Operand& operand : OperandsOf(step)) {
          caller.pointers.push_back(state_.addresses[operand.node]);
        }
        const int64_t columns = nodes_[step.node].type.shape.elements() / range.rows;
        state_.groups[step.group].RunElements(caller.pointers, row * columns,
                                              (row + count) * columns);
        continue;
      }
      absl::Status status = RunNodeRows(step, range.rows, row, count, caller);
      if (!status.ok()) return first_error.Add(i, row, WithScope(status, nodes_, step.node));
    }
  }

  absl::Status RunNodeRows(const Step& step, int64_t rows, int64_t row, int64_t count,
                           Caller& caller) {
    const absl::Span<const Operand> operands = OperandsOf(step);
    caller.types.clear();
    caller.inputs.clear();
    for (const Operand& operand : operands) {
      const TensorType& type = nodes_[operand.node].type;
      const bool whole = operand.row_bytes == Operand::kWhole;
      caller.pointers.push_back(static_cast<std::byte*>(state_.addresses[operand.node]) +
                                (whole ? 0 : row * operand.row_bytes));
      caller.types.push_back(whole ? type : TypeOfRows(type, rows, count));
    }
    for (size_t i = 0; i + 1 < operands.size(); ++i) {
      caller.inputs.push_back({caller.pointers[i], caller.types[i]});
    }
    const Op& op = *nodes_[step.node].op;
    return op.kernel({op,
                      caller.inputs,
                      {caller.pointers.back(), caller.types.back()},
                      nodes_.attributes(step.node),
                      row,
                      count});
  }

  void* Address(NodeId id) {
    const Place& place = state_.memory.places[id];
    void* base = nullptr;
    switch (place.base) {
      case Place::Base::kArena:
        base = state_.arena.raw();
        break;
      case Place::Base::kConstants:
        base = state_.constants.raw();
        break;
      case Place::Base::kFeed:
        base = feeds_[place.index].raw();
        break;
      case Place::Base::kVariable:
        base = nodes_.attributes(place.index).variable->value().raw();
        break;
    }
    return static_cast<std::byte*>(base) + place.offset;
  }

  void Save(NodeId id) {
    if (!state_.reads_old_variable[id] || saved_.contains(id)) return;
    Tensor copy(nodes_[id].type);
    if (copy.bytes() > 0) std::memcpy(copy.raw(), Address(id), copy.bytes());
    saved_[id] = std::move(copy);
  }

  const void* SavedOr(NodeId id) {
    const auto found = saved_.find(id);
    return found == saved_.end() ? Address(id) : found->second.raw();
  }

  ProgramState& state_;
  const NodeList& nodes_;
  std::vector<Tensor> feeds_;
  absl::flat_hash_map<NodeId, Tensor> saved_;
  Caller caller_;  // of this thread
  Trace* const trace_;
};

absl::StatusOr<std::vector<Tensor>> Program::Run(absl::Span<const FeedTensor> feeds,
                                                 const RunOptions& options) {
  ProgramRun run(*state_, options.trace);
  if (absl::Status status = run.TakeFeeds(feeds); !status.ok()) return status;
  run.SaveOldValues();
  absl::Status status;
  options.arena.Execute([&] { status = run.RunStages(); });
  if (!status.ok()) return status;
  return run.Fetches();
}

}  // namespace sluice
