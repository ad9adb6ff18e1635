// What every registered cell promises. Nothing here names a cell: one that is registered is tested.

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/layers/linear.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>
#include <sluice/optim/optimizer.h>

#include "layers/cells_under_test.h"
#include "support/read.h"

namespace sluice::testing {
namespace {

class AnyCell : public ::testing::TestWithParam<std::string> {
 protected:
  // T, B, I, H, odd, so that no kernel's tile fits.
  static constexpr int64_t kSteps = 6, kBatch = 5, kInputs = 7, kHidden = 20;

  RecurrentOptions Options(int layers = 1, Direction direction = Direction::kForward) const {
    return {.cell = GetParam(),
            .inputs = kInputs,
            .hidden = kHidden,
            .layers = layers,
            .direction = direction};
  }

  // A scan adds in an order that depends on where the sequence begins.
  bool Scans() const { return absl::StrContains(GetParam(), "scan=parallel"); }
  // The same bits, unless `rounded`.
  static void ExpectSame(const Tensor& a, const Tensor& b, bool rounded) {
    if (!rounded) {
      EXPECT_TRUE(SameBits(a, b));
      return;
    }
    ASSERT_EQ(a.shape(), b.shape());
    for (int64_t i = 0; i < a.elements(); ++i) ASSERT_NEAR(a.At(i), b.At(i), 1e-6) << i;
  }
};
INSTANTIATE_TEST_SUITE_P(Registered, AnyCell, ::testing::ValuesIn(AllCells()), CellTestName);

TEST_P(AnyCell, TakesTheOthersPlaceInOneModel) {
  constexpr int64_t kSymbols = 7;
  VariableStore variables({.seed = 3});
  const Scope model = variables.root();
  const Embedding embed(model / "embedding", kSymbols, kInputs);
  const Recurrent rnn(model / "rnn", Options(2, Direction::kBoth));
  const Linear read_out(model / "read_out", 2 * kHidden, kSymbols);
  const Adam adam({.learning_rate = 1e-2});
  std::vector<int32_t> ids(kSteps * kBatch), targets(kSteps * kBatch);
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = static_cast<int32_t>(i * i % kSymbols);
    targets[i] = static_cast<int32_t>((3 * i + 1) % kSymbols);
  }
  std::vector<double> losses;
  for (int step = 0; step < 4; ++step) {
    Tape tape;
    const Shape shape = {kSteps, kBatch};
    const Value hidden = rnn(embed(tape.Feed(Tensor(shape, ids))));
    const Value loss = CrossEntropy(read_out(hidden), tape.Feed(Tensor(shape, targets)));
    const Value norm = adam.Minimize(loss, variables, {.clip_norm = 1});
    const auto read = tape.Read({loss, norm});
    ASSERT_TRUE(read.ok()) << read.status();
    losses.push_back((*read)[0].At(0));
    EXPECT_GT((*read)[1].At(0), 0);
  }
  EXPECT_TRUE(std::all_of(losses.begin(), losses.end(), [](double x) { return std::isfinite(x); }));
  for (size_t i = 1; i < losses.size(); ++i) EXPECT_LT(losses[i], losses[i - 1]) << "update " << i;
}

TEST_P(AnyCell, StepGivesEveryValueOfItsStateAndOneIsItsOutput) {
  VariableStore variables;
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(GetParam());
  ASSERT_TRUE(spec.ok()) << spec.status();
  const std::unique_ptr<Cell> cell = MakeCell(*spec, variables.root() / "cell", kInputs, kHidden);
  const std::vector<std::string> names = cell->StateNames();
  EXPECT_THAT(names, ::testing::Contains("h"));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());

  Tape tape;
  State state;
  for (const std::string& name : names) {
    state.Set(name, tape.Feed(RandomTensor(DType::kF32, {kBatch, kHidden}, 1)));
  }
  const State next = cell->Step(tape.Feed(RandomTensor(DType::kF32, {kBatch, kInputs}, 2)), state);
  ASSERT_TRUE(tape.status().ok()) << tape.status();
  std::vector<std::string> next_names;
  for (const State::Entry& entry : next.entries()) {
    next_names.push_back(entry.name);
    EXPECT_EQ(entry.value.shape(), (Shape{kBatch, kHidden})) << entry.name;
  }
  EXPECT_THAT(next_names, ::testing::UnorderedElementsAreArray(names));
}

TEST_P(AnyCell, HasATitleEquationsAndASource) {
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(GetParam());
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_FALSE(spec->record->title.empty());
  EXPECT_THAT(spec->record->equations, ::testing::HasSubstr("h' = "));
  EXPECT_FALSE(spec->record->source.empty());
}

TEST(EveryEquation, LearnsAsManyNumbersAsItsFormulaSays) {
  for (const std::string& cell : AllEquations()) {
    const absl::StatusOr<CellSpec> spec = ParseCellSpec(cell);
    ASSERT_TRUE(spec.ok()) << spec.status();
    for (const auto& [inputs, hidden] : {std::pair(7, 20), std::pair(16, 16)}) {
      VariableStore variables;
      MakeCell(*spec, variables.root() / "cell", inputs, hidden);
      ASSERT_TRUE(variables.status().ok()) << variables.status();
      const std::optional<ParameterCount> count = CountParameters(*spec, inputs, hidden);
      ASSERT_TRUE(count.has_value()) << cell << " has no formula";
      EXPECT_EQ(count->Of(inputs, hidden), variables.parameters())
          << cell << ", " << inputs << " inputs, " << hidden << " units: " << count->Formula();
    }
  }
}

TEST_P(AnyCell, NoInitialStateIsZeros) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", Options(2, Direction::kBoth));
  SequenceInputs inputs = RandomSequence(DType::kF32, kSteps, kBatch, kInputs, kHidden, 2);
  const SequenceRun none = RunSequence(rnn, variables, inputs);
  inputs.explicit_zeros = true;
  ExpectSameBits(none, RunSequence(rnn, variables, inputs));
}

TEST_P(AnyCell, ValuesThatAnInitialStateLacksAreZeros) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", Options());
  Tape tape;
  const Value x = tape.Feed(RandomTensor(DType::kF32, {kSteps, kBatch, kInputs}, 1));
  const Value none = rnn(x);
  const Value empty = rnn.Run(x, {.initial = {State()}}).outputs;
  const auto read = tape.Read({none, empty});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(SameBits((*read)[0], (*read)[1]));
}

TEST_P(AnyCell, MaskedStepsKeepTheState) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", Options());
  // Steps 1, 2 and 5 of column 0 do not count, nor step 0 of column 1; column 2 has no step at all.
  Tensor mask(DType::kF32, {kSteps, kBatch});
  for (float& element : mask.values<float>()) element = 1;
  for (const int t : {1, 2, 5}) mask.data<float>()[t * kBatch] = 0;
  mask.data<float>()[1] = 0;
  for (int t = 0; t < kSteps; ++t) mask.data<float>()[t * kBatch + 2] = 0;

  const Tensor x = RandomTensor(DType::kF32, {kSteps, kBatch, kInputs}, 1);
  // Column 0 without the steps that do not count.
  Tensor shorter(DType::kF32, {3, 1, kInputs});
  int64_t next = 0;
  for (const int64_t t : {0, 3, 4}) {
    std::copy_n(x.data<float>() + t * kBatch * kInputs, kInputs,
                shorter.data<float>() + kInputs * next++);
  }

  Tape tape;
  const Tensor h0 = RandomTensor(DType::kF32, {kBatch, kHidden}, 2);
  const auto states = [&](const Tensor& h) {
    State state;
    const RecurrentOutputs probe = rnn.Run(tape.Feed(shorter), {});
    for (const auto& entry : probe.final[0].entries()) state.Set(entry.name, tape.Feed(h));
    return state;
  };
  const RecurrentOutputs masked =
      rnn.Run(tape.Feed(x), {.mask = tape.Feed(mask), .initial = {states(h0)}});
  const RecurrentOutputs alone = rnn.Run(tape.Feed(shorter), {.initial = {states(RowOf(h0, 0))}});
  std::vector<Value> values = {masked.outputs, alone.outputs};
  for (const State::Entry& entry : masked.final[0].entries()) {
    values.push_back(entry.value);
    values.push_back(alone.final[0][entry.name]);
  }
  const auto read = tape.Read(values);
  ASSERT_TRUE(read.ok()) << read.status();

  const Tensor outputs = ColumnOf((*read)[0], 0, kSteps);
  const auto step_of = [&](const Tensor& column, int64_t t) {
    return column.values<float>().subspan(t * kHidden, kHidden);
  };
  // Where each of the six outputs of column 0 comes from.
  const int64_t kept[] = {0, 0, 0, 1, 2, 2};
  for (int64_t t = 0; t < kSteps; ++t) {
    EXPECT_EQ(step_of(outputs, t), step_of((*read)[1], kept[t])) << "step " << t;
  }
  const Tensor first = ColumnOf((*read)[0], 1, 1);
  EXPECT_EQ(step_of(first, 0), RowOf(h0, 1).values<float>()) << "nothing counted yet";
  for (size_t i = 2; i < values.size(); i += 2) {
    EXPECT_TRUE(SameBits(RowOf((*read)[i], 0), (*read)[i + 1])) << "final value " << i / 2 - 1;
    EXPECT_TRUE(SameBits(RowOf((*read)[i], 2), RowOf(h0, 2))) << "final value " << i / 2 - 1;
  }
}

TEST_P(AnyCell, ARowSeesNeitherItsBatchMatesNorPadding) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", Options(2, Direction::kBoth));
  const int64_t lengths[] = {6, 4, 1, 3, 6};
  SequenceInputs batch = RandomSequence(DType::kF32, kSteps, kBatch, kInputs, kHidden, 2);
  batch.mask = MaskOf(DType::kF32, kSteps, lengths);
  const SequenceRun together = RunSequence(rnn, variables, batch);

  // The same rows behind one another mate and within more padding, which is not zero.
  constexpr int64_t kLonger = kSteps + 3;
  SequenceInputs padded = RandomSequence(DType::kF32, kLonger, kBatch + 1, kInputs, kHidden, 2);
  int64_t longer_lengths[kBatch + 1] = {kLonger};
  std::copy(std::begin(lengths), std::end(lengths), longer_lengths + 1);
  padded.mask = MaskOf(DType::kF32, kLonger, longer_lengths);
  const auto move_behind = [&](const Tensor& from, Tensor& to) {
    const int64_t width = from.shape()[2];
    for (int64_t t = 0; t < kSteps; ++t) {
      std::copy_n(from.data<float>() + t * kBatch * width, kBatch * width,
                  to.data<float>() + (t * (kBatch + 1) + 1) * width);
    }
  };
  move_behind(batch.x, padded.x);
  move_behind(batch.output_weights, padded.output_weights);
  // Outputs behind the end of a row are copies of its last state: their weights must agree.
  for (int64_t t = kSteps; t < kLonger; ++t) {
    const int64_t size = (kBatch + 1) * 2 * kHidden;
    std::fill_n(padded.output_weights.data<float>() + t * size, size, 0.0F);
  }
  std::copy_n(batch.final_weights.data<float>(), kBatch * kHidden,
              padded.final_weights.data<float>() + kHidden);
  const SequenceRun longer = RunSequence(rnn, variables, padded);

  for (int64_t b = 0; b < kBatch; ++b) {
    SCOPED_TRACE(absl::StrCat("row ", b));
    SequenceInputs row = {.x = ColumnOf(batch.x, b, kSteps),
                          .mask = ColumnOf(batch.mask, b, kSteps),
                          .output_weights = ColumnOf(batch.output_weights, b, kSteps),
                          .final_weights = RowOf(batch.final_weights, b)};
    const SequenceRun alone = RunSequence(rnn, variables, row);
    const auto expect_same = [&](const SequenceRun& among, int64_t column) {
      const bool rounded = Scans() && &among == &longer;
      ExpectSame(ColumnOf(among.outputs, column, kSteps), alone.outputs, rounded);
      ExpectSame(ColumnOf(among.x_gradient, column, kSteps), alone.x_gradient, rounded);
      for (size_t i = 0; i < alone.finals.size(); ++i) {
        SCOPED_TRACE(absl::StrCat("state ", i));
        ExpectSame(RowOf(among.finals[i], column), alone.finals[i], rounded);
      }
    };
    expect_same(together, b);
    expect_same(longer, b + 1);

    // At its true length it needs no mask at all.
    row.x = ColumnOf(batch.x, b, lengths[b]);
    row.mask = Tensor();
    row.output_weights = ColumnOf(batch.output_weights, b, lengths[b]);
    const SequenceRun unmasked = RunSequence(rnn, variables, row);
    ExpectSame(ColumnOf(together.outputs, b, lengths[b]), unmasked.outputs, Scans());
    for (size_t i = 0; i < unmasked.finals.size(); ++i) {
      SCOPED_TRACE(absl::StrCat("state ", i));
      ExpectSame(RowOf(together.finals[i], b), unmasked.finals[i], Scans());
    }
  }
}

TEST_P(AnyCell, TwoChunksWithACarriedStateAreOneRun) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", Options(2));
  const Tensor x = RandomTensor(DType::kF32, {kSteps, kBatch, kInputs}, 1);
  constexpr int64_t kHalf = kSteps / 2;
  const auto run = [&](int64_t begin, int64_t end, const std::string& carry) {
    Tape tape;
    const Value part = Slice(tape.Feed(x), 0, begin, end);
    return MustRead(rnn.Run(part, {.carry = carry}).outputs);
  };
  const Tensor whole = run(0, kSteps, "");
  const Tensor first = run(0, kHalf, "train");
  const Tensor second = run(kHalf, kSteps, "train");
  const int64_t half = first.elements();
  // A carried sum of products is rounded once more than one that runs on.
  const bool rounded = GetParam() == "qrnn:window=2" || Scans();
  const auto expect_same = [&](absl::Span<const float> a, absl::Span<const float> b) {
    const float tolerance = rounded ? 1e-6F : 0;
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], tolerance);
  };
  expect_same(whole.values<float>().first(half), first.values<float>());
  expect_same(whole.values<float>().last(half), second.values<float>());

  // Another name has a state of its own, and resetting one leaves the others.
  EXPECT_TRUE(SameBits(run(0, kHalf, "evaluation"), first));
  rnn.ResetState("train");
  EXPECT_TRUE(SameBits(run(kHalf, kSteps, "evaluation"), second));
  EXPECT_TRUE(SameBits(run(0, kHalf, "train"), first));
}

TEST_P(AnyCell, NamesItsGatesOnTheTape) {
  VariableStore variables;
  const Recurrent rnn(variables.root() / "rnn", Options(2, Direction::kBoth));
  Tape tape;
  rnn(tape.Feed(RandomTensor(DType::kF32, {kSteps, kBatch, kInputs}, 1)));
  ASSERT_TRUE(tape.status().ok()) << tape.status();
  std::map<std::string, int64_t> counts;
  std::vector<Value> values;
  for (const Tag& tag : tape.tags()) {
    ++counts[tag.name];
    values.emplace_back(&tape, tag.node);
  }
  std::map<std::string, int64_t> expected;
  for (const GateRecord& gate : GatesOf(rnn.cell())) {
    expected[gate.name] = kSteps * rnn.states();
  }
  EXPECT_EQ(counts, expected);
  if (values.empty()) return;
  const auto read = tape.Read(values);
  ASSERT_TRUE(read.ok()) << read.status();
  for (const Tensor& gate : *read) {
    EXPECT_EQ(gate.shape(), (Shape{kBatch, kHidden}));
    EXPECT_THAT(gate.values<float>(),
                ::testing::Each(::testing::AllOf(::testing::Ge(0), ::testing::Le(1))));
  }
}

}  // namespace
}  // namespace sluice::testing
