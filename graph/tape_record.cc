#include <algorithm>

#include <sluice/graph/tape_record.h>

namespace sluice {

void Repeater::Start(std::vector<std::shared_ptr<const TapeRecord>> records,
                     const NodeList& so_far) {
  records_ = std::move(records);
  size_ = so_far.size();
  FollowAnother(so_far);
}

bool Repeater::FollowAnother(const NodeList& so_far) {
  while (next_ < records_.size()) {
    const std::shared_ptr<const TapeRecord>& candidate = records_[next_++];
    if (!BeginsLike(candidate->nodes, so_far, size_)) continue;
    repeated_ = candidate;
    return true;
  }
  return false;
}

const GradientCall* Repeater::TakesGradients(const GradientCall& call) {
  if (repeated_ == nullptr) return nullptr;
  const std::vector<GradientCall>& calls = repeated_->gradients;
  const auto found = std::find_if(calls.begin(), calls.end(),
                                  [&](const GradientCall& known) { return known.Asks(call); });
  if (found == calls.end()) return nullptr;
  for (NodeId id = found->begin; id < found->end; ++id) {
    if (repeated_->nodes[id].op->kind == OpKind::kFeed) return nullptr;
  }
  size_ = found->end;
  return &*found;
}

}  // namespace sluice
