#include <cmath>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <sluice/layers/gate_input.h>
#include <sluice/layers/run_masks.h>
#include <sluice/ops/composed.h>

namespace sluice {

Polarity GateStart::PolarityOf(absl::string_view gate) const {
  for (const GateRecord& record : gates) {
    if (record.name == gate) return record.keeps;
  }
  return Polarity::kNeither;
}

namespace {

// 1 where a larger bias keeps more, -1 where it keeps less, 0 where it does neither.
double SignOf(Polarity keeps) {
  switch (keeps) {
    case Polarity::kKeeps:
      return 1;
    case Polarity::kOneMinusGate:
      return -1;
    case Polarity::kNeither:
      break;
  }
  return 0;
}

// a * x + b of what `initial` makes.
Initializer Linear(const Initializer& initial, double a, double b) {
  return [=](const TensorType& type, RandomKey key) {
    Tensor tensor = initial(type, key).Cast(DType::kF64);
    for (double& element : tensor.values<double>()) element = a * element + b;
    return tensor.Cast(type.dtype);
  };
}

}  // namespace

Initializer GateInput::FirstBias(const CellSize& size, const Options& options) const {
  const std::vector<std::string> path = absl::StrSplit(scope_.path(), '/');
  const std::string& gate = path.back();
  const double sign = SignOf(size.start.PolarityOf(gate));
  const Initializer plain = Linear(size.first_bias ? size.first_bias : size.initial.bias, 1,
                                   options.bias + sign * size.start.keep_bias);
  if (size.start.chrono == 0) return plain;
  const Initializer chrono = ChronoInitializer(size.start.chrono);
  if (sign != 0) return Linear(chrono, sign, sign * size.start.keep_bias);
  const double other_sign = SignOf(size.start.PolarityOf(options.complements));
  if (other_sign == 0) return plain;
  // Drawn as the other gate's.
  std::vector<std::string> other_path = path;
  other_path.back() = options.complements;
  other_path.emplace_back(size.biases == Biases::kTwo ? "input_bias" : "bias");
  const RandomKey key = MakeRandomKey(scope_.store().seed(), absl::StrJoin(other_path, "/"));
  return
      [=](const TensorType& type, RandomKey) { return Linear(chrono, -other_sign, 0)(type, key); };
}

GateInput::GateInput(Scope scope, const CellSize& size, const Options& options)
    : scope_(std::move(scope)), masks_(size.masks) {
  const int64_t units = options.units > 0 ? options.units : size.hidden;
  const int64_t sees = options.sees > 0 ? options.sees : size.hidden;
  const auto gain = [&](const char* name) {
    return &scope_.Trainable(name, {units}, ConstantInitializer(1));
  };
  if (options.input) {
    input_weights_ =
        &scope_.Trainable("input_weights", {size.inputs, units}, size.initial.input_weights);
    if (size.layer_norm || options.normalises_input) input_gain_ = gain("input_gain");
  }
  if (options.recurrent) {
    const Shape shape = {sees / options.heads, units / options.heads};
    for (int64_t head = 0; head < options.heads; ++head) {
      const Scope place = options.heads == 1 ? scope_ : scope_ / absl::StrCat("head_", head);
      recurrent_weights_.push_back(
          &place.Trainable("recurrent_weights", shape, size.initial.recurrent_weights));
    }
    if (size.layer_norm) recurrent_gain_ = gain("recurrent_gain");
  }
  if (size.biases == Biases::kNone || !options.biased) return;
  const bool two = size.biases == Biases::kTwo;
  input_bias_ = &scope_.Trainable(two ? "input_bias" : "bias", {units}, FirstBias(size, options));
  if (two && options.recurrent) {
    recurrent_bias_ = &scope_.Trainable("recurrent_bias", {units}, size.initial.bias);
  }
}

Value GateInput::InputProduct(Value x) const {
  return input_weights_ == nullptr ? Value() : MatMul(x, x.tape()->Use(*input_weights_));
}

Value GateInput::RecurrentProduct(Value h) const {
  if (recurrent_weights_.empty()) return Value();
  if (masks_ != nullptr) h = masks_->DropState(h);
  const auto weights = [&](Variable* variable) {
    return masks_ == nullptr ? h.tape()->Use(*variable) : masks_->DropWeights(*h.tape(), *variable);
  };
  if (recurrent_weights_.size() == 1) return MatMul(h, weights(recurrent_weights_[0]));
  std::vector<Value> products;
  int64_t begin = 0;
  for (Variable* variable : recurrent_weights_) {
    const int64_t end = begin + variable->shape()[0];
    products.push_back(MatMul(Slice(h, 1, begin, end), weights(variable)));
    begin = end;
  }
  return Concat(products, 1);
}

Value GateInput::Input(Value x) const {
  if (!x) return x;
  Tape& tape = *x.tape();
  const Tape::ScopeMark mark(tape, scope_.path());
  Value sum = InputProduct(x);
  if (sum && input_gain_ != nullptr) sum = Normalize(sum) * tape.Use(*input_gain_);
  if (input_bias_ == nullptr) return sum;
  const Value bias = tape.Use(*input_bias_);
  return sum ? sum + bias : bias;
}

Value GateInput::Recurrent(Value h) const {
  if (!h) return h;
  Tape& tape = *h.tape();
  const Tape::ScopeMark mark(tape, scope_.path());
  Value sum = RecurrentProduct(h);
  if (sum && recurrent_gain_ != nullptr) sum = Normalize(sum) * tape.Use(*recurrent_gain_);
  return recurrent_bias_ == nullptr ? sum : sum + tape.Use(*recurrent_bias_);
}

Value GateInput::operator()(Value x, Value h) const {
  const Value input = Input(x);
  const Value recurrent = Recurrent(h);
  if (!recurrent) return input;
  const Tape::ScopeMark mark(*recurrent.tape(), scope_.path());
  return input ? input + recurrent : recurrent;
}

std::vector<Value> GateInput::NormalizedTogether(absl::Span<const GateInput* const> gates, Value x,
                                                 Value h) {
  std::vector<Value> inputs, recurrents;
  for (const GateInput* gate : gates) {
    const Tape::ScopeMark mark(*x.tape(), gate->scope_.path());
    inputs.push_back(gate->InputProduct(x));
    recurrents.push_back(gate->RecurrentProduct(h));
  }
  const Value input = Normalize(Concat(inputs, 1));
  const Value recurrent = Normalize(Concat(recurrents, 1));
  std::vector<Value> sums;
  int64_t begin = 0;
  for (const GateInput* gate : gates) {
    Tape& tape = *x.tape();
    const Tape::ScopeMark mark(tape, gate->scope_.path());
    const int64_t end = begin + gate->input_gain_->shape()[0];
    Value sum = Slice(input, 1, begin, end) * tape.Use(*gate->input_gain_) +
                Slice(recurrent, 1, begin, end) * tape.Use(*gate->recurrent_gain_);
    for (Variable* bias : {gate->input_bias_, gate->recurrent_bias_}) {
      if (bias != nullptr) sum = sum + tape.Use(*bias);
    }
    sums.push_back(sum);
    begin = end;
  }
  return sums;
}

// ---- Parameters ----

int64_t ParameterCount::Of(int64_t inputs, int64_t hidden) const {
  const auto h = static_cast<double>(hidden);
  return std::llround(h * (input * static_cast<double>(inputs) + recurrent * h + vectors));
}

std::string ParameterCount::Formula() const {
  std::vector<std::string> terms;
  const auto add = [&](double factor, absl::string_view unit) {
    if (factor == 0) return;
    terms.push_back(factor == 1 ? std::string(unit) : absl::StrCat(factor, " ", unit));
  };
  add(input, "H I");
  add(recurrent, "H^2");
  add(vectors, "H");
  return terms.empty() ? "0" : absl::StrJoin(terms, " + ");
}

ParameterCount operator+(const ParameterCount& a, const ParameterCount& b) {
  return {a.input + b.input, a.recurrent + b.recurrent, a.vectors + b.vectors};
}

ParameterCount GateParameters(const CellSize& size, double gates, const GateInput::Options& each) {
  const auto share = [&](int64_t part) {
    return part > 0 ? static_cast<double>(part) / static_cast<double>(size.hidden) : 1;
  };
  const double units = gates * share(each.units);
  ParameterCount count;
  if (each.input) count.input = units;
  if (each.recurrent) {
    count.recurrent = units * share(each.sees) / static_cast<double>(each.heads);
  }
  const int products = (each.input ? 1 : 0) + (each.recurrent ? 1 : 0);
  if (size.layer_norm) {
    count.vectors += units * products;
  } else if (each.input && each.normalises_input) {
    count.vectors += units;
  }
  if (each.biased && size.biases != Biases::kNone) {
    // The second bias belongs to the recurrent product.
    count.vectors += units * (size.biases == Biases::kTwo && each.recurrent ? 2 : 1);
  }
  return count;
}

}  // namespace sluice
