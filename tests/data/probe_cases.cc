#include "data/probe_cases.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

namespace sluice {

std::vector<int64_t> Marked(const std::vector<float>& numbers) {
  std::vector<int64_t> marked;
  for (size_t i = 1; i < numbers.size(); i += 2) {
    if (numbers[i] == 1) marked.push_back(static_cast<int64_t>(i / 2));
  }
  return marked;
}

void CheckNesting(const ProbeSequence& s, int32_t close, int64_t deepest) {
  int64_t depth = 0;
  for (size_t t = 0; t < s.symbols.size(); ++t) {
    depth += s.symbols[t] == close ? -1 : 1;
    EXPECT_LE(depth, deepest);
    EXPECT_EQ(depth == 0, t + 1 == s.symbols.size());  // the outermost one encloses all
  }
}

namespace {

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

}  // namespace

std::vector<ProbeCase> ProbeCases() {
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

}  // namespace sluice
