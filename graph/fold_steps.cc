#include <algorithm>
#include <map>

#include <absl/container/flat_hash_map.h>

#include <sluice/graph/fold_steps.h>

namespace sluice {
namespace {

constexpr int32_t kNone = -1;
// Of a node that took its step from its neighbours.
constexpr int32_t kAdoptedVisit = -1;

// What nodes of one operation have in common, but for their place within the step.
struct Key {
  const Op* op;
  TensorType type;
  int32_t scope;
  int32_t visit;
  double number;  // pictures show a constant's

  friend bool operator==(const Key&, const Key&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const Key& key) {
    return H::combine(std::move(state), key.op, key.type.dtype, key.type.shape, key.scope,
                      key.visit, key.number);
  }
};

// The nodes of one key, by step; those of a step in their order.
using Group = std::map<int32_t, std::vector<NodeId>>;

class Folder {
 public:
  explicit Folder(const NodeList& nodes)
      : nodes_(nodes), readers_(nodes), operation_(nodes.size(), kNone) {}

  FoldedSteps Run() {
    FindSteps();
    FindGroups();
    for (Fold& fold : folds_) FoldRegularSteps(fold);
    for (Fold& fold : folds_) {
      for (const auto& [step, members] : fold.irregular) FoldIrregularStep(fold, members);
    }
    return Number();
  }

 private:
  struct Fold {
    Group irregular;                  // steps with fewer nodes than most
    std::vector<int32_t> operations;  // by place within the step
  };

  void FindSteps() {
    step_.resize(nodes_.size());
    for (NodeId id = 0; id < nodes_.size(); ++id) step_[id] = nodes_[id].step;
    for (NodeId id = nodes_.size() - 1; id >= 0; --id) {
      if (step_[id] == kNone) step_[id] = StepOfReaders(id);
    }
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (step_[id] == kNone) step_[id] = StepOfInputs(id);
    }
  }

  int32_t StepOfReaders(NodeId id) const {
    const absl::Span<const NodeId> readers = readers_.of(id);
    if (readers.empty()) return kNone;
    const int32_t step = step_[readers[0]];
    const bool same = std::all_of(readers.begin(), readers.end(),
                                  [&](NodeId reader) { return step_[reader] == step; });
    return same ? step : kNone;
  }

  // By the steps that were recorded only: whole tapes follow from the last step.
  int32_t StepOfInputs(NodeId id) const {
    int32_t step = kNone;
    for (const NodeId input : nodes_.inputs(id)) {
      const int32_t other = nodes_[input].step;
      if (other == kNone || nodes_.inputs(input).empty()) continue;
      // A sum that goes on from step to step belongs to the step it adds.
      if (step != kNone && other != step && !nodes_[id].op->accumulates) return kNone;
      step = other;
    }
    return step;
  }

  // Runs of nodes of one step, whatever lies between them that has none. Where the time loop ends
  // and its gradient begins, with the same step, what lies between is the loss.
  std::vector<int32_t> FindRuns() const {
    std::vector<NodeId> stepped;
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (nodes_[id].step != kNone) stepped.push_back(id);
    }
    const auto step = [&](size_t i) {
      return i < stepped.size() ? nodes_[stepped[i]].step : kNone;  // also for -1 as size_t
    };
    std::vector<int32_t> run_of(nodes_.size(), kNone);
    int32_t run = 0;
    for (size_t begin = 0, end = 0; begin < stepped.size(); begin = end) {
      while (end < stepped.size() && step(end) == step(begin)) ++end;
      const bool turns = step(begin - 1) == step(end);
      const size_t split = turns ? PlaceOfLargestGap(stepped, begin, end) : end;
      for (size_t i = begin; i < end; ++i) run_of[stepped[i]] = i < split ? run : run + 1;
      run += 2;
    }
    return run_of;
  }

  // The place in [begin, end) before which most nodes without step were computed; `end` if none.
  size_t PlaceOfLargestGap(const std::vector<NodeId>& stepped, size_t begin, size_t end) const {
    size_t place = end;
    int largest = 0;
    for (size_t i = begin + 1; i < end; ++i) {
      int gap = 0;
      for (NodeId id = stepped[i - 1] + 1; id < stepped[i]; ++id) {
        gap += nodes_.inputs(id).empty() ? 0 : 1;
      }
      if (gap > largest) {
        largest = gap;
        place = i;
      }
    }
    return place;
  }

  // A time loop passes each step once, its gradient passes it again: runs are counted for each
  // scope.
  void FindGroups() {
    absl::flat_hash_map<Key, size_t> group_of;
    std::vector<Group> groups;
    struct Visits {
      int32_t run = kNone;
      int32_t count = 0;
    };
    absl::flat_hash_map<std::pair<int32_t, int32_t>, Visits> visits;  // by scope and step
    const std::vector<int32_t> run_of = FindRuns();
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const Node& node = nodes_[id];
      if (step_[id] == kNone) continue;
      int32_t visit = kAdoptedVisit;
      if (node.step != kNone) {
        Visits& seen = visits[{node.scope, node.step}];
        if (seen.run != run_of[id]) seen = {run_of[id], seen.count + 1};
        visit = seen.count;
      }
      const double number = node.op->kind == OpKind::kConstant ? nodes_.attributes(id).number : 0;
      const auto [found, is_new] =
          group_of.try_emplace(Key{node.op, node.type, node.scope, visit, number}, groups.size());
      if (is_new) groups.emplace_back();
      groups[found->second][step_[id]].push_back(id);
    }
    for (Group& group : groups) folds_.push_back({std::move(group), {}});
  }

  // How many nodes most steps of a group have.
  static size_t UsualSize(const Group& group) {
    std::map<size_t, int> frequency;
    for (const auto& [step, members] : group) ++frequency[members.size()];
    return std::max_element(frequency.begin(), frequency.end(),
                            [](const auto& a, const auto& b) {
                              return a.second < b.second ||
                                     (a.second == b.second && a.first < b.first);
                            })
        ->first;
  }

  void FoldRegularSteps(Fold& fold) {
    const size_t usual = UsualSize(fold.irregular);
    for (auto step = fold.irregular.begin(); step != fold.irregular.end();) {
      const std::vector<NodeId>& members = step->second;
      if (members.size() < usual) {
        ++step;
        continue;
      }
      for (size_t place = 0; place < members.size(); ++place) {
        if (place == fold.operations.size()) {
          fold.operations.push_back(static_cast<int32_t>(members_.size()));
          members_.emplace_back();
        }
        Assign(members[place], fold.operations[place]);
      }
      step = fold.irregular.erase(step);
    }
  }

  void FoldIrregularStep(const Fold& fold, const std::vector<NodeId>& members) {
    std::vector<int32_t> free = fold.operations;
    for (const NodeId id : members) {
      const auto best =
          std::max_element(free.begin(), free.end(), [&](int32_t first, int32_t second) {
            return Agreement(id, first) < Agreement(id, second);
          });
      Assign(id, *best);
      free.erase(best);
    }
  }

  // How many inputs, and how many readers, are the operations that they usually are.
  int Agreement(NodeId id, int32_t operation) const {
    const NodeId example = Example(operation);
    int agreement = 0;
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    const absl::Span<const NodeId> usual = nodes_.inputs(example);
    for (size_t i = 0; i < inputs.size() && i < usual.size(); ++i) {
      agreement += SameOperation(inputs[i], usual[i]) ? 1 : 0;
    }
    for (const NodeId reader : readers_.of(id)) {
      for (const NodeId usual_reader : readers_.of(example)) {
        if (!SameOperation(reader, usual_reader)) continue;
        ++agreement;
        break;
      }
    }
    return agreement;
  }

  bool SameOperation(NodeId a, NodeId b) const {
    return a == b || (operation_[a] != kNone && operation_[a] == operation_[b]);
  }

  NodeId Example(int32_t operation) const {
    const std::vector<NodeId>& members = members_[operation];
    return members[members.size() / 2];
  }

  void Assign(NodeId id, int32_t operation) {
    operation_[id] = operation;
    members_[operation].push_back(id);
  }

  FoldedSteps Number() {
    FoldedSteps result;
    result.step_of = std::move(step_);
    result.operation_of.resize(nodes_.size());
    std::vector<int32_t> number(members_.size(), kNone);
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const int32_t operation = operation_[id];
      const auto next = static_cast<int32_t>(result.operations.size());
      if (operation == kNone) {
        result.operation_of[id] = next;
        result.operations.push_back({id, 1});
        continue;
      }
      if (number[operation] == kNone) {
        number[operation] = next;
        result.operations.push_back(
            {Example(operation), static_cast<int32_t>(members_[operation].size())});
      }
      result.operation_of[id] = number[operation];
    }
    return result;
  }

  const NodeList& nodes_;
  const Consumers readers_;
  std::vector<int32_t> step_;
  std::vector<Fold> folds_;
  std::vector<int32_t> operation_;            // of each node
  std::vector<std::vector<NodeId>> members_;  // of each operation
};

}  // namespace

FoldedSteps FoldSteps(const NodeList& nodes) { return Folder(nodes).Run(); }

}  // namespace sluice
