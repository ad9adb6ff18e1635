#include <algorithm>
#include <cmath>
#include <cstring>

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>

#include <sluice/graph/program_state.h>
#include <sluice/graph/tape.h>

namespace sluice {
namespace {

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

Program::Program(std::unique_ptr<State> state) : state_(std::move(state)) {}
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

// One run: the feeds it was given, and what had to be saved before variables change.
class ProgramRun {
 public:
  explicit ProgramRun(Program::State& state) : state_(state), nodes_(state.graph.nodes) {}

  absl::Status TakeFeeds(absl::Span<const FeedTensor> given) {
    for (const Program::State::FeedSlot& slot : state_.feeds) feeds_.push_back(slot.tensor);
    std::vector<bool> have(feeds_.size());
    for (size_t i = 0; i < feeds_.size(); ++i) have[i] = state_.feeds[i].bound;
    for (const FeedTensor& feed : given) {
      const int index = FeedIndex(feed.feed.node());
      if (index < 0)
        return absl::InvalidArgumentError("run: a tensor is given for a value that is no feed");
      const Program::State::FeedSlot& slot = state_.feeds[index];
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
    for (const Program::State::Step& step : state_.steps) {
      if (nodes_[step.node].op->kind == OpKind::kWrite) Save(nodes_.inputs(step.node)[0]);
    }
  }

  absl::Status RunSteps() {
    for (const Program::State::Step& step : state_.steps) {
      const absl::Span<const NodeId> operands(state_.operands.data() + step.first_operand,
                                              step.operand_count);
      if (step.group >= 0) {
        RunGroup(state_.groups[step.group], operands);
      } else if (absl::Status status = RunNode(step.node, operands); !status.ok()) {
        return status;
      }
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
        [](const Program::State::FeedSlot& a, NodeId node) { return a.tape_node < node; });
    if (slot == state_.feeds.end() || slot->tape_node != tape_node) return -1;
    return static_cast<int>(slot - state_.feeds.begin());
  }

  void RunGroup(const ElementwiseGroup& group, absl::Span<const NodeId> operands) {
    pointers_.clear();
    for (const NodeId operand : operands) pointers_.push_back(Address(operand));
    group.Run(pointers_);
  }

  absl::Status RunNode(NodeId id, absl::Span<const NodeId> operands) {
    const Op& op = *nodes_[id].op;
    inputs_.clear();
    for (const NodeId input : operands.first(operands.size() - 1)) {
      inputs_.push_back(
          {op.kind == OpKind::kWrite ? SavedOr(input) : Address(input), nodes_[input].type});
    }
    const View output{Address(id), nodes_[id].type};
    absl::Status status = op.kernel({op, inputs_, output, nodes_.attributes(id)});
    if (!status.ok()) return WithScope(status, nodes_, id);
    return state_.level == PlanLevel::kDebug ? CheckFinite(nodes_, id, output) : absl::OkStatus();
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

  Program::State& state_;
  const NodeList& nodes_;
  std::vector<Tensor> feeds_;
  absl::flat_hash_map<NodeId, Tensor> saved_;
  // Of the step that runs; kept so that steps need no memory.
  std::vector<ConstView> inputs_;
  std::vector<void*> pointers_;
};

absl::StatusOr<std::vector<Tensor>> Program::Run(absl::Span<const FeedTensor> feeds,
                                                 const RunOptions& options) {
  ProgramRun run(*state_);
  if (absl::Status status = run.TakeFeeds(feeds); !status.ok()) return status;
  run.SaveOldValues();
  absl::Status status;
  options.arena.Execute([&] { status = run.RunSteps(); });
  if (!status.ok()) return status;
  return run.Fetches();
}

}  // namespace sluice
