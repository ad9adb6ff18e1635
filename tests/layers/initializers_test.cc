#include <algorithm>
#include <cmath>

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include <sluice/graph/eigen.h>
#include <sluice/layers/initializers.h>

namespace sluice {
namespace {

constexpr RandomKey kKey = 11;

Tensor Make(const Initializer& initializer, const Shape& shape, RandomKey key = kKey) {
  return initializer({DType::kF64, shape}, key);
}

struct Moments {
  double mean = 0, variance = 0, low = 0, high = 0;
};
Moments MomentsOf(const Tensor& tensor) {
  const auto values = tensor.values<double>();
  Moments moments;
  moments.low = *std::min_element(values.begin(), values.end());
  moments.high = *std::max_element(values.begin(), values.end());
  for (const double value : values) moments.mean += value;
  moments.mean /= static_cast<double>(values.size());
  for (const double value : values) {
    moments.variance += (value - moments.mean) * (value - moments.mean);
  }
  moments.variance /= static_cast<double>(values.size());
  return moments;
}

TEST(UniformInitializer, HasItsLimitsAndMoments) {
  const Moments moments = MomentsOf(Make(UniformInitializer(-1, 3), {200, 200}));
  EXPECT_GE(moments.low, -1);
  EXPECT_LT(moments.low, -0.999);
  EXPECT_LT(moments.high, 3);
  EXPECT_GT(moments.high, 2.999);
  EXPECT_NEAR(moments.mean, 1, 0.03);
  EXPECT_NEAR(moments.variance, 16.0 / 12, 0.04);
}

TEST(NormalInitializer, HasItsMoments) {
  const Tensor tensor = Make(NormalInitializer(2, 0.5), {200, 200});
  const Moments moments = MomentsOf(tensor);
  EXPECT_NEAR(moments.mean, 2, 0.02);
  EXPECT_NEAR(moments.variance, 0.25, 0.01);
  const auto values = tensor.values<double>();
  const auto within =
      std::count_if(values.begin(), values.end(), [](double x) { return std::abs(x - 2) < 0.5; });
  EXPECT_NEAR(static_cast<double>(within) / 40'000, 0.6827, 0.01) << "within one deviation";
}

TEST(ConstantInitializer, IsTheNumberEverywhere) {
  const Tensor tensor = Make(ConstantInitializer(-2.5), {3, 4});
  for (const double value : tensor.values<double>()) EXPECT_EQ(value, -2.5);
}

TEST(GlorotInitializer, ReachesItsLimit) {
  const double limit = std::sqrt(6.0 / (100 + 300));
  const Moments moments = MomentsOf(Make(GlorotInitializer(), {100, 300}));
  EXPECT_GE(moments.low, -limit);
  EXPECT_LT(moments.low, -0.999 * limit);
  EXPECT_LE(moments.high, limit);
  EXPECT_GT(moments.high, 0.999 * limit);
  EXPECT_NEAR(moments.variance, limit * limit / 3, 0.02 * limit * limit);
}

TEST(IdentityInitializer, HasItsScaleOnTheDiagonal) {
  const Tensor tensor = Make(IdentityInitializer(0.5), {3, 4});
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(tensor.At(i), i / 4 == i % 4 ? 0.5 : 0);
}

// ---- Orthogonal ----

TEST(OrthogonalInitializer, HasOrthonormalRowsOrColumns) {
  const Shape shapes[] = {{40, 10}, {10, 40}, {25, 25}, {1, 1}, {1, 7}, {7, 1}};
  for (const Shape& shape : shapes) {
    SCOPED_TRACE(shape.ToString());
    const Tensor tensor = Make(OrthogonalInitializer(), shape);
    const auto q = AsMatrix<double>(tensor);
    const bool tall = shape[0] >= shape[1];
    const RowMajorMatrix<double> product = tall ? RowMajorMatrix<double>(q.transpose() * q)
                                                : RowMajorMatrix<double>(q * q.transpose());
    for (Eigen::Index i = 0; i < product.rows(); ++i) {
      for (Eigen::Index j = 0; j < product.cols(); ++j) {
        EXPECT_NEAR(product(i, j), i == j ? 1 : 0, 1e-13);
      }
    }
  }
}

TEST(OrthogonalInitializer, IsScaledByItsGain) {
  const Tensor one = Make(OrthogonalInitializer(), {6, 6});
  const Tensor two = Make(OrthogonalInitializer(2), {6, 6});
  for (int64_t i = 0; i < 36; ++i) EXPECT_EQ(two.At(i), 2 * one.At(i));
}

TEST(OrthogonalInitializer, IsTheTransposeForTheTransposedShape) {
  const Tensor tall = Make(OrthogonalInitializer(), {5, 3});
  const Tensor wide = Make(OrthogonalInitializer(), {3, 5});
  for (int64_t i = 0; i < 5; ++i) {
    for (int64_t j = 0; j < 3; ++j) EXPECT_EQ(tall.At(i * 3 + j), wide.At(j * 5 + i));
  }
}

// Without the signs of R's diagonal the first element of Householder's Q is never positive.
TEST(OrthogonalInitializer, FavoursNoDirection) {
  constexpr int kDraws = 4000;
  double means[9] = {};
  for (int draw = 0; draw < kDraws; ++draw) {
    const Tensor tensor = Make(OrthogonalInitializer(), {3, 3}, MakeRandomKey(draw, "orthogonal"));
    for (int i = 0; i < 9; ++i) means[i] += tensor.At(i) / kDraws;
  }
  // An element has variance 1/3, so its mean has a deviation of 0.009.
  for (const double mean : means) EXPECT_NEAR(mean, 0, 0.04);
}

// ---- All ----

struct NamedInitializer {
  const char* name;
  Initializer initializer;
};

std::vector<NamedInitializer> RandomInitializers() {
  return {{"uniform", UniformInitializer(-1, 1)},
          {"normal", NormalInitializer(0, 1)},
          {"glorot", GlorotInitializer()},
          {"orthogonal", OrthogonalInitializer()}};
}

TEST(Initializers, DependOnTheKeyOnly) {
  for (const auto& [name, initializer] : RandomInitializers()) {
    SCOPED_TRACE(name);
    const Tensor first = Make(initializer, {6, 5});
    EXPECT_TRUE(SameBits(first, Make(initializer, {6, 5})));
    EXPECT_FALSE(SameBits(first, Make(initializer, {6, 5}, kKey + 1)));
  }
}

TEST(Initializers, StartF32AndF64Alike) {
  for (const auto& [name, initializer] : RandomInitializers()) {
    SCOPED_TRACE(name);
    const Tensor f32 = initializer({DType::kF32, {6, 5}}, kKey);
    EXPECT_EQ(f32.dtype(), DType::kF32);
    EXPECT_TRUE(SameBits(Make(initializer, {6, 5}).Cast(DType::kF32), f32));
  }
}

TEST(InitialValuesByName, KnowsItsNames) {
  EXPECT_EQ(InitialValuesNames(), (std::vector<std::string>{"d2l", "pytorch", "keras", "irnn"}));
  for (const std::string& name : InitialValuesNames()) {
    EXPECT_TRUE(InitialValuesByName(name, 4).ok()) << name;
  }
  const auto unknown = InitialValuesByName("xavier", 4);
  EXPECT_EQ(unknown.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(unknown.status().message(),
            "no initialisation \"xavier\"; there are d2l, pytorch, keras, irnn");
}

}  // namespace
}  // namespace sluice
