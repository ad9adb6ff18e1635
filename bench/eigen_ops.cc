// Compiled for this machine's processor, so that Eigen uses its widest vectors (CMakeLists.txt).

#include <map>
#include <string>

#include <sluice/bench/eigen_ops.h>
#include <sluice/graph/eigen.h>

namespace sluice {
namespace {

using Inputs = std::vector<Tensor>;

template <typename F>
EigenOp Unary(F f) {
  return [f](const Inputs& inputs, double /*number*/, Tensor& output) {
    AsMatrix<float>(output).array() = f(AsMatrix<float>(inputs[0]).array());
  };
}

template <typename F>
EigenOp Binary(F f) {
  return [f](const Inputs& inputs, double /*number*/, Tensor& output) {
    AsMatrix<float>(output).array() =
        f(AsMatrix<float>(inputs[0]).array(), AsMatrix<float>(inputs[1]).array());
  };
}

void MatMul(const Inputs& inputs, double /*number*/, Tensor& output) {
  AsMatrix<float>(output).noalias() = AsMatrix<float>(inputs[0]) * AsMatrix<float>(inputs[1]);
}

void Transpose(const Inputs& inputs, double /*number*/, Tensor& output) {
  AsMatrix<float>(output) = AsMatrix<float>(inputs[0]).transpose();
}

void Power(const Inputs& inputs, double number, Tensor& output) {
  AsMatrix<float>(output).array() =
      AsMatrix<float>(inputs[0]).array().pow(static_cast<float>(number));
}

// The output is one row there, a column here.
void SumRows(const Inputs& inputs, double /*number*/, Tensor& output) {
  AsMatrix<float>(output).transpose() = AsMatrix<float>(inputs[0]).rowwise().sum();
}
void MaxRows(const Inputs& inputs, double /*number*/, Tensor& output) {
  AsMatrix<float>(output).transpose() = AsMatrix<float>(inputs[0]).rowwise().maxCoeff();
}

std::map<std::string, EigenOp> MakeOps() {
  return {
      {"negate", Unary([](const auto& x) { return -x; })},
      {"abs", Unary([](const auto& x) { return x.abs(); })},
      {"sign", Unary([](const auto& x) { return x.sign(); })},
      {"square", Unary([](const auto& x) { return x.square(); })},
      {"relu", Unary([](const auto& x) { return x.max(0.0F); })},
      {"exp", Unary([](const auto& x) { return x.exp(); })},
      {"log", Unary([](const auto& x) { return x.log(); })},
      {"log1p", Unary([](const auto& x) { return x.log1p(); })},
      {"tanh", Unary([](const auto& x) { return x.tanh(); })},
      {"sigmoid", Unary([](const auto& x) { return x.logistic(); })},
      {"sqrt", Unary([](const auto& x) { return x.sqrt(); })},
      {"reciprocal", Unary([](const auto& x) { return x.inverse(); })},
      {"cos", Unary([](const auto& x) { return x.cos(); })},
      {"sin", Unary([](const auto& x) { return x.sin(); })},
      {"power", Power},
      {"add", Binary([](const auto& a, const auto& b) { return a + b; })},
      {"subtract", Binary([](const auto& a, const auto& b) { return a - b; })},
      {"multiply", Binary([](const auto& a, const auto& b) { return a * b; })},
      {"divide", Binary([](const auto& a, const auto& b) { return a / b; })},
      {"maximum", Binary([](const auto& a, const auto& b) { return a.max(b); })},
      {"minimum", Binary([](const auto& a, const auto& b) { return a.min(b); })},
      {"matmul", MatMul},
      {"transpose", Transpose},
      {"sum", SumRows},
      {"max", MaxRows},
  };
}

}  // namespace

EigenOp FindEigenOp(absl::string_view op) {
  static const auto& ops = *new std::map<std::string, EigenOp>(MakeOps());
  const auto found = ops.find(std::string(op));
  return found == ops.end() ? nullptr : found->second;
}

}  // namespace sluice
