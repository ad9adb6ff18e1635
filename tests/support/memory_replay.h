#ifndef SLUICE_TESTS_GRAPH_MEMORY_REPLAY_H_
#define SLUICE_TESTS_GRAPH_MEMORY_REPLAY_H_

#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/graph/passes/passes.h>

namespace sluice {

// Runs a memory plan without numbers: every word of every value is a symbol, which a kernel puts
// where the plan says and which must still be there when somebody reads it. A view has the symbols
// of its input, an outermost concatenation those of its pieces, so whoever shares memory must share
// symbols.
class MemoryReplay {
 public:
  MemoryReplay(const PlanGraph& graph, const MemoryPlan& plan)
      : graph_(graph), nodes_(graph.nodes), plan_(plan), content_(nodes_.size()) {}

  void Check() {
    for (NodeId id = 0; id < nodes_.size(); ++id) {
      const OpKind kind = nodes_[id].op->kind;
      if (kind == OpKind::kFeed || kind == OpKind::kConstant || kind == OpKind::kVariable) {
        content_[id] = FreshSymbols(id);
        CheckInside(id);
        if (kind == OpKind::kVariable) old_.insert(id);
        Put(id);
        continue;
      }
      if (IsView(nodes_, id)) {
        const NodeId input = nodes_.inputs(id)[0];
        if (old_.contains(input)) old_.insert(id);
        content_[id] = ViewOf(id, input);
        EXPECT_TRUE(Holds(id)) << "view " << id << " is not where its input is";
        continue;
      }
      RunKernel(id);
    }
    for (const NodeId id : graph_.fetches) {
      EXPECT_TRUE(old_.contains(id) || Holds(id)) << "fetch " << nodes_.Describe(id);
    }
  }

 private:
  using Symbol = std::pair<NodeId, int64_t>;
  // Where a word lies: base, which feed or variable, word number.
  using Location = std::tuple<int, const void*, int64_t>;

  int64_t Words(NodeId id) const { return nodes_[id].type.bytes() / 4; }

  void RunKernel(NodeId id) {
    const bool write = nodes_[id].op->kind == OpKind::kWrite;
    for (const NodeId input : nodes_.inputs(id)) {
      // What a write takes from a variable as it was before was saved when the run began.
      if (write && old_.contains(input)) continue;
      EXPECT_TRUE(Holds(input)) << id << " " << nodes_.Describe(id) << " reads " << input << " "
                                << nodes_.Describe(input) << ", which is overwritten";
    }
    CheckInside(id);
    CheckOverlap(id);
    if (write) {
      content_[id] = content_[nodes_.inputs(id)[0]];
    } else if (IsOutermostConcat(id)) {
      for (const NodeId input : nodes_.inputs(id)) {
        content_[id].insert(content_[id].end(), content_[input].begin(), content_[input].end());
      }
    } else {
      content_[id] = FreshSymbols(id);
    }
    Put(id);
  }

  // A kernel may write over an input only where it reads element by element, or copies in place.
  void CheckOverlap(NodeId id) const {
    const OpKind kind = nodes_[id].op->kind;
    if (kind == OpKind::kWrite || kind == OpKind::kConcat) return;
    for (const NodeId input : nodes_.inputs(id)) {
      if (!Overlap(id, input)) continue;
      EXPECT_EQ(kind, OpKind::kElementwise) << nodes_.Describe(id);
      EXPECT_EQ(plan_.places[id].offset, plan_.places[input].offset) << nodes_.Describe(id);
      EXPECT_EQ(nodes_[id].type, nodes_[input].type) << nodes_.Describe(id);
    }
  }

  bool Overlap(NodeId a, NodeId b) const {
    if (Words(a) == 0 || Words(b) == 0) return false;
    if (BaseOf(a) != BaseOf(b)) return false;
    const int64_t a_begin = plan_.places[a].offset;
    const int64_t b_begin = plan_.places[b].offset;
    return a_begin < b_begin + nodes_[b].type.bytes() && b_begin < a_begin + nodes_[a].type.bytes();
  }

  void CheckInside(NodeId id) const {
    const Place& place = plan_.places[id];
    EXPECT_GE(place.offset, 0);
    const int64_t end = place.offset + nodes_[id].type.bytes();
    if (place.base == Place::Base::kArena) {
      EXPECT_LE(end, plan_.arena_bytes);
    }
    if (place.base == Place::Base::kConstants) {
      EXPECT_LE(end, plan_.constants_bytes);
    }
    EXPECT_EQ(place.offset % BytesPerElement(nodes_[id].type.dtype), 0) << nodes_.Describe(id);
  }

  bool IsOutermostConcat(NodeId id) const {
    if (nodes_[id].op->kind != OpKind::kConcat) return false;
    for (int axis = 0; axis < nodes_.attributes(id).integers[0]; ++axis) {
      if (nodes_[id].type.shape[axis] != 1) return false;
    }
    return true;
  }

  std::vector<Symbol> FreshSymbols(NodeId id) const {
    std::vector<Symbol> symbols;
    for (int64_t word = 0; word < Words(id); ++word) symbols.push_back({id, word});
    return symbols;
  }

  std::vector<Symbol> ViewOf(NodeId id, NodeId input) const {
    int64_t first = 0;
    if (nodes_[id].op->kind == OpKind::kSlice) {
      const auto axis = static_cast<int>(nodes_.attributes(id).integers[0]);
      const int64_t size = nodes_[input].type.shape[axis];
      if (size > 0) first = nodes_.attributes(id).integers[1] * (Words(input) / size);
    }
    const auto begin = content_[input].begin() + first;
    return {begin, begin + Words(id)};
  }

  std::pair<int, const void*> BaseOf(NodeId id) const {
    const Place& place = plan_.places[id];
    const void* which = nullptr;
    if (place.base == Place::Base::kFeed) which = &graph_.feeds[place.index];
    if (place.base == Place::Base::kVariable) which = nodes_.attributes(place.index).variable;
    return {static_cast<int>(place.base), which};
  }

  Location At(NodeId id, int64_t word) const {
    const auto [base, which] = BaseOf(id);
    return {base, which, plan_.places[id].offset / 4 + word};
  }

  void Put(NodeId id) {
    for (int64_t word = 0; word < Words(id); ++word) memory_[At(id, word)] = content_[id][word];
  }

  bool Holds(NodeId id) const {
    for (int64_t word = 0; word < Words(id); ++word) {
      const auto found = memory_.find(At(id, word));
      if (found == memory_.end() || found->second != content_[id][word]) return false;
    }
    return true;
  }

  const PlanGraph& graph_;
  const NodeList& nodes_;
  const MemoryPlan& plan_;
  std::vector<std::vector<Symbol>> content_;
  std::map<Location, Symbol> memory_;
  std::set<NodeId> old_;  // variables as they were before the run, and views of them
};

}  // namespace sluice

#endif  // SLUICE_TESTS_GRAPH_MEMORY_REPLAY_H_
