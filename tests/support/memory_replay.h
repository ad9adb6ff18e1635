#ifndef SLUICE_TESTS_SUPPORT_MEMORY_REPLAY_H_
#define SLUICE_TESTS_SUPPORT_MEMORY_REPLAY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sluice/graph/passes/passes.h>
#include <sluice/graph/program.h>
#include <sluice/graph/random.h>
#include <sluice/graph/tape.h>

namespace sluice::testing {

// Runs a memory plan without numbers: every word of every value is a symbol, which a kernel puts
// where the plan says and which must still be there when somebody reads it. A view has the symbols
// of its input, an outermost concatenation those of its pieces, so whoever shares memory must share
// symbols.
//
// Stages and groups run as their executor may run them: kernels side by side in any order, a chain
// block of rows by block of rows, a group piece by piece. Pieces of work that may run at the same
// time must not touch a word that one of them writes, whatever the order.
class MemoryReplay {
 public:
  // In which order pieces that may run at the same time get their turns.
  enum class Order : uint8_t {
    kForward,   // the first to its end, then the next
    kBackward,  // the last to its end, then the one before
    kByChance,  // a kernel of one, then a kernel of another
  };

  MemoryReplay(const PlanGraph& graph, const MemoryPlan& plan, const Stages& stages = {},
               Order order = Order::kForward, uint64_t seed = 0);

  void Check();

 private:
  using Symbol = std::pair<NodeId, int64_t>;

  // A word of memory: what it holds, and which piece of work wrote and read it last, in which turn.
  struct Word {
    Symbol symbol = {kNoNode, 0};
    int64_t written_in = 0;
    int64_t read_in = 0;
    int32_t writer = 0;
    int32_t reader = 0;
    bool many_readers = false;
  };
  // A part of a node's work: rows [begin, end) in a chain, elements [begin, end) in a group, or
  // all.
  struct Part {
    enum class Kind : uint8_t { kAll, kRows, kElements };
    NodeId id;
    Kind kind = Kind::kAll;
    int64_t begin = 0;
    int64_t end = 0;
  };
  using Piece = std::vector<Part>;  // one after the other

  void MakeContents();
  void PutSources();
  void CheckPlaces();
  void CheckFetches();

  void RunInOrder(NodeId first, NodeId last);
  void RunSideBySide(const Stage& stage);
  void RunChain(const Stage& stage);
  // The nodes or groups that run kernels in [first, last], as the executor's steps: the last member
  // of a group stands for it.
  std::vector<NodeId> StepsOf(NodeId first, NodeId last) const;
  void AppendGroup(const Group& group, int64_t begin, int64_t end, Piece& piece);
  std::vector<int64_t> CutByChance(int64_t size, int64_t most);
  // Pieces that may run at the same time.
  void RunPieces(const std::vector<Piece>& pieces);

  void RunPart(const Part& part, int32_t piece);
  void RunConcat(NodeId id, int32_t piece);
  void ReadElements(NodeId id, NodeId input, int64_t begin, int64_t end, int32_t piece);
  void Read(NodeId reader, NodeId id, int64_t begin, int64_t end, int32_t piece);  // words
  void Write(NodeId id, int64_t begin, int64_t end, int32_t piece);                // words
  void CheckOverlap(NodeId id) const;

  bool Overlap(NodeId a, NodeId b) const;
  bool IsInternal(NodeId id) const { return !stages_.internal.empty() && stages_.internal[id]; }
  const Group* GroupOf(NodeId id) const;
  const Stage* StageOf(NodeId id) const;
  int64_t Words(NodeId id) const { return nodes_[id].type.bytes() / 4; }
  std::string Describe(NodeId id) const;
  std::pair<int, const void*> BaseOf(NodeId id) const;

  const PlanGraph& graph_;
  const NodeList& nodes_;
  const MemoryPlan& plan_;
  const Stages stages_;
  const Order order_;
  RandomStream random_;
  std::vector<std::vector<Symbol>> content_;
  std::map<std::pair<int, const void*>, std::vector<Word>> memory_;
  std::vector<std::vector<Word>*> memory_of_;  // each node's
  std::vector<bool> old_;  // variables as they were before the run, and views of them
  // For each piece, the elements that it has computed last of what has no memory.
  std::map<std::pair<int32_t, NodeId>, std::pair<int64_t, int64_t>> tiles_;
  int64_t turn_ = 0;
  std::set<std::pair<NodeId, NodeId>> reported_;  // (reader, value)
};

// Replays the plan of each level, in each order, and fails the test where memory does not hold.
void ExpectMemoryHolds(const Tape& tape, const std::vector<Value>& fetches, uint64_t seed = 0);

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_SUPPORT_MEMORY_REPLAY_H_
