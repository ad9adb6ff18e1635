#include <algorithm>
#include <tuple>

#include <absl/container/flat_hash_map.h>

#include <sluice/graph/soon.h>

namespace sluice {
namespace {

// What was touched before so many bytes of other values is taken for gone from the caches.
constexpr int64_t kNearBytes = 512 << 10;

class SoonFinder {
 public:
  explicit SoonFinder(ProgramState& state) : state_(state), nodes_(state.graph.nodes) {}

  void Run() {
    for (const ProgramState::StepRange& range : state_.stages) {
      products_.clear();
      after_product_ = false;
      for (int32_t i = range.first_step; i < range.last_step; ++i) {
        if (range.kind == ProgramState::StepRange::Kind::kChain) Visit(i, range.rows);
        Touch(state_.steps[i]);
      }
    }
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Found& a, const Found& b) { return a.product < b.product; });
    for (const Found& found : found_) {
      ProgramState::Step& product = state_.steps[found.product];
      if (product.soon_count++ == 0) product.first_soon = static_cast<int32_t>(state_.soon.size());
      state_.soon.push_back(found.operand);
    }
  }

 private:
  struct Found {
    int32_t product;  // step
    ProgramState::Operand operand;
  };
  using Where = std::tuple<int, int32_t, int64_t>;

  absl::Span<const ProgramState::Operand> OperandsOf(const ProgramState::Step& step) const {
    return absl::MakeConstSpan(state_.operands).subspan(step.first_operand, step.operand_count);
  }

  // By place, not by node: values that take each other's place are as near as each other.
  Where WhereIs(NodeId id) const {
    const Place& place = state_.memory.places[id];
    return {static_cast<int>(place.base), place.index, place.offset};
  }

  void Visit(int32_t index, int64_t rows) {
    const ProgramState::Step& step = state_.steps[index];
    const OpKind kind = nodes_[step.node].op->kind;
    if (kind == OpKind::kProduct) {
      if (!after_product_) products_.clear();
      after_product_ = true;
      products_.push_back(index);
      return;
    }
    if (kind != OpKind::kElementwise || products_.empty()) return;
    after_product_ = false;
    const Shape& shape = nodes_[step.node].type.shape;
    size_t next = 0;
    for (const ProgramState::Operand& operand : OperandsOf(step)) {
      const TensorType& type = nodes_[operand.node].type;
      if (type.shape != shape || type.bytes() == 0) continue;
      const auto [touched, is_new] = touched_.try_emplace(WhereIs(operand.node), now_);
      if (!is_new && now_ - touched->second <= kNearBytes) continue;
      touched->second = now_;
      // Products share what there is to ask for.
      found_.push_back({products_[next++ % products_.size()], {operand.node, type.bytes() / rows}});
    }
  }

  void Touch(const ProgramState::Step& step) {
    for (const ProgramState::Operand& operand : OperandsOf(step)) {
      now_ += nodes_[operand.node].type.bytes();
    }
    for (const ProgramState::Operand& operand : OperandsOf(step)) {
      touched_[WhereIs(operand.node)] = now_;
    }
  }

  ProgramState& state_;
  const NodeList& nodes_;
  std::vector<int32_t> products_;  // those in a row that came last
  bool after_product_ = false;
  int64_t now_ = 0;  // bytes touched so far
  absl::flat_hash_map<Where, int64_t> touched_;
  std::vector<Found> found_;
};

}  // namespace

void FindWhatComesSoon(ProgramState& state) { SoonFinder(state).Run(); }

}  // namespace sluice
