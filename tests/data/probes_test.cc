#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/probe_cases.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Probe Make(const std::string& text, int64_t lag) {
  const absl::StatusOr<ProbeSpec> spec = ParseProbeSpec(text);
  EXPECT_TRUE(spec.ok()) << spec.status();
  absl::StatusOr<Probe> probe = MakeProbe(*spec, lag);
  EXPECT_TRUE(probe.ok()) << probe.status();
  return *std::move(probe);
}

double AnswerOf(const Probe& probe, const ProbeSequence::Answer& answer) {
  return probe.classes > 0 ? answer.id : answer.number;
}

TEST(ProbesTest, EveryProbeHasACase) {
  std::set<std::string> names;
  for (const ProbeCase& each : ProbeCases()) names.insert(each.spec.substr(0, each.spec.find(':')));
  for (const std::string& name : ProbeRegistry::Global().Names()) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(ProbesTest, EveryAnswerIsTheSolversAndSequencesAreAsLongAsAsked) {
  for (const ProbeCase& each : ProbeCases()) {
    SCOPED_TRACE(each.spec);
    const Probe probe = Make(each.spec, each.lag);
    int64_t shortest = 1 << 20;
    int64_t longest = 0;
    int64_t first_answer = 1 << 20;
    for (int64_t i = 0; i < 2000 && !testing::Test::HasFailure(); ++i) {
      const ProbeSequence sequence = DrawSequence(probe, 3, "train", i);
      const auto steps = static_cast<int64_t>(
          probe.symbols > 0 ? sequence.symbols.size() : sequence.numbers.size() / probe.numbers);
      shortest = std::min(shortest, steps);
      longest = std::max(longest, steps);
      for (const int32_t symbol : sequence.symbols) {
        ASSERT_GE(symbol, 0);
        ASSERT_LT(symbol, probe.symbols);
      }
      each.check(sequence);
      const std::vector<Expected> expected = each.solve(sequence);
      ASSERT_EQ(sequence.answers.size(), expected.size());
      for (size_t a = 0; a < expected.size(); ++a) {
        EXPECT_EQ(sequence.answers[a].step, expected[a].step);
        EXPECT_NEAR(AnswerOf(probe, sequence.answers[a]), expected[a].answer, 1e-6);
        first_answer = std::min(first_answer, sequence.answers[a].step);
        if (probe.classes > 0) {
          EXPECT_LT(sequence.answers[a].id, probe.classes);
        }
      }
    }
    EXPECT_GE(shortest, each.shortest);
    EXPECT_LE(longest, each.longest);
    EXPECT_LE(longest, probe.steps);
    EXPECT_EQ(each.longest, probe.steps);
    EXPECT_GE(first_answer, probe.first_answer);
  }
}

// The best guess that knows the place alone: the frequencies there, or the mean.
double BestConstantLoss(const Probe& probe, const ProbeCase& each) {
  std::map<int64_t, std::map<double, double>> answers;
  double all = 0;
  for (int64_t i = 0; all < 400'000 && i < 100'000; ++i) {
    const ProbeSequence sequence = DrawSequence(probe, 5, "train", i);
    const std::vector<Expected> expected = each.solve(sequence);
    for (size_t a = 0; a < expected.size(); ++a) {
      ++answers[expected[a].place][AnswerOf(probe, sequence.answers[a])];
      ++all;
    }
  }
  double loss = 0;
  for (const auto& [place, counts] : answers) {
    double total = 0, sum = 0, squares = 0, entropy = 0;
    for (const auto& [answer, count] : counts) {
      total += count;
      sum += count * answer;
      squares += count * answer * answer;
    }
    for (const auto& [answer, count] : counts) entropy -= count * std::log(count / total);
    loss += probe.classes > 0 ? entropy : squares - sum * sum / total;
  }
  return loss / all;
}

TEST(ProbesTest, MemorylessLossIsThatOfTheBestConstantGuess) {
  for (const ProbeCase& each : ProbeCases()) {
    SCOPED_TRACE(each.spec);
    const Probe probe = Make(each.spec, each.lag);
    EXPECT_NEAR(probe.memoryless_loss, each.memoryless, 1e-5);
    EXPECT_NEAR(BestConstantLoss(probe, each) / probe.memoryless_loss, 1, 0.01);
    EXPECT_EQ(probe.ideal_loss, 0);
  }
}

TEST(ProbesTest, MemorylessLossFollowsTheLag) {
  EXPECT_NEAR(Make("copy", 100).memoryless_loss, 0.17329, 1e-5);
  EXPECT_NEAR(Make("copy", 1000).memoryless_loss, 0.020387, 1e-6);
  EXPECT_EQ(Make("adding", 1000).memoryless_loss, Make("adding", 10).memoryless_loss);
}

TEST(ProbesTest, TheSameSeedGivesTheSameAndAnotherSeedOrPartOthers) {
  for (const std::string& name : ProbeRegistry::Global().Names()) {
    SCOPED_TRACE(name);
    const Probe probe = Make(name, 20);
    const ProbeBatch batch = DrawBatch(probe, {.seed = 1, .part = "train", .first = 8, .batch = 6});
    const ProbeBatch again =
        DrawBatch(Make(name, 20), {.seed = 1, .part = "train", .first = 8, .batch = 6});
    EXPECT_TRUE(SameBits(batch.inputs, again.inputs));
    EXPECT_TRUE(SameBits(batch.targets, again.targets));
    EXPECT_TRUE(SameBits(batch.asked, again.asked));
    EXPECT_TRUE(SameBits(batch.mask, again.mask));
    EXPECT_EQ(batch.answers, again.answers);
    for (const ProbeDraw& other :
         {ProbeDraw{.seed = 2, .part = "train", .first = 8, .batch = 6},
          ProbeDraw{.seed = 1, .part = "test", .first = 8, .batch = 6},
          ProbeDraw{.seed = 1, .part = "train", .first = 14, .batch = 6}}) {
      EXPECT_FALSE(SameBits(DrawBatch(probe, other).inputs, batch.inputs));
    }
  }
}

TEST(ProbesTest, ABatchIsItsSequences) {
  for (const std::string& name : ProbeRegistry::Global().Names()) {
    SCOPED_TRACE(name);
    const Probe probe = Make(name, 20);
    const int64_t columns = 5;
    const ProbeBatch batch =
        DrawBatch(probe, {.seed = 4, .part = "train", .first = 10, .batch = columns});
    int64_t answers = 0;
    bool padded = false;
    for (int64_t column = 0; column < columns; ++column) {
      const ProbeSequence sequence = DrawSequence(probe, 4, "train", 10 + column);
      std::map<int64_t, ProbeSequence::Answer> by_step;
      for (const auto& answer : sequence.answers) by_step[answer.step] = answer;
      answers += static_cast<int64_t>(by_step.size());
      const auto length = static_cast<int64_t>(
          probe.symbols > 0 ? sequence.symbols.size() : sequence.numbers.size() / probe.numbers);
      padded = padded || length < probe.steps;
      for (int64_t t = 0; t < probe.steps; ++t) {
        const int64_t place = t * columns + column;
        EXPECT_EQ(batch.mask.At(place), t < length);
        for (int64_t k = 0; k < probe.numbers; ++k) {
          const double wanted = t < length ? sequence.numbers[t * probe.numbers + k] : 0;
          EXPECT_EQ(batch.inputs.At(place * probe.numbers + k), wanted);
        }
        if (probe.symbols > 0) {
          EXPECT_EQ(batch.inputs.At(place), t < length ? sequence.symbols[t] : 0);
        }
        const bool asked = by_step.contains(t);
        EXPECT_EQ(batch.asked.At(place), asked);
        const double nothing = probe.classes > 0 ? kIgnoredTarget : 0;
        EXPECT_EQ(batch.targets.At(place), asked ? AnswerOf(probe, by_step[t]) : nothing);
      }
    }
    EXPECT_EQ(batch.answers, answers);
    EXPECT_EQ(batch.padded, padded);
  }
}

// ---- Distributions ----

TEST(ProbesTest, MarksAndTokensAreUniformOverTheirPlaces) {
  std::vector<double> marks(20, 0), tokens(32, 0);
  const Probe adding = Make("adding", 20);
  const Probe selective = Make("selective_copy", 32);
  constexpr int kSequences = 20'000;
  for (int i = 0; i < kSequences; ++i) {
    for (const int64_t t : Marked(DrawSequence(adding, 1, "train", i).numbers)) ++marks[t];
    const ProbeSequence sequence = DrawSequence(selective, 1, "train", i);
    for (int t = 0; t < 32; ++t) tokens[t] += sequence.symbols[t] != 0;
  }
  for (const double count : marks) EXPECT_NEAR(count, kSequences / 10.0, 220);  // 5 deviations
  for (const double count : tokens) EXPECT_NEAR(count, kSequences / 8.0, 240);
}

TEST(ProbesTest, VariableCopyWaitsAnyTimeUpToTheLag) {
  const Probe probe = Make("variable_copy", 8);
  std::vector<double> waits(9, 0);
  for (int i = 0; i < 16'000; ++i) {
    const ProbeSequence s = DrawSequence(probe, 1, "train", i);
    ++waits[std::find(s.symbols.begin(), s.symbols.end(), 9) - s.symbols.begin() - 9];
  }
  EXPECT_EQ(waits[0], 0);
  for (int wait = 1; wait <= 8; ++wait) EXPECT_NEAR(waits[wait], 2000, 210);
}

TEST(ProbesTest, AllNestingsAreEquallyLikely) {
  // Eight brackets inside the outermost, as deep as they like: 14 nestings (Catalan).
  const Probe probe = Make("brackets", 8);
  std::map<std::string, double> nestings;
  for (int i = 0; i < 14'000; ++i) {
    std::string nesting;
    for (const int32_t symbol : DrawSequence(probe, 1, "train", i).symbols) {
      nesting += symbol == 2 ? ')' : '(';
    }
    ++nestings[nesting];
  }
  EXPECT_EQ(nestings.size(), 14);
  for (const auto& [nesting, count] : nestings) EXPECT_NEAR(count, 1000, 155) << nesting;
}

TEST(ProbesTest, NestingsOfAnyLengthAndDepth) {
  for (const int64_t lag : {2, 1000, 5000}) {
    const ProbeSequence s = DrawSequence(Make("brackets:depth=2", lag), 1, "train", 0);
    EXPECT_EQ(static_cast<int64_t>(s.symbols.size()), lag + 2);
    CheckNesting(s, 2, 2);
  }
}

TEST(ProbesTest, NoiseIsNormalWithVarianceAFifth) {
  const Probe probe = Make("noise", 1000);
  double sum = 0, squares = 0;
  constexpr double kNumbers = 100'000;
  for (int i = 0; i < 100; ++i) {
    const ProbeSequence s = DrawSequence(probe, 1, "train", i);
    for (size_t t = 3; t < s.numbers.size(); ++t) {
      sum += s.numbers[t];
      squares += s.numbers[t] * s.numbers[t];
    }
  }
  EXPECT_NEAR(sum / kNumbers, 0, 0.007);
  EXPECT_NEAR(squares / kNumbers, 0.2, 0.005);
}

// ---- Mistakes ----

TEST(ProbesTest, MistakesSayWhatThereIs) {
  const auto message = [](const std::string& text) {
    return std::string(ParseProbeSpec(text).status().message());
  };
  EXPECT_EQ(message("cpy"), "no probe \"cpy\"; did you mean \"copy\"?");
  EXPECT_EQ(message("copy:symbls=3"),
            "probe copy has no option \"symbls\"; did you mean \"symbols\"?");
  EXPECT_EQ(message("copy:symbols=1"),
            "probe copy: symbols is a whole number from 2 to 1000, got \"1\"");
  EXPECT_EQ(message("copy:symbols=4.5"),
            "probe copy: symbols is a whole number from 2 to 1000, got \"4.5\"");
  EXPECT_EQ(message("copy:symbols"),
            "probe copy: symbols is a whole number from 2 to 1000, got \"\"");
  EXPECT_EQ(message("copy:"), "probe copy has no option \"\"; there are length, symbols");
  EXPECT_EQ(ParseProbeSpec("copy:symbols=4")->Conventions(), "length=10, symbols=4");

  const auto lag_message = [](const std::string& text, int64_t lag) {
    return std::string(MakeProbe(*ParseProbeSpec(text), lag).status().message());
  };
  EXPECT_EQ(lag_message("adding", 9), "probe adding takes lags from 10 to 100000, got 9");
  EXPECT_EQ(lag_message("copy", 0), "probe copy takes lags from 1 to 100000, got 0");
  EXPECT_EQ(lag_message("copy", 100'001), "probe copy takes lags from 1 to 100000, got 100001");
  EXPECT_EQ(lag_message("selective_copy", 3),
            "probe selective_copy: 4 tokens do not fit into a lag of 3");
  EXPECT_EQ(lag_message("modular_arithmetic:modulus=6", 3),
            "probe modular_arithmetic: the modulus must be a prime number, so that products lose "
            "nothing; got 6");
}

TEST(ProbesTest, TheShortestLagsWork) {
  for (const ProbeRecord* record : ProbeRegistry::Global().All()) {
    SCOPED_TRACE(record->name);
    const int64_t lag = record->name == "selective_copy" ? 4 : record->least_lag;
    const Probe probe = Make(record->name, lag);
    for (int i = 0; i < 200; ++i) DrawSequence(probe, 1, "train", i);
    EXPECT_EQ(DrawBatch(probe, {.seed = 1, .part = "train", .first = 0, .batch = 3}).mask.shape(),
              (Shape{probe.steps, 3}));
  }
}

}  // namespace
}  // namespace sluice
