#include <algorithm>

#include <sluice/ops/product_by_parts.h>

namespace sluice {
namespace {

// Bytes of a part of the right-hand operand that a product packs for itself: of the second-level
// cache's 1 MB, as in kernels/product.cc.
constexpr int64_t kPartBytes = 512 << 10;
constexpr int64_t kPartDepth = 768;

int64_t Quotient(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

ProductByParts::ProductByParts(const RightMatrix& right, int64_t k, DType dtype)
    : right_(right),
      kernels_(KernelsFor(dtype)),
      bytes_(BytesPerElement(dtype)),
      depth_(k <= kPartDepth ? k : Quotient(k, Quotient(k, kPartDepth))),
      panels_(std::max<int64_t>(1, kPartBytes / std::max<int64_t>(1, PanelBytes()))),
      scratch_(panels_ * PanelBytes()) {}

void ProductByParts::Run(const ProductTask& task) {
  int64_t p = 0;
  do {  // once without any k, for the rows that the product starts from
    const int64_t k = std::min(depth_, task.k - p);
    for (int64_t panel = task.panel_begin; panel < task.panel_end; panel += panels_) {
      RunPart(task, p, k, panel, std::min(panels_, task.panel_end - panel));
    }
    p += k;
  } while (p < task.k);
}

void ProductByParts::RunPart(const ProductTask& whole, int64_t p, int64_t k, int64_t panel,
                             int64_t panels) {
  const int64_t column = panel * kernels_.panel_columns;
  const int64_t n = std::min(whole.n - column, panels * kernels_.panel_columns);
  const int64_t from = p * right_.layout.row + column * right_.layout.column;
  kernels_.pack({static_cast<const std::byte*>(right_.data) + from * bytes_, right_.layout, k, n,
                 scratch_.data(), 0, n, 0, panels});
  ProductTask part = whole;
  part.a = static_cast<const std::byte*>(whole.a) + p * whole.a_layout.column * bytes_;
  part.b = scratch_.data();
  part.b_row = 0;
  part.c = static_cast<std::byte*>(whole.c) + column * bytes_;
  part.n = n;
  part.k = k;
  part.panel_begin = 0;
  part.panel_end = panels;
  if (p > 0) {
    part.start = part.c;
    part.start_row = whole.c_row;
  } else if (whole.start != nullptr) {
    part.start = static_cast<const std::byte*>(whole.start) + column * bytes_;
  }
  kernels_.product(part);
}

}  // namespace sluice
