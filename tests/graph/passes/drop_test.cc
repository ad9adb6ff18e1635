#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;

TEST(DropUnused, LeavesOutWhatNothingNeeds) {
  Tape tape;
  const Value x = tape.Feed(Floats({}, {1}));
  const Value unused_feed = tape.Feed(Floats({}, {2}));
  Exp(unused_feed);
  const Value y = Negate(x);
  Exp(y);
  const PlanGraph before = GraphOf(tape, {y});
  EXPECT_THAT(Listing(before.nodes),
              ElementsAre("0 feed", "1 feed", "2 exp 1", "3 negate 0", "4 exp 3"));
  const PlanGraph after = DropUnused(before);
  EXPECT_THAT(Listing(after.nodes), ElementsAre("0 feed", "1 negate 0"));
  EXPECT_THAT(after.fetches, ElementsAre(1));
  EXPECT_THAT(after.feeds, ElementsAre(0, kNoNode));
}

TEST(DropUnused, KeepsWrites) {
  VariableStore store;
  Variable& variable = store.root().Fixed("a", {});
  Tape tape;
  tape.Write(variable, tape.Use(variable) + 1);
  EXPECT_THAT(Listing(DropUnused(GraphOf(tape, {})).nodes),
              ElementsAre("0 variable", "1 constant", "2 add 0 1", "3 write 2"));
}

}  // namespace
}  // namespace sluice
