// Planning is linear in the number of nodes: tapes of a hundred thousand nodes of the sorts that
// grow are planned in a moment. A quadratic pass would not end within the time that ctest gives.

#include "graph/large_tapes.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

class LargeTapesTest : public ::testing::TestWithParam<LargeTape> {};

TEST_P(LargeTapesTest, ArePlannedAndRun) {
  constexpr int kMany = 100'000;
  Tape tape;
  VariableStore store;
  const LargeTape::Recorded recorded = GetParam().record(tape, store, kMany);
  EXPECT_GE(tape.size(), kMany);
  EXPECT_LE(tape.size(), 2 * kMany);
  const absl::StatusOr<std::vector<Tensor>> read = tape.Read(recorded.fetches);
  ASSERT_TRUE(read.ok()) << read.status();
  if (recorded.fetches.empty()) return;
  const Tensor& first = read->front();
  EXPECT_NEAR(first.At(first.elements() - 1), recorded.last, recorded.tolerance);
}

INSTANTIATE_TEST_SUITE_P(All, LargeTapesTest, ::testing::ValuesIn(LargeTapes()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace sluice
