#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sluice/data/probes/probe.h>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// An answer as a test finds it from the inputs alone, and where on its way through the sequence a
// predictor without memory may know it is.
struct Expected {
  int64_t step;
  double answer;
  int64_t place = 0;
};

// One probe with a solver of its own, written from the description and not from the generator.
struct ProbeCase {
  std::string spec;
  int64_t lag;
  double memoryless;
  int64_t shortest, longest;  // T of all sequences
  std::function<std::vector<Expected>(const ProbeSequence&)> solve;
  // What the lag means: asserted of each sequence.
  std::function<void(const ProbeSequence&)> check = [](const ProbeSequence&) {};
};

// ---- Solvers ----

std::vector<int64_t> Marked(const std::vector<float>& numbers) {
  std::vector<int64_t> marked;
  for (size_t i = 1; i < numbers.size(); i += 2) {
    if (numbers[i] == 1) marked.push_back(static_cast<int64_t>(i / 2));
  }
  return marked;
}

std::vector<Expected> SolveMarked(const ProbeSequence& s,
                                  const std::function<double(double, double)>& answer) {
  const std::vector<int64_t> marked = Marked(s.numbers);
  EXPECT_EQ(marked.size(), 2);
  const double right = answer(s.numbers[2 * marked[0]], s.numbers[2 * marked[1]]);
  return {{static_cast<int64_t>(s.numbers.size() / 2) - 1, right}};
}

// Every value is within its range and every mark is one.
void CheckNumbers(const ProbeSequence& s, double low, bool hs97) {
  const size_t steps = s.numbers.size() / 2;
  for (size_t t = 0; t < steps; ++t) {
    EXPECT_GE(s.numbers[2 * t], low);
    EXPECT_LE(s.numbers[2 * t], 1);
    const float mark = s.numbers[2 * t + 1];
    if (hs97 && (t == 0 || t == steps - 1)) {
      EXPECT_EQ(mark, -1);
    } else {
      EXPECT_TRUE(mark == 0 || mark == 1) << mark;
    }
  }
}

void CheckHalves(const ProbeSequence& s, int64_t lag) {
  CheckNumbers(s, 0, false);
  const std::vector<int64_t> marked = Marked(s.numbers);
  EXPECT_LT(marked[0], lag / 2);
  EXPECT_GE(marked[1], lag / 2);
}

void CheckHs97(const ProbeSequence& s, double low) {
  CheckNumbers(s, low, true);
  const std::vector<int64_t> marked = Marked(s.numbers);
  EXPECT_GE(marked[0], 1);
  EXPECT_LE(marked[0], 10);
  EXPECT_LT(marked[1], static_cast<int64_t>(s.numbers.size()) / 4);  // half of T
}

std::vector<Expected> SolveOrder(const ProbeSequence& s) {
  int32_t order = 0;
  for (const int32_t symbol : s.symbols) {
    if (symbol < 2) order = 2 * order + symbol;
  }
  EXPECT_EQ(s.symbols.front(), 6);
  EXPECT_EQ(s.symbols.back(), 7);
  return {{static_cast<int64_t>(s.symbols.size()) - 1, static_cast<double>(order)}};
}

std::function<void(const ProbeSequence&)> CheckPlaces(
    std::vector<std::pair<int64_t, int64_t>> ranges) {
  return [ranges](const ProbeSequence& s) {
    std::vector<int64_t> places;
    for (size_t t = 0; t < s.symbols.size(); ++t) {
      if (s.symbols[t] < 2) places.push_back(static_cast<int64_t>(t));
    }
    ASSERT_EQ(places.size(), ranges.size());
    for (size_t i = 0; i < places.size(); ++i) {
      EXPECT_GE(places[i], ranges[i].first);
      EXPECT_LE(places[i], ranges[i].second);
    }
  };
}

// The symbols ahead of the first blank come again behind the cue.
std::vector<Expected> SolveCopy(const ProbeSequence& s, int32_t cue) {
  const auto at =
      static_cast<size_t>(std::find(s.symbols.begin(), s.symbols.end(), cue) - s.symbols.begin());
  size_t length = 0;
  while (s.symbols[length] != 0 && s.symbols[length] != cue) ++length;
  std::vector<Expected> expected;
  for (size_t t = 0; t < s.symbols.size(); ++t) {
    const bool repeat = t > at && t <= at + length;
    expected.push_back({static_cast<int64_t>(t),
                        repeat ? static_cast<double>(s.symbols[t - at - 1]) : 0.0, repeat});
  }
  return expected;
}

std::vector<Expected> SolveSelectiveCopy(const ProbeSequence& s, int32_t cue) {
  std::vector<int32_t> tokens;
  std::vector<Expected> expected;
  for (size_t t = 0; t < s.symbols.size(); ++t) {
    if (s.symbols[t] == cue) {
      const size_t place = expected.size();
      expected.push_back({static_cast<int64_t>(t), static_cast<double>(tokens.at(place))});
    } else if (s.symbols[t] != 0) {
      EXPECT_TRUE(expected.empty());
      tokens.push_back(s.symbols[t]);
    }
  }
  EXPECT_EQ(tokens.size(), expected.size());
  return expected;
}

std::vector<Expected> SolveParity(const ProbeSequence& s) {
  std::vector<Expected> expected;
  for (size_t t = 0; t < s.symbols.size(); ++t) {
    const auto ones = std::count(s.symbols.begin(), s.symbols.begin() + t + 1, 1);
    expected.push_back({static_cast<int64_t>(t), static_cast<double>(ones % 2)});
  }
  return expected;
}

std::vector<Expected> SolveModular(const ProbeSequence& s, int32_t modulus) {
  int32_t value = s.symbols[0];
  std::vector<Expected> expected = {{0, static_cast<double>(value)}};
  for (size_t t = 1; t < s.symbols.size(); t += 2) {
    const int32_t digit = s.symbols[t + 1];
    if (s.symbols[t] == modulus) value = (value + digit) % modulus;
    if (s.symbols[t] == modulus + 1) value = ((value - digit) % modulus + modulus) % modulus;
    if (s.symbols[t] == modulus + 2) {
      EXPECT_NE(digit, 0);
      value = value * digit % modulus;
    }
    expected.push_back({static_cast<int64_t>(t) + 1, static_cast<double>(value)});
  }
  return expected;
}

// By erasing innermost pairs, over and over.
std::vector<Expected> SolveBrackets(const ProbeSequence& s, int32_t close) {
  std::vector<std::pair<int64_t, int32_t>> left;
  for (size_t t = 0; t < s.symbols.size(); ++t) {
    left.emplace_back(static_cast<int64_t>(t), s.symbols[t]);
  }
  std::vector<Expected> expected;
  while (!left.empty()) {
    size_t i = 0;
    while (i + 1 < left.size() && !(left[i].second != close && left[i + 1].second == close)) ++i;
    if (i + 1 >= left.size()) {
      ADD_FAILURE() << "not balanced";
      break;
    }
    expected.push_back({left[i + 1].first, static_cast<double>(left[i].second)});
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(i),
               left.begin() + static_cast<std::ptrdiff_t>(i) + 2);
  }
  std::sort(expected.begin(), expected.end(),
            [](const Expected& a, const Expected& b) { return a.step < b.step; });
  return expected;
}

void CheckNesting(const ProbeSequence& s, int32_t close, int64_t deepest) {
  int64_t depth = 0;
  for (size_t t = 0; t < s.symbols.size(); ++t) {
    depth += s.symbols[t] == close ? -1 : 1;
    EXPECT_LE(depth, deepest);
    EXPECT_EQ(depth == 0, t + 1 == s.symbols.size());  // the outermost one encloses all
  }
}

std::vector<Expected> SolveFirstToken(const ProbeSequence& s, int32_t symbols) {
  const int32_t query = s.symbols.back() - symbols;
  EXPECT_GE(query, 0);
  for (size_t t = 0; t + 1 < s.symbols.size(); ++t) EXPECT_LT(s.symbols[t], symbols);
  return {{static_cast<int64_t>(s.symbols.size()) - 1,
           static_cast<double>((s.symbols.front() + query) % symbols)}};
}

std::vector<Expected> SolveNoise(const ProbeSequence& s, int64_t signal) {
  for (int64_t t = 1; t < signal; ++t) EXPECT_EQ(s.numbers[t], s.numbers[0]);
  EXPECT_EQ(std::abs(s.numbers[0]), 1);
  return {{static_cast<int64_t>(s.numbers.size()) - 1, s.numbers[0] > 0 ? 1.0 : 0.0}};
}

std::vector<Expected> SolveSegments(const ProbeSequence& s, int32_t last) {
  std::vector<Expected> expected;
  size_t begin = 0;
  for (size_t t = 0; t < s.symbols.size(); ++t) {
    if (s.symbols[t] == last) begin = t + 1;
    if (t > begin) {
      expected.push_back({static_cast<int64_t>(t), static_cast<double>(s.symbols[begin])});
    }
  }
  return expected;
}

void CheckSegments(const ProbeSequence& s, int32_t last, size_t segments, int64_t lag) {
  std::vector<int64_t> lengths;
  for (const int32_t symbol : s.symbols) {
    if (symbol == last) {
      lengths.push_back(0);
    } else {
      ++lengths.back();
    }
  }
  EXPECT_EQ(lengths.size(), segments);
  for (const int64_t length : lengths) {
    EXPECT_GE(length, 2);
    EXPECT_LE(length, lag);
  }
}

constexpr char kArithmetic[] = "0123456789-.+=abcdefghijklmnopqrstuvwxyz";
constexpr char kXml[] = "abcdefghijklmnopqrstuvwxyz></";

std::string TextOf(const ProbeSequence& s, const char* alphabet) {
  std::string text;
  for (const int32_t symbol : s.symbols) text += alphabet[symbol];
  return text;
}

// Without its letters, a line is one that people would write.
std::vector<Expected> SolveArithmetic(const ProbeSequence& s) {
  const std::string text = TextOf(s, kArithmetic) + ".";
  std::vector<Expected> expected;
  for (size_t begin = 0; begin < text.size();) {
    const size_t equals = text.find('=', begin);
    std::string left;
    for (const char c : text.substr(begin, equals - begin)) {
      if (!std::isalpha(static_cast<unsigned char>(c))) left += c;
    }
    const size_t sign = left.find_first_of("+-");
    const int64_t a = std::stoll(left.substr(0, sign));
    const int64_t b = std::stoll(left.substr(sign + 1));
    const std::string result = absl::StrCat(left[sign] == '+' ? a + b : a - b, ".");
    EXPECT_EQ(text.substr(equals + 1, result.size()), result);
    for (size_t i = 0; i < result.size(); ++i) {
      const size_t id = std::string(kArithmetic).find(result[i]);
      expected.push_back({static_cast<int64_t>(equals + i), static_cast<double>(id)});
    }
    begin = equals + 1 + result.size();
  }
  return expected;
}

std::vector<Expected> SolveXml(const ProbeSequence& s) {
  const std::string text = TextOf(s, kXml) + ">";
  std::vector<Expected> expected;
  std::vector<std::string> open;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('>', at);
    EXPECT_EQ(text[at], '<');
    if (text[at + 1] != '/') {
      open.push_back(text.substr(at + 1, end - at - 1));
      EXPECT_LE(open.size(), 5);
    } else {
      EXPECT_EQ(text.substr(at + 2, end - at - 2), open.back());
      for (size_t i = at + 2; i <= end; ++i) {
        const size_t id = std::string(kXml).find(text[i]);
        expected.push_back({static_cast<int64_t>(i) - 1, static_cast<double>(id)});
      }
      open.pop_back();
    }
    at = end + 1;
  }
  EXPECT_TRUE(open.empty());
  return expected;
}

std::vector<ProbeCase> Cases() {
  const auto sum = [](double a, double b) { return a + b; };
  const auto scaled = [](double a, double b) { return 0.5 + (a + b) / 4; };
  const auto product = [](double a, double b) { return a * b; };
  const double ln2 = std::log(2.0);
  return {
      {"adding", 20, 1.0 / 6, 20, 20, [=](const auto& s) { return SolveMarked(s, sum); },
       [](const auto& s) { CheckHalves(s, 20); }},
      {"adding:hs97=1", 100, 1.0 / 24, 100, 110,
       [=](const auto& s) { return SolveMarked(s, scaled); },
       [](const auto& s) { CheckHs97(s, -1); }},
      {"multiplication", 21, 7.0 / 144, 21, 21,
       [=](const auto& s) { return SolveMarked(s, product); },
       [](const auto& s) { CheckHalves(s, 21); }},
      {"multiplication:hs97=1", 100, 7.0 / 144, 100, 110,
       [=](const auto& s) { return SolveMarked(s, product); },
       [](const auto& s) { CheckHs97(s, 0); }},
      {"temporal_order", 100, 2 * ln2, 100, 110, SolveOrder, CheckPlaces({{10, 20}, {50, 60}})},
      {"temporal_order:symbols=3", 100, 3 * ln2, 100, 110, SolveOrder,
       CheckPlaces({{10, 20}, {33, 43}, {66, 76}})},
      {"copy", 30, 10 * std::log(8.0) / 50, 50, 50, [](const auto& s) { return SolveCopy(s, 9); },
       [](const auto& s) { EXPECT_EQ(s.symbols[10 + 30 - 1], 9); }},
      {"copy:length=3:symbols=4", 1, 3 * std::log(4.0) / 7, 7, 7,
       [](const auto& s) { return SolveCopy(s, 5); }},
      {"variable_copy", 30, 10 * std::log(8.0) / 50, 50, 50,
       [](const auto& s) { return SolveCopy(s, 9); }},
      {"selective_copy", 32, std::log(16.0), 36, 36,
       [](const auto& s) { return SolveSelectiveCopy(s, 17); }},
      {"selective_copy:tokens=8:symbols=4", 16, std::log(4.0), 24, 24,
       [](const auto& s) { return SolveSelectiveCopy(s, 5); }},
      {"parity", 24, ln2, 24, 24, SolveParity},
      {"parity:every=0", 24, ln2, 24, 24,
       [](const auto& s) { return std::vector<Expected>{SolveParity(s).back()}; }},
      {"modular_arithmetic", 10, std::log(5.0), 21, 21,
       [](const auto& s) { return SolveModular(s, 5); }},
      {"modular_arithmetic:modulus=7:every=0", 10, std::log(7.0), 21, 21,
       [](const auto& s) { return std::vector<Expected>{SolveModular(s, 7).back()}; }},
      {"brackets", 15, ln2, 18, 18, [](const auto& s) { return SolveBrackets(s, 2); },
       [](const auto& s) { CheckNesting(s, 2, 8); }},
      {"brackets:types=5:depth=3", 40, std::log(5.0), 42, 42,
       [](const auto& s) { return SolveBrackets(s, 5); },
       [](const auto& s) { CheckNesting(s, 5, 3); }},
      {"first_token", 12, std::log(8.0), 14, 14,
       [](const auto& s) { return SolveFirstToken(s, 8); }},
      {"noise", 12, ln2, 15, 15, [](const auto& s) { return SolveNoise(s, 3); }},
      {"segments", 9, std::log(4.0), 12, 40, [](const auto& s) { return SolveSegments(s, 4); },
       [](const auto& s) { CheckSegments(s, 4, 4, 9); }},
      // The entropy was counted once over all pairs of numbers of up to 3 digits, pair by pair.
      {"arithmetic", 8, 2.330073, 8 + 3 + 1 + 1, 8 + 7 + 1 + 4, SolveArithmetic,
       [](const auto& s) {
         const std::string text = TextOf(s, kArithmetic);
         EXPECT_EQ(
             std::count_if(text.begin(), text.end(), [](char c) { return std::isalpha(c) != 0; }),
             8);
       }},
      {"arithmetic:digits=1:problems=4", 3, 1.998208, 4 * 9 - 1, 4 * 10 - 1, SolveArithmetic},
      {"xml", 40, -(2.0 / 9) * std::log(2.0 / 9) - (7.0 / 9) * std::log(7.0 / 9 / 26), 48, 68,
       SolveXml,
       [](const auto& s) {
         const std::string text = TextOf(s, kXml);
         const size_t first_end = text.find('>') + 1;
         const size_t last = text.rfind('<');
         EXPECT_GE(last - first_end, 40);
       }},
  };
}

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
  for (const ProbeCase& each : Cases()) names.insert(each.spec.substr(0, each.spec.find(':')));
  for (const std::string& name : ProbeRegistry::Global().Names()) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(ProbesTest, EveryAnswerIsTheSolversAndSequencesAreAsLongAsAsked) {
  for (const ProbeCase& each : Cases()) {
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
  for (const ProbeCase& each : Cases()) {
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
