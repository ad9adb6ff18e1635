#include <gtest/gtest.h>

#include <sluice/graph/program_cache.h>
#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

// A program keeps the tensors that its tape was given. So a program that a cache had already tells
// itself from a new one: run without feeds it computes with the first tape's tensor.
struct Recorded {
  explicit Recorded(float number, int length = 1) {
    x = tape.Feed(Tensor::Scalar(number));
    y = x;
    for (int i = 0; i < length; ++i) y = y + x;
  }
  Tape tape;
  Value x;
  Value y;
};

double FirstFetchWithoutFeeds(Program& program) { return (*program.Run())[0].At(0); }

TEST(ProgramCache, GivesTheProgramOfATapeWithTheSameStructure) {
  ProgramCache cache;
  const Recorded first(1);
  const Recorded second(2);
  EXPECT_EQ(StructureHash(first.tape.nodes()), StructureHash(second.tape.nodes()));
  auto program = cache.Take(first.tape, {first.y}, {});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(FirstFetchWithoutFeeds(**program), 2);
  const Program* identity = program->get();
  cache.GiveBack(*std::move(program));

  program = cache.Take(second.tape, {second.y}, {});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(program->get(), identity);
  EXPECT_EQ(FirstFetchWithoutFeeds(**program), 2) << "planned from the first tape";
  EXPECT_EQ((**program).Run({{second.x, Tensor::Scalar(2.0F)}})->front().At(0), 4);
}

TEST(ProgramCache, IsWhatReadGoesThrough) {
  VariableStore store;
  Variable& weight = store.Create(
      "a", {DType::kF32, {}}, [](const TensorType&, RandomKey) { return Tensor::Scalar(10.0F); });
  const auto record = [&](Tape& tape, float number) {
    return tape.Feed(Tensor::Scalar(number)) * tape.Use(weight);
  };
  Tape first;
  EXPECT_EQ(*first.Read(record(first, 1)), 10);
  Tape second;
  EXPECT_EQ(*second.Read(record(second, 2)), 20);
  Tape third;
  const Value fetch = record(third, 3);
  auto program = store.programs().Take(third, {fetch}, {});
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(FirstFetchWithoutFeeds(**program), 10) << "planned for the first tape, never again";
}

TEST(ProgramCache, NeverGivesAProgramTwice) {
  ProgramCache cache;
  const Recorded first(1);
  const Recorded second(2);
  auto program = cache.Take(first.tape, {first.y}, {.level = PlanLevel::kSimple});
  auto other = cache.Take(second.tape, {second.y}, {});
  ASSERT_TRUE(program.ok() && other.ok());
  EXPECT_NE(program->get(), other->get());
  EXPECT_EQ(FirstFetchWithoutFeeds(**other), 4);
}

TEST(ProgramCache, PlansAnewForOtherFetchesLevelsOrStructures) {
  ProgramCache cache;
  const Recorded first(1);
  auto program = cache.Take(first.tape, {first.y}, {.level = PlanLevel::kSimple});
  ASSERT_TRUE(program.ok()) << program.status();
  cache.GiveBack(*std::move(program));
  const auto planned_from_first = [&](const Recorded& recorded, std::vector<Value> fetches,
                                      PlanLevel level) {
    auto taken = cache.Take(recorded.tape, fetches, {.level = level});
    EXPECT_TRUE(taken.ok()) << taken.status();
    const bool from_first = (*taken)->Run()->back().At(0) == 2;
    if (from_first) cache.GiveBack(*std::move(taken));
    return from_first;
  };
  const Recorded same(5);
  const Recorded longer(5, 2);
  EXPECT_FALSE(planned_from_first(same, {same.x}, PlanLevel::kSimple));
  EXPECT_FALSE(planned_from_first(same, {same.x, same.y}, PlanLevel::kSimple));
  EXPECT_FALSE(planned_from_first(same, {same.y}, PlanLevel::kDebug));
  EXPECT_FALSE(planned_from_first(longer, {longer.y}, PlanLevel::kSimple));
  EXPECT_TRUE(planned_from_first(same, {same.y}, PlanLevel::kSimple));
}

TEST(ProgramCache, TellsConstantsScopesAndShapesApart) {
  const auto hash_or_nodes_differ = [](const Tape& a, const Tape& b) {
    return StructureHash(a.nodes()) != StructureHash(b.nodes()) || !(a.nodes() == b.nodes());
  };
  Tape zero;
  zero.Constant(0.0, DType::kF32);
  Tape minus_zero;
  minus_zero.Constant(-0.0, DType::kF32);
  EXPECT_TRUE(hash_or_nodes_differ(zero, minus_zero));
  Tape scoped;
  const Tape::ScopeMark mark(scoped, "rnn");
  scoped.Constant(0.0, DType::kF32);
  EXPECT_TRUE(hash_or_nodes_differ(zero, scoped));
  Tape shaped;
  shaped.Constant(0.0, DType::kF32, {1});
  EXPECT_TRUE(hash_or_nodes_differ(zero, shaped));
}

TEST(ProgramCache, ForgetsTheProgramsThatWereNotUsedForLongest) {
  ProgramCache cache;
  constexpr int kPrograms = static_cast<int>(ProgramCache::kCapacity) + 1;
  for (int length = 1; length <= kPrograms; ++length) {
    const Recorded recorded(1, length);
    auto program = cache.Take(recorded.tape, {recorded.y}, {});
    ASSERT_TRUE(program.ok()) << program.status();
    cache.GiveBack(*std::move(program));
  }
  const auto is_kept = [&](int length) {
    const Recorded recorded(2, length);
    auto program = cache.Take(recorded.tape, {recorded.y}, {});
    EXPECT_TRUE(program.ok()) << program.status();
    return FirstFetchWithoutFeeds(**program) == length + 1;
  };
  EXPECT_FALSE(is_kept(1));
  for (int length = 2; length <= kPrograms; ++length) EXPECT_TRUE(is_kept(length)) << length;
}

TEST(ProgramCache, ReturnsTheErrorOfPlanning) {
  ProgramCache cache;
  Tape tape;
  tape.Fail("something is wrong");
  EXPECT_EQ(cache.Take(tape, {}, {}).status().message(), "something is wrong");
}

}  // namespace
}  // namespace sluice
