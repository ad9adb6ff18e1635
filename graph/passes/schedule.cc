#include <algorithm>
#include <limits>
#include <map>
#include <queue>
#include <set>

#include <absl/container/flat_hash_map.h>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/passes/phases.h>
#include <sluice/graph/passes/row_wise.h>

namespace sluice {
namespace {

// Nodes that are ready and have the same number of rows: (phase, node), the first on top.
using Ready = std::priority_queue<std::pair<int32_t, NodeId>,
                                  std::vector<std::pair<int32_t, NodeId>>, std::greater<>>;

// What takes more room than this, and is made of values that are there all the time (a packed
// weight), is made when somebody is about to read it; what is smaller is made at the beginning,
// where much of it runs side by side and interrupts no chain.
constexpr int64_t kLargePack = 1 << 20;

class Scheduler {
 public:
  explicit Scheduler(PlanGraph& graph)
      : nodes_(graph.nodes),
        consumers_(nodes_),
        phases_(FindPhases(nodes_, consumers_)),
        is_early_(nodes_.size()),
        waits_for_(nodes_.size()),
        is_held_(nodes_.size()),
        held_inputs_(nodes_.size()),
        first_write_after_(nodes_.size() + 1),
        rewriter_(graph) {
    FindWritesAfter();
    FindEarly();
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      waits_for_[id] += static_cast<int32_t>(nodes_.inputs(id).size());
      is_held_[id] = MayWait(id);
      if (!is_held_[id]) continue;
      for (const NodeId reader : consumers_.of(id)) ++held_inputs_[reader];
    }
  }

  PlanGraph Run() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      if (waits_for_[id] == 0) MakeReady(id);
    }
    for (Place(); !ready_.empty(); Place()) {
      // Work of as many rows as long as there is some: it can run block of rows by block of rows.
      // What is needed in a later phase only waits until nothing else is ready.
      auto rows = ready_.find(rows_);
      const int32_t last = std::min(phase_ + 2, wanted_in_);
      if (rows == ready_.end() || rows->second.top().first > last) rows = NextRows();
      rows_ = rows->first;
      phase_ = rows->second.top().first;
      free_.push_back(TakeFirst(rows));
    }
    return rewriter_.Finish();
  }

 private:
  // Whether products wait for it, and each for something else too.
  bool MayWait(NodeId id) const {
    if (nodes_[id].op->kind != OpKind::kPack || nodes_[id].type.bytes() <= kLargePack) return false;
    const absl::Span<const NodeId> readers = consumers_.of(id);
    return !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](NodeId reader) {
      return nodes_[nodes_.inputs(reader)[0]].op->kind != OpKind::kPack;
    });
  }

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
      first_write_after_[id] = static_cast<int32_t>(writes_after_.size());
      if (nodes_[id].op->kind == OpKind::kWrite) continue;
      for (const NodeId input : nodes_.inputs(id)) {
        const NodeId write = write_of[input];
        if (write == kNoNode) continue;
        writes_after_.push_back(write);
        ++waits_for_[write];
        if (IsView(nodes_, id)) write_of[id] = write;
      }
    }
    first_write_after_.back() = static_cast<int32_t>(writes_after_.size());
  }

  // Few numbers that are made of what a run begins with, such as one by the number of a batch's
  // targets, come before all else: between two chains they would part them.
  void FindEarly() {
    constexpr int64_t kFewElements = 1 << 14;
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const OpKind kind = nodes_[id].op->kind;
      is_early_[id] = kind != OpKind::kProduct && kind != OpKind::kPack && kind != OpKind::kWrite;
      for (const NodeId input : nodes_.inputs(id)) {
        is_early_[id] = is_early_[id] && is_early_[input] &&
                        nodes_[input].type.shape.elements() <= kFewElements &&
                        nodes_[id].type.shape.elements() <= kFewElements;
      }
    }
  }

  void MakeReady(NodeId id) {
    if (is_held_[id]) return;
    if (!RunsKernel(nodes_, id)) {
      free_.push_back(id);
      return;
    }
    const int64_t rows = is_early_[id] ? 0 : RowWiseRows(nodes_, id);
    const std::pair<int32_t, NodeId> node = {is_early_[id] ? 0 : phases_[id], id};
    Ready& ready = ready_[rows];
    if (ready.empty() || node < ready.top()) {
      if (!ready.empty()) firsts_.erase({ready.top(), rows});
      firsts_.insert({node, rows});
    }
    ready.push(node);
  }

  NodeId TakeFirst(std::map<int64_t, Ready>::iterator rows) {
    Ready& ready = rows->second;
    const NodeId id = ready.top().second;
    firsts_.erase({ready.top(), rows->first});
    ready.pop();
    if (ready.empty()) {
      ready_.erase(rows);
    } else {
      firsts_.insert({ready.top(), rows->first});
    }
    return id;
  }

  void Release(NodeId id) {
    if (--waits_for_[id] == 0) return MakeReady(id);
    // Once a reader waits for nothing but what is held, that is made.
    if (held_inputs_[id] == 0 || held_inputs_[id] != waits_for_[id]) return;
    wanted_in_ = std::min(wanted_in_, phases_[id]);
    for (const NodeId input : nodes_.inputs(id)) {
      if (!is_held_[input]) continue;
      is_held_[input] = false;
      for (const NodeId reader : consumers_.of(input)) --held_inputs_[reader];
      if (waits_for_[input] == 0) MakeReady(input);
    }
  }

  // Appends the nodes in `free_` and those that become free by it.
  void Place() {
    while (!free_.empty()) {
      const NodeId id = free_.back();
      free_.pop_back();
      rewriter_.Copy(id);
      for (const NodeId consumer : consumers_.of(id)) Release(consumer);
      for (int32_t i = first_write_after_[id]; i < first_write_after_[id + 1]; ++i) {
        Release(writes_after_[i]);
      }
    }
  }

  // What is not row by row goes first, then what comes first.
  std::map<int64_t, Ready>::iterator NextRows() {
    wanted_in_ = kNever;
    const auto next = ready_.begin();
    return next->first == 0 ? next : ready_.find(firsts_.begin()->second);
  }

  const NodeList& nodes_;
  const Consumers consumers_;
  const std::vector<int32_t> phases_;
  std::vector<bool> is_early_;
  std::vector<int32_t> waits_for_;
  std::vector<bool> is_held_;  // until a reader waits for it alone
  std::vector<int32_t> held_inputs_;
  // As one flat list: by what they follow.
  std::vector<int32_t> first_write_after_;
  std::vector<NodeId> writes_after_;
  std::vector<NodeId> free_;
  std::map<int64_t, Ready> ready_;  // by number of rows; none is empty
  // The first of each, with its number of rows.
  std::set<std::pair<std::pair<int32_t, NodeId>, int64_t>> firsts_;
  int64_t rows_ = 0;   // of the last node
  int32_t phase_ = 0;  // likewise
  static constexpr int32_t kNever = std::numeric_limits<int32_t>::max();
  int32_t wanted_in_ = kNever;  // the first phase that waits for what was held
  GraphRewriter rewriter_;
};

}  // namespace

PlanGraph Schedule(PlanGraph graph) { return Scheduler(graph).Run(); }

}  // namespace sluice
