#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <sluice/graph/passes/arena.h>
#include <sluice/graph/passes/lay_out.h>

namespace sluice {
namespace {

// For each node, or the end of all, a list of owners of memory; each owner is in one of them.
class OwnerLists {
 public:
  explicit OwnerLists(NodeId nodes) : first_(nodes + 1, kNoNode), next_(nodes, kNoNode) {}

  void PushFront(NodeId at, NodeId owner) {
    next_[owner] = first_[at];
    first_[at] = owner;
  }
  NodeId First(NodeId at) const { return first_[at]; }
  NodeId Next(NodeId owner) const { return next_[owner]; }

 private:
  std::vector<NodeId> first_;
  std::vector<NodeId> next_;
};

class Layout {
 public:
  Layout(const std::vector<Tenant>& tenants, NodeId nodes, const Stages& stages)
      : tenants_(tenants), nodes_(nodes), stages_(stages) {}

  // Lays tenants in the order of the nodes, behind `begin`, but those that have a place already:
  // `laid` by owner. Returns where the arena ends.
  int64_t LayInOrder(int64_t begin, const absl::flat_hash_set<NodeId>& laid,
                     std::vector<Place>& places) const {
    OwnerLists starts(nodes_);
    OwnerLists ends(nodes_);
    std::vector<const Tenant*> tenant_of(nodes_);
    for (auto tenant = tenants_.rbegin(); tenant != tenants_.rend(); ++tenant) {
      if (laid.contains(tenant->owner)) continue;
      tenant_of[tenant->owner] = &*tenant;
      starts.PushFront(tenant->first, tenant->owner);
      ends.PushFront(tenant->last, tenant->owner);
    }
    Arena arena(begin);
    // Within a chain: free places by size, and all that it took.
    absl::flat_hash_map<int64_t, std::vector<int64_t>> free_places;
    std::vector<std::pair<int64_t, int64_t>> taken;  // offset, bytes
    for (NodeId id = 0; id < nodes_; ++id) {
      for (NodeId owner = starts.First(id); owner != kNoNode; owner = starts.Next(owner)) {
        const Tenant& tenant = *tenant_of[owner];
        if (!tenant.in_chain) {
          places[owner].offset = arena.Allocate(RoomFor(tenant.bytes));
          continue;
        }
        std::vector<int64_t>& of_size = free_places[tenant_of[owner]->bytes];
        if (of_size.empty()) {
          of_size.push_back(arena.Allocate(RoomFor(tenant.bytes)));
          taken.emplace_back(of_size.back(), RoomFor(tenant.bytes));
        }
        places[owner].offset = of_size.back();
        of_size.pop_back();
      }
      for (NodeId owner = ends.First(id); owner != kNoNode; owner = ends.Next(owner)) {
        if (tenant_of[owner]->in_chain) {
          free_places[tenant_of[owner]->bytes].push_back(places[owner].offset);
        } else {
          arena.Free(places[owner].offset, RoomFor(tenant_of[owner]->bytes));
        }
      }
      if (EndsStage(id)) {
        for (const auto& [offset, bytes] : taken) arena.Free(offset, bytes);
        taken.clear();
        free_places.clear();
      }
    }
    return arena.end();
  }

  // Lays the largest first, each at the lowest place that nobody has at its time, and the others
  // behind them: small ones do not cut up the room of large ones. Returns where the arena ends.
  int64_t LayLargestFirst(std::vector<Place>& places) const {
    constexpr int64_t kLarge = 32 << 10;
    constexpr size_t kMost = 1024;  // each is compared with each
    std::vector<Tenant> large;
    for (const Tenant& tenant : tenants_) {
      if (tenant.bytes >= kLarge && !tenant.in_chain) large.push_back(tenant);
    }
    std::stable_sort(large.begin(), large.end(),
                     [](const Tenant& a, const Tenant& b) { return a.bytes > b.bytes; });
    if (large.size() > kMost) large.resize(kMost);
    struct Range {
      int64_t begin, end;
      NodeId first, last;
    };
    std::vector<Range> ranges;  // by their begin
    absl::flat_hash_set<NodeId> laid;
    int64_t end = 0;
    for (const Tenant& tenant : large) {
      int64_t offset = 0;
      for (const Range& range : ranges) {
        if (range.last < tenant.first || tenant.last < range.first) continue;
        if (offset + RoomFor(tenant.bytes) <= range.begin) break;
        offset = std::max(offset, range.end);
      }
      places[tenant.owner].offset = offset;
      laid.insert(tenant.owner);
      const Range range{offset, offset + RoomFor(tenant.bytes), tenant.first, tenant.last};
      const auto behind =
          std::upper_bound(ranges.begin(), ranges.end(), range,
                           [](const Range& a, const Range& b) { return a.begin < b.begin; });
      ranges.insert(behind, range);
      end = std::max(end, range.end);
    }
    return LayInOrder(end, laid, places);
  }

 private:
  bool EndsStage(NodeId id) const {
    if (stages_.stage_of.empty() || stages_.stage_of[id] == Stages::kNone) return false;
    return stages_.stages[stages_.stage_of[id]].last == id;
  }

  const std::vector<Tenant>& tenants_;
  const NodeId nodes_;
  const Stages& stages_;
};

}  // namespace

int64_t RoomFor(int64_t bytes) {
  constexpr int64_t kLarge = 4096;
  constexpr int64_t kApart = 33 * kBufferAlignment;
  const int64_t aligned = (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  return aligned < kLarge ? aligned : aligned + kApart;
}

int64_t LayOut(const std::vector<Tenant>& tenants, NodeId nodes, const Stages& stages, bool reuse,
               std::vector<Place>& places) {
  const Layout layout(tenants, nodes, stages);
  const int64_t in_order = layout.LayInOrder(0, {}, places);
  if (!reuse) return in_order;
  std::vector<Place> others(places.size());
  const int64_t largest_first = layout.LayLargestFirst(others);
  if (largest_first >= in_order) return in_order;
  places = std::move(others);
  return largest_first;
}

}  // namespace sluice
