#include <cmath>

#include <Eigen/QR>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/layers/initializers.h>

namespace sluice {
namespace {

template <typename T, typename Draw>
void Fill(Tensor& tensor, Draw draw) {
  for (T& element : tensor.values<T>()) element = static_cast<T>(draw());
}

// A tensor of numbers drawn one after the other as f64, whatever the dtype, so that f32 and f64
// start alike.
template <typename Draw>
Tensor Filled(const TensorType& type, Draw draw) {
  Tensor tensor(type);
  switch (type.dtype) {
    case DType::kF32:
      Fill<float>(tensor, draw);
      break;
    case DType::kF64:
      Fill<double>(tensor, draw);
      break;
    case DType::kI32:
      Fill<int32_t>(tensor, draw);
      break;
  }
  return tensor;
}

using Matrix = Eigen::MatrixXd;

Matrix RandomOrthonormalColumns(int64_t rows, int64_t columns, RandomKey key) {
  RandomStream stream(key);
  Matrix normal(rows, columns);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) normal(i, j) = stream.Normal();
  }
  const Eigen::HouseholderQR<Matrix> qr(normal);
  Matrix q = qr.householderQ() * Matrix::Identity(rows, columns);
  for (int64_t j = 0; j < columns; ++j) {
    if (qr.matrixQR()(j, j) < 0) q.col(j) *= -1;
  }
  return q;
}

}  // namespace

Initializer ConstantInitializer(double number) {
  return [number](const TensorType& type, RandomKey) {
    return Filled(type, [number] { return number; });
  };
}

Initializer UniformInitializer(double low, double high) {
  return [low, high](const TensorType& type, RandomKey key) {
    RandomStream stream(key);
    return Filled(type, [&] { return low + (high - low) * stream.Uniform(); });
  };
}

Initializer NormalInitializer(double mean, double deviation) {
  return [mean, deviation](const TensorType& type, RandomKey key) {
    RandomStream stream(key);
    return Filled(type, [&] { return mean + deviation * stream.Normal(); });
  };
}

Initializer GlorotInitializer() {
  return [](const TensorType& type, RandomKey key) {
    const double limit =
        std::sqrt(6.0 / static_cast<double>(type.shape.back(1) + type.shape.back(0)));
    return UniformInitializer(-limit, limit)(type, key);
  };
}

Initializer OrthogonalInitializer(double gain) {
  return [gain](const TensorType& type, RandomKey key) {
    const int64_t columns = type.shape.back(0);
    const int64_t rows = type.shape.elements() / columns;
    const Matrix q = rows >= columns
                         ? RandomOrthonormalColumns(rows, columns, key)
                         : Matrix(RandomOrthonormalColumns(columns, rows, key).transpose());
    int64_t position = 0;
    return Filled(type, [&] {
      const double element = gain * q(position / columns, position % columns);
      ++position;
      return element;
    });
  };
}

Initializer IdentityInitializer(double scale) {
  return [scale](const TensorType& type, RandomKey) {
    const int64_t columns = type.shape.back(0);
    int64_t position = 0;
    return Filled(type, [&] {
      const bool diagonal = position / columns == position % columns;
      ++position;
      return diagonal ? scale : 0.0;
    });
  };
}

Initializer ChronoInitializer(double longest) {
  return [longest](const TensorType& type, RandomKey key) {
    RandomStream stream(key);
    return Filled(type, [&] { return std::log(1 + (longest - 2) * stream.Uniform()); });
  };
}

absl::StatusOr<InitialValues> InitialValuesByName(absl::string_view name, int64_t hidden) {
  const Initializer zero = ConstantInitializer(0);
  if (name == "d2l") {
    return InitialValues{NormalInitializer(0, 0.01), NormalInitializer(0, 0.01), zero};
  }
  if (name == "pytorch") {
    const double limit = 1 / std::sqrt(static_cast<double>(hidden));
    const Initializer uniform = UniformInitializer(-limit, limit);
    return InitialValues{uniform, uniform, uniform};
  }
  if (name == "keras") return InitialValues{GlorotInitializer(), OrthogonalInitializer(), zero};
  if (name == "irnn") {
    return InitialValues{NormalInitializer(0, 0.001), IdentityInitializer(), zero};
  }
  return absl::NotFoundError(absl::StrCat("no initialisation \"", name, "\"; there are ",
                                          absl::StrJoin(InitialValuesNames(), ", ")));
}

std::vector<std::string> InitialValuesNames() { return {"d2l", "pytorch", "keras", "irnn"}; }

}  // namespace sluice
