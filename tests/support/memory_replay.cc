#include "support/memory_replay.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/graph/passes/row_wise.h>
#include <sluice/graph/passes/run_passes.h>

namespace sluice::testing {
namespace {

bool IsSource(OpKind kind) {
  return kind == OpKind::kFeed || kind == OpKind::kConstant || kind == OpKind::kVariable;
}

bool IsOutermostConcat(const NodeList& nodes, NodeId id) {
  if (nodes[id].op->kind != OpKind::kConcat) return false;
  for (int axis = 0; axis < nodes.attributes(id).integers[0]; ++axis) {
    if (nodes[id].type.shape[axis] != 1) return false;
  }
  return true;
}

}  // namespace

MemoryReplay::MemoryReplay(const PlanGraph& graph, const MemoryPlan& plan, const Stages& stages,
                           Order order, uint64_t seed)
    : graph_(graph),
      nodes_(graph.nodes),
      plan_(plan),
      stages_(stages),
      order_(order),
      random_(MakeRandomKey(seed, "replay")),
      content_(nodes_.size()),
      memory_of_(nodes_.size(), nullptr),
      old_(nodes_.size()) {}

void MemoryReplay::Check() {
  CheckPlaces();
  if (::testing::Test::HasFailure()) return;
  MakeContents();
  PutSources();
  NodeId next = 0;
  for (const Stage& stage : stages_.stages) {
    RunInOrder(next, stage.first - 1);
    stage.is_chain() ? RunChain(stage) : RunSideBySide(stage);
    next = stage.last + 1;
  }
  RunInOrder(next, nodes_.size() - 1);
  CheckFetches();
}

// ---- What values are, and where ----

void MemoryReplay::MakeContents() {
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    const absl::Span<const NodeId> inputs = nodes_.inputs(id);
    const OpKind kind = nodes_[id].op->kind;
    old_[id] = kind == OpKind::kVariable || (IsView(nodes_, id) && old_[inputs[0]]);
    if (IsView(nodes_, id)) {
      int64_t first = 0;
      if (kind == OpKind::kSlice) {
        const auto axis = static_cast<int>(nodes_.attributes(id).integers[0]);
        const int64_t size = nodes_[inputs[0]].type.shape[axis];
        if (size > 0) first = nodes_.attributes(id).integers[1] * (Words(inputs[0]) / size);
      }
      const auto begin = content_[inputs[0]].begin() + first;
      content_[id] = {begin, begin + Words(id)};
    } else if (kind == OpKind::kWrite) {
      content_[id] = content_[inputs[0]];
    } else if (IsOutermostConcat(nodes_, id)) {
      for (const NodeId input : inputs) {
        content_[id].insert(content_[id].end(), content_[input].begin(), content_[input].end());
      }
    } else {
      for (int64_t word = 0; word < Words(id); ++word) content_[id].push_back({id, word});
    }
  }
}

void MemoryReplay::CheckPlaces() {
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (IsInternal(id)) continue;
    const Place& place = plan_.places[id];
    const int64_t end = place.offset + nodes_[id].type.bytes();
    int64_t size = end;
    if (place.base == Place::Base::kArena) size = plan_.arena_bytes;
    if (place.base == Place::Base::kConstants) size = plan_.constants_bytes;
    if (place.base == Place::Base::kFeed) {
      size = nodes_[graph_.feeds[place.index]].type.bytes();
    }
    if (place.base == Place::Base::kVariable) size = nodes_[place.index].type.bytes();
    EXPECT_GE(place.offset, 0) << Describe(id);
    EXPECT_LE(end, size) << Describe(id);
    EXPECT_EQ(place.offset % BytesPerElement(nodes_[id].type.dtype), 0) << Describe(id);
    if (IsView(nodes_, id)) {
      const NodeId input = nodes_.inputs(id)[0];
      EXPECT_EQ(BaseOf(id), BaseOf(input)) << "view " << Describe(id) << " is not in its input";
    }
    memory_of_[id] = &memory_[BaseOf(id)];
    memory_of_[id]->resize(std::max<size_t>(memory_of_[id]->size(), end / 4));
  }
}

void MemoryReplay::PutSources() {
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (IsSource(nodes_[id].op->kind)) Write(id, 0, Words(id), 0);
  }
}

void MemoryReplay::CheckFetches() {
  ++turn_;
  for (const NodeId id : graph_.fetches) {
    if (!old_[id]) Read(kNoNode, id, 0, Words(id), 0);
  }
}

std::pair<int, const void*> MemoryReplay::BaseOf(NodeId id) const {
  const Place& place = plan_.places[id];
  const void* which = nullptr;
  if (place.base == Place::Base::kFeed) which = &graph_.feeds[place.index];
  if (place.base == Place::Base::kVariable) which = nodes_.attributes(place.index).variable;
  return {static_cast<int>(place.base), which};
}

const Group* MemoryReplay::GroupOf(NodeId id) const {
  if (stages_.group_of.empty() || stages_.group_of[id] == Stages::kNone) return nullptr;
  return &stages_.groups[stages_.group_of[id]];
}

const Stage* MemoryReplay::StageOf(NodeId id) const {
  if (stages_.stage_of.empty() || stages_.stage_of[id] == Stages::kNone) return nullptr;
  return &stages_.stages[stages_.stage_of[id]];
}

std::string MemoryReplay::Describe(NodeId id) const {
  return id == kNoNode ? "the caller" : absl::StrCat(id, " ", nodes_.Describe(id));
}

// ---- Who runs when ----

std::vector<NodeId> MemoryReplay::StepsOf(NodeId first, NodeId last) const {
  std::vector<NodeId> steps;
  for (NodeId id = first; id <= last; ++id) {
    if (!RunsKernel(nodes_, id)) continue;
    const Group* group = GroupOf(id);
    if (group == nullptr || group->last() == id) steps.push_back(id);
  }
  return steps;
}

void MemoryReplay::RunInOrder(NodeId first, NodeId last) {
  for (const NodeId id : StepsOf(first, last)) {
    const Group* group = GroupOf(id);
    if (group == nullptr) {
      RunPieces({{{id}}});
      continue;
    }
    const std::vector<int64_t> cuts = CutByChance(nodes_[id].type.shape.elements(), 6);
    std::vector<Piece> pieces(cuts.size() - 1);
    for (size_t i = 0; i < pieces.size(); ++i) AppendGroup(*group, cuts[i], cuts[i + 1], pieces[i]);
    RunPieces(pieces);
  }
}

void MemoryReplay::RunSideBySide(const Stage& stage) {
  std::vector<Piece> pieces;
  for (const NodeId id : StepsOf(stage.first, stage.last)) pieces.push_back({{id}});
  RunPieces(pieces);
}

void MemoryReplay::RunChain(const Stage& stage) {
  const std::vector<int64_t> cuts = CutByChance(stage.rows, 4);
  std::vector<Piece> pieces(cuts.size() - 1);
  for (size_t i = 0; i < pieces.size(); ++i) {
    for (const NodeId id : StepsOf(stage.first, stage.last)) {
      if (const Group* group = GroupOf(id)) {
        const int64_t columns = nodes_[id].type.shape.elements() / stage.rows;
        AppendGroup(*group, cuts[i] * columns, cuts[i + 1] * columns, pieces[i]);
      } else {
        pieces[i].push_back({id, Part::Kind::kRows, cuts[i], cuts[i + 1]});
      }
    }
  }
  RunPieces(pieces);
}

void MemoryReplay::AppendGroup(const Group& group, int64_t begin, int64_t end, Piece& piece) {
  const std::vector<int64_t> cuts = CutByChance(end - begin, 3);
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    for (const NodeId id : group.members) {
      piece.push_back({id, Part::Kind::kElements, begin + cuts[i], begin + cuts[i + 1]});
    }
  }
}

// 0 = a < b < ... = size, with at most `most` steps.
std::vector<int64_t> MemoryReplay::CutByChance(int64_t size, int64_t most) {
  std::set<int64_t> cuts = {0, size};
  for (int64_t i = 1; i < most && size > 1; ++i) {
    cuts.insert(1 + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(size - 1))));
  }
  return {cuts.begin(), cuts.end()};
}

void MemoryReplay::RunPieces(const std::vector<Piece>& pieces) {
  ++turn_;
  std::vector<size_t> next(pieces.size(), 0);
  std::vector<int32_t> running;
  for (size_t i = 0; i < pieces.size(); ++i) running.push_back(static_cast<int32_t>(i));
  while (!running.empty()) {
    size_t at = order_ == Order::kForward ? 0 : running.size() - 1;
    if (order_ == Order::kByChance) at = random_.Below(running.size());
    const int32_t piece = running[at];
    if (next[piece] < pieces[piece].size()) RunPart(pieces[piece][next[piece]++], piece);
    if (next[piece] == pieces[piece].size()) {
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  tiles_.clear();
}

// ---- What a kernel reads and writes ----

void MemoryReplay::RunPart(const Part& part, int32_t piece) {
  const NodeId id = part.id;
  CheckOverlap(id);
  if (nodes_[id].op->kind == OpKind::kConcat && part.kind == Part::Kind::kAll) {
    return RunConcat(id, piece);
  }
  const absl::Span<const NodeId> inputs = nodes_.inputs(id);
  const Stage* stage = StageOf(id);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const NodeId input = inputs[i];
    // What a write takes from a variable as it was before was saved when the run began.
    if (nodes_[id].op->kind == OpKind::kWrite && old_[input]) continue;
    if (part.kind == Part::Kind::kElements) {
      ReadElements(id, input, part.begin, part.end, piece);
    } else if (part.kind == Part::Kind::kRows && ReadsByRow(nodes_, id, i, stage->rows)) {
      const int64_t row = Words(input) / stage->rows;
      Read(id, input, part.begin * row, part.end * row, piece);
    } else {
      Read(id, input, 0, Words(input), piece);
    }
  }
  if (IsInternal(id)) {
    tiles_[{piece, id}] = {part.begin, part.end};
    return;
  }
  int64_t words = 1;  // of one element or row
  if (part.kind == Part::Kind::kElements) words = BytesPerElement(nodes_[id].type.dtype) / 4;
  if (part.kind == Part::Kind::kRows) words = Words(id) / stage->rows;
  if (part.kind == Part::Kind::kAll) return Write(id, 0, Words(id), piece);
  Write(id, part.begin * words, part.end * words, piece);
}

// Piece after piece, each of which may be there already.
void MemoryReplay::RunConcat(NodeId id, int32_t piece) {
  const bool outermost = IsOutermostConcat(nodes_, id);
  int64_t begin = 0;
  for (const NodeId input : nodes_.inputs(id)) {
    Read(id, input, 0, Words(input), piece);
    if (outermost) Write(id, begin, begin + Words(input), piece);
    begin += Words(input);
  }
  if (!outermost) Write(id, 0, Words(id), piece);
}

// Elements [begin, end) of what `input` is when it is broadcast to the shape of `id`.
void MemoryReplay::ReadElements(NodeId id, NodeId input, int64_t begin, int64_t end,
                                int32_t piece) {
  if (IsInternal(input)) {
    const auto found = tiles_.find({piece, input});
    const bool there = found != tiles_.end() && found->second == std::make_pair(begin, end);
    EXPECT_TRUE(there) << Describe(id) << " reads " << Describe(input) << ", which is not there";
    return;
  }
  const Shape& to = nodes_[id].type.shape;
  const Shape& from = nodes_[input].type.shape;
  const int64_t words = BytesPerElement(nodes_[input].type.dtype) / 4;
  const auto strides = RowMajorStrides(from);
  for (int64_t element = begin; element < end; ++element) {
    int64_t rest = element;
    int64_t position = 0;
    for (int axis = 0; axis < to.rank(); ++axis) {
      const int64_t index = rest % to.back(axis);
      rest /= to.back(axis);
      if (axis < from.rank() && from.back(axis) != 1) {
        position += index * strides[from.rank() - 1 - axis];
      }
    }
    Read(id, input, position * words, (position + 1) * words, piece);
  }
}

void MemoryReplay::Read(NodeId reader, NodeId id, int64_t begin, int64_t end, int32_t piece) {
  if (IsInternal(id)) {
    ADD_FAILURE() << Describe(reader) << " reads " << Describe(id) << ", which has no memory";
    return;
  }
  std::vector<Word>& memory = *memory_of_[id];
  const int64_t first = plan_.places[id].offset / 4;
  for (int64_t i = begin; i < end; ++i) {
    Word& word = memory[first + i];
    if (word.symbol != content_[id][i] && reported_.insert({reader, id}).second) {
      ADD_FAILURE() << Describe(reader) << " reads " << Describe(id) << ", which is overwritten by "
                    << Describe(word.symbol.first);
    }
    if (word.written_in == turn_ && word.writer != piece && reported_.insert({reader, id}).second) {
      ADD_FAILURE() << Describe(reader) << " reads " << Describe(id) << " where "
                    << Describe(word.symbol.first) << " is written at the same time";
    }
    word.many_readers = word.read_in == turn_ && (word.many_readers || word.reader != piece);
    word.read_in = turn_;
    word.reader = piece;
  }
}

void MemoryReplay::Write(NodeId id, int64_t begin, int64_t end, int32_t piece) {
  std::vector<Word>& memory = *memory_of_[id];
  const int64_t first = plan_.places[id].offset / 4;
  for (int64_t i = begin; i < end; ++i) {
    Word& word = memory[first + i];
    const bool read = word.read_in == turn_ && (word.many_readers || word.reader != piece);
    const bool written = word.written_in == turn_ && word.writer != piece;
    if ((read || written) && turn_ > 0 && reported_.insert({id, id}).second) {
      ADD_FAILURE() << Describe(id) << " is written where " << Describe(word.symbol.first)
                    << " is in use at the same time";
    }
    word.symbol = content_[id][i];
    word.written_in = turn_;
    word.writer = piece;
  }
}

// A kernel may write over an input only where it reads element by element, or copies in place; a
// product over its right-hand operand, whose columns it reads one by one.
void MemoryReplay::CheckOverlap(NodeId id) const {
  const OpKind kind = nodes_[id].op->kind;
  if (kind == OpKind::kWrite || IsOutermostConcat(nodes_, id) || IsInternal(id)) return;
  const absl::Span<const NodeId> inputs = nodes_.inputs(id);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (IsInternal(inputs[i]) || !Overlap(id, inputs[i])) continue;
    const bool added_to = nodes_[id].op->overwritable_input == static_cast<int>(i);
    const bool over_right = i == 1 && MayOverwriteRight(nodes_, id);
    EXPECT_TRUE(kind == OpKind::kElementwise || added_to || over_right) << Describe(id);
    EXPECT_EQ(plan_.places[id].offset, plan_.places[inputs[i]].offset) << Describe(id);
    if (over_right) continue;
    EXPECT_EQ(nodes_[id].type, nodes_[inputs[i]].type) << Describe(id);
  }
}

bool MemoryReplay::Overlap(NodeId a, NodeId b) const {
  if (Words(a) == 0 || Words(b) == 0 || BaseOf(a) != BaseOf(b)) return false;
  const int64_t a_begin = plan_.places[a].offset;
  const int64_t b_begin = plan_.places[b].offset;
  return a_begin < b_begin + nodes_[b].type.bytes() && b_begin < a_begin + nodes_[a].type.bytes();
}

// ---- Plans ----

void ExpectMemoryHolds(const Tape& tape, const std::vector<Value>& fetches, uint64_t seed) {
  using Order = MemoryReplay::Order;
  for (const PlanLevel level : {PlanLevel::kDebug, PlanLevel::kSimple, PlanLevel::kFull}) {
    SCOPED_TRACE(absl::StrCat("level ", static_cast<int>(level)));
    const PlanGraph graph = RunPasses(GraphOf(tape, fetches), level);
    const Stages stages = level == PlanLevel::kFull ? FindStages(graph) : Stages();
    const MemoryPlan plan = PlaceValues(graph, /*reuse=*/level != PlanLevel::kDebug, stages);
    for (const Order order : {Order::kForward, Order::kBackward, Order::kByChance}) {
      SCOPED_TRACE(absl::StrCat("order ", static_cast<int>(order)));
      MemoryReplay(graph, plan, stages, order, seed).Check();
      if (level != PlanLevel::kFull) break;  // nothing runs at the same time
    }
  }
}

}  // namespace sluice::testing
