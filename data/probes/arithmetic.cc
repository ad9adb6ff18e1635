#include <algorithm>
#include <array>
#include <cmath>

#include <sluice/data/probes/probe.h>

namespace sluice {
namespace {

// "3e36d9-h1h39f9=-10030.": a sum or difference of two numbers with letters to be skipped mixed in;
// the result is to be predicted one character after the other, each after the one before it, with
// "." as its end.
constexpr int32_t kMinus = 10;
constexpr int32_t kEnd = 11;
constexpr int32_t kAnswerSymbols = 12;
constexpr int32_t kPlus = 12;
constexpr int32_t kEquals = 13;
constexpr int32_t kLetters = 14;
constexpr int32_t kSymbols = kLetters + 26;

int64_t PowerOfTen(int64_t exponent) {
  int64_t power = 1;
  for (int64_t i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// Numbers of so many digits; 0 has one.
int64_t Lowest(int64_t digits) { return digits == 1 ? 0 : PowerOfTen(digits - 1); }
int64_t Highest(int64_t digits) { return PowerOfTen(digits) - 1; }

std::vector<int32_t> Characters(int64_t value) {
  std::vector<int32_t> characters;
  int64_t rest = std::abs(value);
  do {
    characters.push_back(static_cast<int32_t>(rest % 10));
    rest /= 10;
  } while (rest > 0);
  if (value < 0) characters.push_back(kMinus);
  std::reverse(characters.begin(), characters.end());
  return characters;
}

// How many pairs of a whole number in [low_a, high_a] and one in [low_b, high_b] have this sum.
int64_t Pairs(int64_t sum, int64_t low_a, int64_t high_a, int64_t low_b, int64_t high_b) {
  return std::max<int64_t>(0, std::min(high_a, sum - low_b) - std::max(low_a, sum - high_b) + 1);
}

// Entropy of the characters of all results, each result as likely as it is drawn: the loss of the
// best guess that is the same at each place of the answer.
double Entropy(int64_t digits) {
  std::array<double, kAnswerSymbols> frequency = {};
  for (int64_t a = 1; a <= digits; ++a) {
    for (int64_t b = 1; b <= digits; ++b) {
      const auto pairs =
          static_cast<double>((Highest(a) - Lowest(a) + 1) * (Highest(b) - Lowest(b) + 1));
      for (const int64_t sign : {1, -1}) {
        // A difference is the sum with the second number's opposite.
        const int64_t low = sign > 0 ? Lowest(b) : -Highest(b);
        const int64_t high = sign > 0 ? Highest(b) : -Lowest(b);
        for (int64_t sum = Lowest(a) + low; sum <= Highest(a) + high; ++sum) {
          const double weight =
              static_cast<double>(Pairs(sum, Lowest(a), Highest(a), low, high)) / pairs;
          for (const int32_t character : Characters(sum)) frequency[character] += weight;
          frequency[kEnd] += weight;
        }
      }
    }
  }
  double total = 0;
  for (const double each : frequency) total += each;
  double entropy = 0;
  for (const double each : frequency) entropy -= each / total * std::log(each / total);
  return entropy;
}

int64_t DrawNumber(RandomStream& random, int64_t most_digits) {
  const int64_t digits = 1 + static_cast<int64_t>(random.Below(most_digits));
  return Lowest(digits) + static_cast<int64_t>(random.Below(Highest(digits) - Lowest(digits) + 1));
}

// One problem with its result, without the end.
void WriteProblem(RandomStream& random, int64_t letters, int64_t digits, ProbeSequence& sequence) {
  const int64_t a = DrawNumber(random, digits);
  const int64_t b = DrawNumber(random, digits);
  const bool plus = random.Below(2) == 0;
  std::vector<int32_t> left = Characters(a);
  left.push_back(plus ? kPlus : kMinus);
  const std::vector<int32_t> second = Characters(b);
  left.insert(left.end(), second.begin(), second.end());
  // Any order of letters and characters that keeps the characters' own.
  std::vector<char> is_letter(left.size() + letters, 0);
  std::fill(is_letter.begin(), is_letter.begin() + letters, 1);
  random.Shuffle(is_letter);
  size_t next = 0;
  for (const char letter : is_letter) {
    sequence.Add(letter != 0 ? kLetters + static_cast<int32_t>(random.Below(26)) : left[next++]);
  }
  sequence.Add(kEquals);
  for (const int32_t character : Characters(plus ? a + b : a - b)) {
    sequence.Ask(character);
    sequence.Add(character);
  }
  sequence.Ask(kEnd);
}

absl::StatusOr<Probe> Make(int64_t lag, const ProbeOptions& options) {
  const int64_t digits = options.at("digits");
  const int64_t problems = options.at("problems");
  const int64_t most_characters = 2 * digits + 1;  // of the numbers and the sign between them
  const int64_t most_answers = digits + 2;
  return Probe{.steps = problems * (lag + most_characters + most_answers + 1) - 1,
               .symbols = kSymbols,
               .classes = kAnswerSymbols,
               .first_answer = lag + 3,
               .memoryless_loss = Entropy(digits),
               .draw = [=](RandomStream& random) {
                 ProbeSequence sequence;
                 for (int64_t i = 0; i < problems; ++i) {
                   if (i > 0) sequence.Add(kEnd);
                   WriteProblem(random, lag, digits, sequence);
                 }
                 return sequence;
               }};
}

const RegisterProbe kArithmetic(
    {.name = "arithmetic",
     .title = "Arithmetic among letters",
     .description = "a sum or difference with letters mixed in, then its result, character by "
                    "character; lag: letters",
     .source = "after Jozefowicz, Zaremba, Sutskever 2015",
     .memoryless = "entropy of the results' characters, counted over all pairs of numbers",
     .options = {{"digits", 3, 1, 5, "most digits of a number, any from 1 on equally likely"},
                 {"problems", 1, 1, 1000, "problems one after the other in a sequence"}},
     .make = Make});

}  // namespace
}  // namespace sluice
