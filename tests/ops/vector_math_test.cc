// How far the f32 kernels of exp, log and their relatives are from the true values.

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/graph/op.h>
#include <sluice/ops/kernels/kernel_table.h>

namespace sluice::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kSmallest = std::numeric_limits<float>::denorm_min();
constexpr float kSmallestNormal = std::numeric_limits<float>::min();

struct Function {
  std::string name;
  double (*exact)(double);
  double low, high;  // where most of it happens
  double largest_ulps;
};

double ExactSigmoid(double x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
double ExactSoftplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }

const Function kFunctions[] = {
    {"exp", [](double x) { return std::exp(x); }, -105, 90, 2},
    {"log", [](double x) { return std::log(x); }, 0, 4, 2},
    {"log1p", [](double x) { return std::log1p(x); }, -1, 4, 3},
    {"tanh", [](double x) { return std::tanh(x); }, -10, 10, 2},
    {"sigmoid", ExactSigmoid, -105, 20, 2},
    {"softplus", ExactSoftplus, -105, 20, 3},
    {"sqrt", [](double x) { return std::sqrt(x); }, 0, 4, 0.5},
    {"sin", [](double x) { return std::sin(x); }, -100, 100, 2},
    {"cos", [](double x) { return std::cos(x); }, -100, 100, 2},
};

std::vector<float> Apply(absl::string_view name, const std::vector<float>& numbers) {
  std::vector<float> results(numbers.size());
  const void* inputs[] = {numbers.data()};
  OpRegistry::Global().Find(name)->tiles.f32(static_cast<int64_t>(numbers.size()), inputs, 0,
                                             results.data());
  return results;
}

// The distance of neighbouring floats at a number.
double Ulp(double number) {
  if (std::fabs(number) < kSmallestNormal) return kSmallest;
  int exponent = 0;
  std::frexp(number, &exponent);
  return std::ldexp(1, exponent - 24);
}

// Infinity counts as the float that would follow the largest one.
double Finite(double number) {
  const double limit = std::ldexp(1, 128);
  return std::fmin(std::fmax(number, -limit), limit);
}

struct Worst {
  double ulps = 0;
  float at = 0;
};

Worst WorstOf(const Function& function, const std::vector<float>& numbers,
              const std::vector<float>& results) {
  Worst worst;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const double exact = function.exact(numbers[i]);
    double ulps = 0;
    if (std::isnan(exact) || std::isnan(results[i])) {
      ulps = std::isnan(exact) == std::isnan(results[i]) ? 0 : kInfinity;
    } else {
      ulps = std::fabs(Finite(results[i]) - Finite(exact)) / Ulp(Finite(exact));
    }
    if (ulps > worst.ulps) worst = {ulps, numbers[i]};
  }
  return worst;
}

Worst WorstOf(const Function& function, const std::vector<float>& numbers) {
  return WorstOf(function, numbers, Apply(function.name, numbers));
}

// Every 251st float, which takes seconds; with SLUICE_ALL_FLOATS=1 in the environment all 2^32 of
// them, which takes minutes.
TEST(VectorMath, IsWithinAFewUlpsOverAllFloats) {
  const uint64_t stride = std::getenv("SLUICE_ALL_FLOATS") != nullptr ? 1 : 251;
  constexpr uint64_t kAtATime = 1 << 16;
  for (const Function& function : kFunctions) {
    Worst worst;
    std::vector<float> numbers;
    for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += stride) {
      numbers.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
      if (numbers.size() < kAtATime && bits + stride < uint64_t{1} << 32) continue;
      const Worst found = WorstOf(function, numbers);
      if (found.ulps > worst.ulps) worst = found;
      numbers.clear();
    }
    EXPECT_LE(worst.ulps, function.largest_ulps) << function.name << " of " << worst.at;
    RecordProperty(function.name, absl::StrCat(worst.ulps));
    std::cout << function.name << ": at most " << worst.ulps << " ulp, at " << worst.at << "\n";
  }
}

TEST(VectorMath, IsWithinAFewUlpsWhereMostHappens) {
  for (const Function& function : kFunctions) {
    std::vector<float> numbers;
    for (int i = 0; i <= 1'000'000; ++i) {
      numbers.push_back(
          static_cast<float>(function.low + (function.high - function.low) * i * 1e-6));
    }
    const Worst worst = WorstOf(function, numbers);
    EXPECT_LE(worst.ulps, function.largest_ulps) << function.name << " of " << worst.at;
    std::cout << function.name << ": at most " << worst.ulps << " ulp, at " << worst.at << "\n";
  }
}

// Without fused multiply-adds as well.
TEST(VectorMath, IsWithinAFewUlpsInEveryInstructionSet) {
  const std::map<std::string, ElementwiseOp> ops = {
      {"exp", ElementwiseOp::exp_op},         {"log", ElementwiseOp::log_op},
      {"log1p", ElementwiseOp::log1p_op},     {"tanh", ElementwiseOp::tanh_op},
      {"sigmoid", ElementwiseOp::sigmoid_op}, {"softplus", ElementwiseOp::softplus_op},
      {"sqrt", ElementwiseOp::sqrt_op},       {"sin", ElementwiseOp::sin_op},
      {"cos", ElementwiseOp::cos_op}};
  std::vector<float> numbers;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 4253) {
    numbers.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  for (int table = 0; SupportedKernels(table) != nullptr; ++table) {
    const KernelTable& kernels = *SupportedKernels(table);
    for (const Function& function : kFunctions) {
      std::vector<float> results(numbers.size());
      const void* inputs[] = {numbers.data()};
      kernels.elementwise[static_cast<int>(ops.at(function.name))][0](
          static_cast<int64_t>(numbers.size()), inputs, 0, results.data());
      const Worst worst = WorstOf(function, numbers, results);
      EXPECT_LE(worst.ulps, function.largest_ulps) << function.name << " of " << worst.at;
      std::cout << kernels.instruction_set << " " << function.name << ": at most " << worst.ulps
                << " ulp, at " << worst.at << "\n";
    }
  }
}

// The same float, or NaN for NaN: 0 and -0 differ.
::testing::AssertionResult IsExactly(float got, float wanted) {
  const bool same =
      std::isnan(wanted) ? std::isnan(got) : std::memcmp(&got, &wanted, sizeof got) == 0;
  if (same) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "got " << got << ", not " << wanted;
}

TEST(VectorMath, SpecialValuesAreThoseOfTheStandardLibrary) {
  // Where the result is exact: zeros, infinities, NaN, one, overflow and underflow.
  const std::vector<float> exact = {0.0F,     -0.0F,     kInfinity, -kInfinity, kNan, -kNan,
                                    kLargest, -kLargest, 1e30F,     -1e30F,     1e4F, -1e4F};
  for (const Function& function : kFunctions) {
    const std::vector<float> results = Apply(function.name, exact);
    for (size_t i = 0; i < exact.size(); ++i) {
      const auto wanted = static_cast<float>(function.exact(exact[i]));
      const bool rounds = (function.name == "log" || function.name == "log1p") &&
                          std::isfinite(exact[i]) && exact[i] > 0;
      if (rounds) {
        EXPECT_NEAR(results[i], wanted, 2 * Ulp(wanted)) << function.name << " of " << exact[i];
      } else {
        EXPECT_TRUE(IsExactly(results[i], wanted)) << function.name << " of " << exact[i];
      }
    }
  }
}

// Vectors are computed in groups, some parts of them in another way, and a whole group in another
// way where one of its arguments is unusual.
TEST(VectorMath, ResultsDoNotDependOnPlaceNorNeighbours) {
  constexpr int kNumbers = 331;
  std::vector<float> numbers;
  for (int i = 0; i < kNumbers; ++i) numbers.push_back(0.03F * static_cast<float>(i - 100));
  const std::vector<float> unusual = {kInfinity, -kInfinity, kNan, 1e30F,    -1e30F,
                                      kSmallest, -kSmallest, 0.0F, -1000.0F, 20.0F};
  for (const Function& function : kFunctions) {
    const std::vector<float> among = Apply(function.name, numbers);
    std::vector<float> mixed;
    for (int i = 0; i < kNumbers; ++i) {
      mixed.push_back(numbers[i]);
      if (i % 7 == 0) mixed.push_back(unusual[i / 7 % unusual.size()]);
    }
    const std::vector<float> beside = Apply(function.name, mixed);
    for (int i = 0, place = 0; i < kNumbers; ++i, place += i % 7 == 1 ? 2 : 1) {
      const float alone = Apply(function.name, {numbers[i]})[0];
      EXPECT_TRUE(IsExactly(among[i], alone)) << function.name << " of " << numbers[i];
      EXPECT_TRUE(IsExactly(beside[place], alone)) << function.name << " of " << numbers[i];
    }
  }
}

TEST(VectorMath, SquareRootsAreExactInEveryPlace) {
  constexpr int kPlaces = 67;
  const auto kernel = static_cast<int>(ElementwiseOp::sqrt_op);
  for (int table = 0; SupportedKernels(table) != nullptr; ++table) {
    for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 104729) {
      const auto number = std::bit_cast<float>(static_cast<uint32_t>(bits));
      const std::vector<float> numbers(kPlaces, number);
      std::vector<float> roots(kPlaces);
      const void* inputs[] = {numbers.data()};
      SupportedKernels(table)->elementwise[kernel][0](kPlaces, inputs, 0, roots.data());
      for (const float root : roots) ASSERT_TRUE(IsExactly(root, std::sqrt(number))) << number;
    }
  }
}

TEST(VectorMath, DenormalsCount) {
  const std::vector<float> numbers = {kSmallest,        -kSmallest, 3 * kSmallest,
                                      1e-40F,           -1e-40F,    kSmallestNormal,
                                      -kSmallestNormal, 1.5e-38F,   0.5F * kSmallestNormal};
  for (const Function& function : kFunctions) {
    EXPECT_LE(WorstOf(function, numbers).ulps, function.largest_ulps) << function.name;
  }
  // Odd functions are their argument there, sign and all.
  for (const char* name : {"tanh", "log1p", "sin"}) {
    const std::vector<float> results = Apply(name, numbers);
    for (size_t i = 0; i < numbers.size(); ++i) {
      EXPECT_TRUE(IsExactly(results[i], numbers[i])) << name << " of " << numbers[i];
    }
  }
  // And results may be denormal.
  EXPECT_TRUE(IsExactly(Apply("exp", {-103.0F})[0], std::exp(-103.0F)));
  EXPECT_TRUE(IsExactly(Apply("sigmoid", {-103.0F})[0], std::exp(-103.0F)));
}

TEST(VectorMath, EdgesOfTheirDomains) {
  EXPECT_TRUE(IsExactly(Apply("log", {1.0F})[0], 0.0F));
  EXPECT_TRUE(IsExactly(Apply("log1p", {-1.0F})[0], -kInfinity));
  EXPECT_TRUE(IsExactly(Apply("log1p", {std::nextafter(-1.0F, -2.0F)})[0], kNan));
  EXPECT_LE(WorstOf(kFunctions[0], {88.7228F}).ulps, 2) << "just below the overflow";
  EXPECT_TRUE(IsExactly(Apply("exp", {88.73F})[0], kInfinity));
  EXPECT_TRUE(IsExactly(Apply("exp", {-104.0F})[0], 0.0F));
  EXPECT_TRUE(IsExactly(Apply("tanh", {9.1F})[0], 1.0F));
  EXPECT_TRUE(IsExactly(Apply("sigmoid", {0.0F})[0], 0.5F));
}

}  // namespace
}  // namespace sluice::testing
