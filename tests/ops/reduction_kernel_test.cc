// Sums and maxima of rows in every instruction set: the same bits in all, for any number of rows.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/graph/random.h>
#include <sluice/ops/kernels/kernel_table.h>

namespace sluice::testing {
namespace {

// Few elements, whole rounds of lanes and beside them, blocks and beside them.
constexpr int64_t kColumns[] = {1, 15, 16, 17, 63, 255, 256, 257, 320, 1024, 2048, 2049, 4500};

template <typename T>
constexpr int kDType = sizeof(T) == 4 ? 0 : 1;

template <typename T>
std::vector<T> RandomNumbers(int64_t count, uint64_t seed) {
  RandomStream random(seed);
  std::vector<T> numbers(count);
  for (T& number : numbers) number = static_cast<T>(random.Normal());
  return numbers;
}

template <typename T>
std::vector<T> Reduced(ReductionKernels::Contiguous kernel, int64_t rows, int64_t columns,
                       const T* numbers) {
  std::vector<T> results(rows);
  kernel(rows, columns, numbers, results.data());
  return results;
}

template <typename T>
void ExpectSameBits(const std::vector<T>& a, const std::vector<T>& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(T)), 0);
}

template <typename T>
class ReductionKernel : public ::testing::Test {};
using Floats = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ReductionKernel, Floats);

TYPED_TEST(ReductionKernel, RowsHaveTheSameBitsInEveryInstructionSetAndAlone) {
  using T = TypeParam;
  for (int64_t rows = 1; rows <= 5; ++rows) {
    for (const int64_t columns : kColumns) {
      SCOPED_TRACE(::testing::Message() << rows << " rows of " << columns);
      const std::vector<T> numbers = RandomNumbers<T>(rows * columns, columns);
      const ReductionKernels& best = SupportedKernels(0)->reduction[kDType<T>];
      const std::vector<T> sums = Reduced(best.sum, rows, columns, numbers.data());
      const std::vector<T> largest = Reduced(best.max, rows, columns, numbers.data());
      for (int64_t row = 0; row < rows; ++row) {
        const T* const begin = numbers.data() + row * columns;
        ExpectSameBits(Reduced(best.sum, 1, columns, begin), {sums[row]});
        EXPECT_EQ(largest[row], *std::max_element(begin, begin + columns));
      }
      for (int table = 1; SupportedKernels(table) != nullptr; ++table) {
        const ReductionKernels& other = SupportedKernels(table)->reduction[kDType<T>];
        ExpectSameBits(Reduced(other.sum, rows, columns, numbers.data()), sums);
        ExpectSameBits(Reduced(other.max, rows, columns, numbers.data()), largest);
      }
    }
  }
}

TYPED_TEST(ReductionKernel, NanIsFoundAtEveryPlaceOfEveryRow) {
  using T = TypeParam;
  for (int table = 0; SupportedKernels(table) != nullptr; ++table) {
    const ReductionKernels& kernels = SupportedKernels(table)->reduction[kDType<T>];
    for (const int64_t rows : {1, 2, 3}) {
      for (const int64_t columns : {5, 16, 70, 256, 259, 383, 2112}) {
        std::vector<T> numbers(rows * columns, 1);
        for (int64_t at = 0; at < rows * columns; ++at) {
          numbers[at] = std::numeric_limits<T>::quiet_NaN();
          const std::vector<T> results = Reduced(kernels.max, rows, columns, numbers.data());
          for (int64_t row = 0; row < rows; ++row) {
            ASSERT_EQ(std::isnan(results[row]), row == at / columns)
                << SupportedKernels(table)->instruction_set << ": row " << row << ", NaN at " << at
                << " of " << rows << " rows of " << columns;
          }
          numbers[at] = 1;
        }
      }
    }
  }
}

}  // namespace
}  // namespace sluice::testing
