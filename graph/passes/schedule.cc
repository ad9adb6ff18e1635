#include <map>
#include <queue>

#include <absl/container/flat_hash_map.h>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/row_wise.h>

namespace sluice {
namespace {

// How far, in the order of recording, a node may be pulled ahead of others. Bounds what lives at
// the same time.
constexpr NodeId kWindow = 96;

using Queue = std::priority_queue<NodeId, std::vector<NodeId>, std::greater<>>;

// Nodes that are ready and have the same number of rows, by order of recording.
struct Ready {
  Queue elementwise;
  Queue others;
  bool empty() const { return elementwise.empty() && others.empty(); }
  NodeId first() const {
    if (elementwise.empty()) return others.top();
    if (others.empty()) return elementwise.top();
    return std::min(elementwise.top(), others.top());
  }
};

class Scheduler {
 public:
  explicit Scheduler(const PlanGraph& graph)
      : nodes_(graph.nodes), consumers_(nodes_), waits_for_(nodes_.size()), rewriter_(graph) {
    FindWritesAfter();
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      waits_for_[id] += static_cast<int32_t>(nodes_.inputs(id).size());
    }
  }

  PlanGraph Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (waits_for_[id] == 0) MakeReady(id);
    }
    for (Place(); !ready_.empty(); Place()) {
      // Work of as many rows as long as there is some: it can run block of rows by block of rows.
      auto rows = ready_.find(rows_);
      if (rows == ready_.end()) rows = NextRows();
      rows_ = rows->first;
      Queue& queue = QueueOf(rows->second);
      const NodeId id = queue.top();
      queue.pop();
      if (rows->second.empty()) ready_.erase(rows);
      free_.push_back(id);
    }
    return rewriter_.Finish();
  }

 private:
  // A write follows all that read the variable's old value, directly or through views. Other writes
  // do not count: what they take from the variable is saved before the run.
  void FindWritesAfter() {
    absl::flat_hash_map<const Variable*, NodeId> writes;
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (nodes_[id].op->kind == OpKind::kWrite) writes[nodes_.attributes(id).variable] = id;
    }
    std::vector<NodeId> write_of(nodes_.size(), kNoNode);  // of the variable whose memory it is
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (nodes_[id].op->kind == OpKind::kVariable) {
        const auto found = writes.find(nodes_.attributes(id).variable);
        if (found != writes.end()) write_of[id] = found->second;
      }
      if (nodes_[id].op->kind == OpKind::kWrite) continue;
      for (const NodeId input : nodes_.inputs(id)) {
        const NodeId write = write_of[input];
        if (write == kNoNode) continue;
        writes_after_[id].push_back(write);
        ++waits_for_[write];
        if (IsView(nodes_, id)) write_of[id] = write;
      }
    }
  }

  void MakeReady(NodeId id) {
    if (!RunsKernel(nodes_, id)) {
      free_.push_back(id);
      return;
    }
    Ready& ready = ready_[RowWiseRows(nodes_, id)];
    (nodes_[id].op->kind == OpKind::kElementwise ? ready.elementwise : ready.others).push(id);
  }

  void Release(NodeId id) {
    if (--waits_for_[id] == 0) MakeReady(id);
  }

  // Appends the nodes in `free_` and those that become free by it.
  void Place() {
    while (!free_.empty()) {
      const NodeId id = free_.back();
      free_.pop_back();
      rewriter_.Copy(id);
      for (const NodeId consumer : consumers_.of(id)) Release(consumer);
      const auto writes = writes_after_.find(id);
      if (writes == writes_after_.end()) continue;
      for (const NodeId write : writes->second) Release(write);
    }
  }

  // What is not row by row goes first, then what was recorded first.
  std::map<int64_t, Ready>::iterator NextRows() {
    in_run_ = false;
    auto next = ready_.begin();
    if (next->first == 0) return next;
    for (auto rows = ready_.begin(); rows != ready_.end(); ++rows) {
      if (rows->second.first() < next->second.first()) next = rows;
    }
    return next;
  }

  // What is not element-wise goes before a run of element-wise ops, and a run goes on as long as it
  // can.
  Queue& QueueOf(Ready& ready) {
    bool elementwise = ready.others.empty();
    if (!ready.others.empty() && !ready.elementwise.empty()) {
      // Above 0: the element-wise one was recorded later.
      const NodeId lead = ready.elementwise.top() - ready.others.top();
      elementwise = in_run_ ? lead < kWindow : lead < -kWindow;
    }
    in_run_ = elementwise;
    return elementwise ? ready.elementwise : ready.others;
  }

  const NodeList& nodes_;
  const Consumers consumers_;
  std::vector<int32_t> waits_for_;
  absl::flat_hash_map<NodeId, std::vector<NodeId>> writes_after_;
  std::vector<NodeId> free_;
  std::map<int64_t, Ready> ready_;  // by number of rows; none is empty
  int64_t rows_ = 0;
  bool in_run_ = false;
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph Schedule(const PlanGraph& graph) { return Scheduler(graph).Run(); }

}  // namespace sluice
