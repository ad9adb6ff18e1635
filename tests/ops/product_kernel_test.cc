// The kernels of products, for every instruction set that this processor has, against chains
// written out: every element to the bit.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/graph/random.h>
#include <sluice/ops/kernels/kernel_table.h>

namespace sluice::testing {
namespace {

constexpr double kUntouched = 12345.5;  // around C

// A row-major matrix, some columns of a wider one.
template <typename T>
struct Matrix {
  Matrix(int64_t rows, int64_t columns, int64_t row) : rows(rows), columns(columns), row(row) {
    data.assign((rows + 2) * row, static_cast<T>(kUntouched));
  }
  static Matrix Random(int64_t rows, int64_t columns, int64_t row, uint64_t seed) {
    Matrix matrix(rows, columns, row);
    RandomStream random(seed);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) matrix.at(i, j) = static_cast<T>(random.Normal());
    }
    return matrix;
  }
  T* begin() { return data.data() + row; }
  const T* begin() const { return data.data() + row; }
  T& at(int64_t i, int64_t j) { return begin()[i * row + j]; }
  const T& at(int64_t i, int64_t j) const { return begin()[i * row + j]; }
  Matrix Transposed() const {
    Matrix result(columns, rows, rows);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) result.at(j, i) = at(i, j);
    }
    return result;
  }

  int64_t rows, columns, row;
  std::vector<T> data;  // a row before and one after the matrix as well
};

template <typename T>
void ChainStep(bool fused, T a, T b, T& sum) {
  if (fused) {
    sum = std::fma(a, b, sum);
  } else {
    const volatile T product = a * b;  // not for the compiler to fuse
    sum += product;
  }
}

// c += a · b, every element one chain.
template <typename T>
void MultiplyByChains(bool fused, const Matrix<T>& a, const Matrix<T>& b, Matrix<T>& c) {
  for (int64_t i = 0; i < a.rows; ++i) {
    for (int64_t p = 0; p < a.columns; ++p) {
      for (int64_t j = 0; j < b.columns; ++j) ChainStep(fused, a.at(i, p), b.at(p, j), c.at(i, j));
    }
  }
}

// Rows and columns [.., end) of `expected`, and nothing beside them.
template <typename T>
::testing::AssertionResult IsBlockOf(const Matrix<T>& c, const Matrix<T>& expected) {
  for (int64_t i = -1; i <= c.rows; ++i) {
    for (int64_t j = 0; j < c.row; ++j) {
      const bool inside = i >= 0 && i < c.rows && j < c.columns;
      const T wanted = inside ? expected.at(i, j) : static_cast<T>(kUntouched);
      // No NaN among them: equal, and zero of the same sign, is the same bits.
      if (c.at(i, j) != wanted || std::signbit(c.at(i, j)) != std::signbit(wanted)) {
        return ::testing::AssertionFailure()
               << "at (" << i << ", " << j << ") of " << c.rows << " x " << c.columns << ": "
               << c.at(i, j) << ", not " << wanted;
      }
    }
  }
  return ::testing::AssertionSuccess();
}

template <typename T>
std::vector<T> PackedOperand(const ProductKernels& kernels, int64_t k, int64_t n) {
  const int64_t panels = (n + kernels.panel_columns - 1) / kernels.panel_columns;
  return std::vector<T>(panels * k * kernels.panel_columns, static_cast<T>(kUntouched));
}

template <typename T>
std::vector<T> Packed(const ProductKernels& kernels, const Matrix<T>& b) {
  std::vector<T> packed = PackedOperand<T>(kernels, b.rows, b.columns);
  kernels.pack({b.begin(),
                {b.row, 1},
                b.rows,
                b.columns,
                packed.data(),
                0,
                b.columns,
                0,
                (b.columns + kernels.panel_columns - 1) / kernels.panel_columns});
  return packed;
}

class ProductKernelTest : public ::testing::TestWithParam<const KernelTable*> {
 protected:
  // Calls check(kernels, T()) for each dtype.
  template <typename Check>
  void ForEachDType(const Check& check) const {
    {
      SCOPED_TRACE("f32");
      check(GetParam()->product[0], float());
    }
    SCOPED_TRACE("f64");
    check(GetParam()->product[1], double());
  }
};

constexpr int64_t kColumnCounts[] = {1,  2,  3,  7,  8,  9,  15, 16, 17, 23, 24, 25,  28,  31, 32,
                                     33, 47, 48, 49, 63, 64, 65, 80, 95, 96, 97, 100, 144, 200};
constexpr int64_t kDepths[] = {0, 1, 7, 64, 257};

// All row counts and both layouts of A, with C from 0 and from what it holds.
template <typename T>
void CheckProducts(const ProductKernels& kernels, int64_t most_rows, int64_t k, int64_t n) {
  const Matrix<T> a = Matrix<T>::Random(most_rows, k, k + 3, 1);
  const Matrix<T> a_columns = a.Transposed();
  const Matrix<T> b = Matrix<T>::Random(k, n, n, 2);
  const std::vector<T> packed = Packed(kernels, b);
  Matrix<T> from_zero(most_rows, n, n);
  for (int64_t i = 0; i < most_rows; ++i) {
    for (int64_t j = 0; j < n; ++j) from_zero.at(i, j) = 0;
  }
  const Matrix<T> old = Matrix<T>::Random(most_rows, n, n, 3);
  Matrix<T> from_old = old;
  MultiplyByChains(kernels.fused, a, b, from_zero);
  Matrix<T> from_row(most_rows, n, n);
  for (int64_t i = 0; i < most_rows; ++i) {
    for (int64_t j = 0; j < n; ++j) from_row.at(i, j) = old.at(0, j);
  }
  MultiplyByChains(kernels.fused, a, b, from_old);
  MultiplyByChains(kernels.fused, a, b, from_row);
  const int64_t panels = (n + kernels.panel_columns - 1) / kernels.panel_columns;
  for (int64_t rows = 1; rows <= most_rows; ++rows) {
    Matrix<T> c(rows, n, n + 5);
    kernels.product({a.begin(),
                     {a.row, 1},
                     packed.data(),
                     0,
                     c.begin(),
                     c.row,
                     n,
                     k,
                     0,
                     rows,
                     0,
                     panels,
                     nullptr,
                     0});
    EXPECT_TRUE(IsBlockOf(c, from_zero)) << "k " << k;
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < n; ++j) c.at(i, j) = old.at(i, j);
    }
    kernels.product({a_columns.begin(),
                     {1, a_columns.row},
                     packed.data(),
                     0,
                     c.begin(),
                     c.row,
                     n,
                     k,
                     0,
                     rows,
                     0,
                     panels,
                     c.begin(),
                     c.row});
    EXPECT_TRUE(IsBlockOf(c, from_old)) << "accumulated, k " << k;
    // From elsewhere, and from one row for all.
    Matrix<T> d(rows, n, n + 1);
    kernels.product({a.begin(),
                     {a.row, 1},
                     packed.data(),
                     0,
                     d.begin(),
                     d.row,
                     n,
                     k,
                     0,
                     rows,
                     0,
                     panels,
                     old.begin(),
                     old.row});
    EXPECT_TRUE(IsBlockOf(d, from_old)) << "from elsewhere, k " << k;
    kernels.product({a.begin(),
                     {a.row, 1},
                     packed.data(),
                     0,
                     d.begin(),
                     d.row,
                     n,
                     k,
                     0,
                     rows,
                     0,
                     panels,
                     old.begin(),
                     0});
    EXPECT_TRUE(IsBlockOf(d, from_row)) << "from one row, k " << k;
  }
}

TEST_P(ProductKernelTest, EveryElementIsOneChainWhateverTheSizes) {
  ForEachDType([](const ProductKernels& kernels, auto number) {
    for (const int64_t k : kDepths) {
      for (const int64_t n : kColumnCounts) CheckProducts<decltype(number)>(kernels, 20, k, n);
    }
    CheckProducts<decltype(number)>(kernels, 10, 2100, 50);  // several blocks of k
  });
}

TEST_P(ProductKernelTest, WritesTheRowsAndPanelsOfItsTaskOnly) {
  ForEachDType([](const ProductKernels& kernels, auto number) {
    using T = decltype(number);
    const int64_t k = 9;
    const int64_t width = kernels.panel_columns;
    const int64_t n = 4 * width + 5;
    const Matrix<T> a = Matrix<T>::Random(30, k, k, 1);
    const Matrix<T> b = Matrix<T>::Random(k, n, n, 2);
    Matrix<T> expected(30, n, n);
    Matrix<T> c = expected;
    for (int64_t i = 7; i < 19; ++i) {
      for (int64_t j = width; j < 3 * width; ++j) {
        T sum = 0;
        for (int64_t p = 0; p < k; ++p) ChainStep(kernels.fused, a.at(i, p), b.at(p, j), sum);
        expected.at(i, j) = sum;
      }
    }
    kernels.product({a.begin(),
                     {a.row, 1},
                     Packed(kernels, b).data(),
                     0,
                     c.begin(),
                     n,
                     n,
                     k,
                     7,
                     19,
                     1,
                     3,
                     nullptr,
                     0});
    EXPECT_TRUE(IsBlockOf(c, expected));
  });
}

// Element by element, as the header says it.
template <typename T>
void CheckPacked(const ProductKernels& kernels, const Matrix<T>& b, const std::vector<T>& packed) {
  const int64_t width = kernels.panel_columns;
  for (int64_t j = 0; j < (b.columns + width - 1) / width * width; ++j) {
    for (int64_t p = 0; p < b.rows; ++p) {
      const T wanted = j < b.columns ? b.at(p, j) : T(0);
      ASSERT_EQ(packed[j / width * b.rows * width + p * width + j % width], wanted)
          << "at (" << p << ", " << j << ") of " << b.rows << " x " << b.columns;
    }
  }
}

TEST_P(ProductKernelTest, PacksBothLayouts) {
  ForEachDType([](const ProductKernels& kernels, auto number) {
    using T = decltype(number);
    for (const int64_t k : {1, 3, 16, 17, 31, 70}) {
      for (const int64_t n : kColumnCounts) {
        const Matrix<T> b = Matrix<T>::Random(k, n, n + 3, 5);
        CheckPacked(kernels, b, Packed(kernels, b));
        const Matrix<T> transposed = b.Transposed();
        std::vector<T> packed = PackedOperand<T>(kernels, k, n);
        const int64_t panels = (n + kernels.panel_columns - 1) / kernels.panel_columns;
        for (int64_t panel = 0; panel < panels; ++panel) {
          kernels.pack({transposed.begin(),
                        {1, transposed.row},
                        k,
                        n,
                        packed.data(),
                        0,
                        n,
                        panel,
                        panel + 1});
        }
        CheckPacked(kernels, b, packed);
      }
    }
  });
}

TEST_P(ProductKernelTest, PacksMatricesSideBySide) {
  ForEachDType([](const ProductKernels& kernels, auto number) {
    using T = decltype(number);
    constexpr int64_t kRows = 21;
    for (const int64_t first : {1, 5, 16, 40, 48, 60, 100}) {
      for (const int64_t second : {1, 3, 20, 48, 70}) {
        const int64_t n = first + second;
        const Matrix<T> b = Matrix<T>::Random(kRows, n, n, 6);
        const Matrix<T> transposed = b.Transposed();
        std::vector<T> packed = PackedOperand<T>(kernels, kRows, n);
        const int64_t panels = (n + kernels.panel_columns - 1) / kernels.panel_columns;
        // The second before the first: neither may write where the other stands.
        kernels.pack({transposed.begin() + first * transposed.row,
                      {1, transposed.row},
                      kRows,
                      second,
                      packed.data(),
                      first,
                      n,
                      0,
                      panels});
        kernels.pack({b.begin(), {b.row, 1}, kRows, first, packed.data(), 0, n, 0, panels});
        CheckPacked(kernels, b, packed);
      }
    }
  });
}

// a: (k, m), b: (k, n)
template <typename T>
void CheckContraction(const ProductKernels& kernels, int64_t k, int64_t m, int64_t n) {
  const Matrix<T> a = Matrix<T>::Random(k, m, m + 2, 1);
  const Matrix<T> b = Matrix<T>::Random(k, n, n + 1, 2);
  std::vector<std::byte> memory(kernels.contract_scratch + 64);
  void* scratch = memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64;
  Matrix<T> c = Matrix<T>::Random(m, n, n + 7, 3);
  Matrix<T> from_zero = c;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) from_zero.at(i, j) = 0;
  }
  Matrix<T> from_old = c;
  MultiplyByChains(kernels.fused, a.Transposed(), b, from_zero);
  MultiplyByChains(kernels.fused, a.Transposed(), b, from_old);
  ContractTask task{a.begin(), a.row, b.begin(), b.row, c.begin(), c.row,  k,
                    0,         m,     0,         n,     true,      scratch};
  kernels.contract(task);
  EXPECT_TRUE(IsBlockOf(c, from_old)) << "accumulated, k " << k;
  task.accumulate = false;
  // In four pieces that begin anywhere.
  for (const bool lower : {false, true}) {
    for (const bool right : {false, true}) {
      task.row_begin = lower ? m / 3 : 0;
      task.row_end = lower ? m : m / 3;
      task.column_begin = right ? n / 2 : 0;
      task.column_end = right ? n : n / 2;
      kernels.contract(task);
    }
  }
  EXPECT_TRUE(IsBlockOf(c, from_zero)) << "k " << k;
}

TEST_P(ProductKernelTest, ContractionsAreChainsOverTheRows) {
  ForEachDType([](const ProductKernels& kernels, auto number) {
    using T = decltype(number);
    for (const int64_t k : {0, 1, 5, 70}) {
      for (int64_t m = 1; m <= 20; ++m) {
        for (const int64_t n : kColumnCounts) CheckContraction<T>(kernels, k, m, n);
      }
    }
    for (const int64_t k : {400, 801, 1300}) {
      CheckContraction<T>(kernels, k, 19, 50);
      CheckContraction<T>(kernels, k, 3, 500);
      CheckContraction<T>(kernels, k, 300, 28);
    }
    CheckContraction<T>(kernels, 30, 600, 20);
    // Whole and partial last vectors where many rows share a copy of the right operand.
    for (const int64_t n : {30, 32, 56, 60, 64, 160, 450})
      CheckContraction<T>(kernels, 400, 200, n);
  });
}

std::vector<const KernelTable*> AllTables() {
  std::vector<const KernelTable*> tables;
  while (const KernelTable* table = SupportedKernels(static_cast<int>(tables.size()))) {
    tables.push_back(table);
  }
  return tables;
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, ProductKernelTest, ::testing::ValuesIn(AllTables()),
                         [](const auto& info) { return std::string(info.param->instruction_set); });

}  // namespace
}  // namespace sluice::testing
