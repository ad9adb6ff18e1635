#include <algorithm>
#include <cmath>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <sluice/graph/nearest.h>
#include <sluice/layers/cell.h>
#include <sluice/layers/cell_text.h>
#include <sluice/layers/run_masks.h>
#include <sluice/ops/composed.h>

namespace sluice {

Value State::operator[](absl::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name) return entry.value;
  }
  return Value();
}

void State::Set(absl::string_view name, Value value) {
  for (Entry& entry : entries_) {
    if (entry.name != name) continue;
    entry.value = value;
    return;
  }
  entries_.push_back({std::string(name), value});
}

// ---- Gates ----

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

LinearRecurrence Cell::RecurrenceOf(Value x) const {
  x.tape()->Fail("cell: scan=parallel needs a RecurrenceOf, which this cell has not");
  return {};
}

Value Cell::Gate(absl::string_view name, Value value) {
  if (!value.valid()) return value;
  Tape& tape = *value.tape();
  if (value.shape().rank() < 3) {
    tape.Name(name, value);
  } else {
    for (int64_t t = 0; t < value.shape()[0]; ++t) tape.Name(name, Index(value, t));
  }
  return value;
}

Value Cell::Candidate(absl::string_view name, Value value) const {
  return masks_ == nullptr ? value : masks_->DropCandidate(name, value);
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

// ---- Options ----

const std::string& CellOptions::Get(absl::string_view name) const {
  static const std::string& none = *new std::string();
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? none : found->second;
}

double CellOptions::Number(absl::string_view name) const {
  double number = 0;
  return absl::SimpleAtod(Get(name), &number) ? number : 0;
}

const CellOption& ScanOption() {
  static const auto& option = *new CellOption{
      .name = "scan",
      .standard = "sequential",
      .choices = {"sequential", "parallel"},
      .description =
          "step by step, or all steps at once in log2(T) rounds (Martin & Cundy 2018): the "
          "same to rounding, slower on few cores",
      .is_switch = true};
  return option;
}

const std::vector<CellOption>& CommonCellOptions() {
  const auto number = [](const char* name, double low, double high, const char* description) {
    return CellOption{.name = name,
                      .standard = "0",
                      .description = description,
                      .low = low,
                      .high = high,
                      .is_switch = true};
  };
  constexpr double kEndless = std::numeric_limits<double>::infinity();
  static const auto& options = *new std::vector<CellOption>{
      {"init", "keras", InitialValuesNames(), "first values of weights and biases"},
      {"biases", "one", {"none", "one", "two"}, "biases a gate"},
      number("keep_bias", -kEndless, kEndless,
             "added to the initial bias of the gates that keep, towards keeping; ln(T - 1) is a "
             "memory of T steps"),
      number("chrono", 0, kEndless,
             "longest memory T: initial biases that keep are ln(uniform in 1 .. T - 1) (Tallec & "
             "Ollivier 2018); 0: off"),
      {.name = "layer_norm",
       .standard = "no",
       .choices = {"no", "yes"},
       .description = "normalises the products of each gate (Ba, Kiros, Hinton 2016)",
       .is_switch = true},
      number("zoneout", 0, 1, "share of h that keeps its old value (Krueger et al. 2017)"),
      number("zoneout_memory", 0, 1, "the same of the rest of the state, such as c"),
      number("recurrent_dropout", 0, 0.99,
             "dropout of what a step adds to the state (Semeniuta, Severyn, Barth 2016)"),
      number("state_dropout", 0, 0.99,
             "dropout of what recurrent matrices see, one mask a sequence (Gal & Ghahramani 2016)"),
      number("weight_drop", 0, 0.99,
             "dropout of recurrent weights, one mask a sequence (Merity, Keskar, Socher 2017)")};
  return options;
}

namespace {

std::vector<const CellOption*> AllOptions(const CellRecord& record) {
  std::vector<const CellOption*> all;
  for (const CellOption& option : record.options) all.push_back(&option);
  for (const CellOption& common : CommonCellOptions()) {
    // A cell may have another standard of its own.
    const bool own =
        std::any_of(record.options.begin(), record.options.end(),
                    [&](const CellOption& option) { return option.name == common.name; });
    if (!own) all.push_back(&common);
  }
  return all;
}

std::string RangeText(const CellOption& option) {
  if (std::isinf(option.low)) return "";
  if (std::isinf(option.high)) return absl::StrCat(" of at least ", option.low);
  return absl::StrCat(" from ", option.low, " to ", option.high);
}

absl::Status SetOption(const CellRecord& record, absl::string_view name, absl::string_view value,
                       std::map<std::string, std::string>& values) {
  std::vector<std::string> names = {"preset"};
  for (const CellOption* option : AllOptions(record)) {
    names.push_back(option->name);
    if (option->name != name) continue;
    double number = 0;
    if (option->choices.empty()) {
      if (!absl::SimpleAtod(value, &number) || !std::isfinite(number) || number < option->low ||
          number > option->high) {
        return absl::InvalidArgumentError(absl::StrCat("cell ", record.name, ": ", name,
                                                       " is a number", RangeText(*option),
                                                       ", got \"", value, "\""));
      }
    } else if (std::find(option->choices.begin(), option->choices.end(), value) ==
               option->choices.end()) {
      return absl::InvalidArgumentError(absl::StrCat("cell ", record.name, ": ", name, " has no \"",
                                                     value, "\"; it may be ",
                                                     absl::StrJoin(option->choices, ", ")));
    }
    values[std::string(name)] = std::string(value);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("cell ", record.name, " has no option \"", name,
                                                 "\"", NearestNameHint(name, names)));
}

absl::Status SetOptions(const CellRecord& record, absl::string_view text, bool may_use_presets,
                        std::map<std::string, std::string>& values) {
  for (const absl::string_view part : absl::StrSplit(text, ':', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> option =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (option.first != "preset" || !may_use_presets) {
      absl::Status status = SetOption(record, option.first, option.second, values);
      if (!status.ok()) return status;
      continue;
    }
    const auto preset = record.presets.find(std::string(option.second));
    if (preset == record.presets.end()) {
      std::vector<std::string> names;
      for (const auto& [name, options] : record.presets) names.push_back(name);
      return absl::InvalidArgumentError(absl::StrCat("cell ", record.name, " has no preset \"",
                                                     option.second, "\"",
                                                     NearestNameHint(option.second, names)));
    }
    absl::Status status = SetOptions(record, preset->second, /*may_use_presets=*/false, values);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Whether the options go together.
absl::Status CheckOptions(const CellSpec& spec) {
  const CellRecord& record = *spec.record;
  const CellOptions options(spec.options);
  if (record.check) {
    if (absl::Status status = record.check(options); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("cell ", record.name, ": ", status.message()));
    }
  }
  for (const char* start : {"keep_bias", "chrono"}) {
    if (options.Number(start) == 0) continue;
    const std::vector<GateRecord> gates = GatesOf(spec);
    const bool keeps = std::any_of(gates.begin(), gates.end(), [](const GateRecord& gate) {
      return gate.keeps != Polarity::kNeither;
    });
    if (!keeps || options.Is("biases", "none")) {
      return absl::InvalidArgumentError(
          absl::StrCat("cell ", record.name, ": ", start, " sets the bias of a gate that keeps; ",
                       keeps ? "with biases=none there is no bias" : "there is no such gate"));
    }
  }
  if (const double longest = options.Number("chrono"); longest > 0 && longest <= 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("cell ", record.name, ": chrono is 0 or a memory of more than 2 steps, got ",
                     options.Get("chrono")));
  }
  return absl::OkStatus();
}

// By its name or, for equations as text, made now.
absl::StatusOr<std::shared_ptr<const CellRecord>> FindCell(absl::string_view cell) {
  if (IsCellText(cell)) return CellOfText(cell);
  const absl::StatusOr<const CellRecord*> found = CellRegistry::Global().Find(cell);
  if (!found.ok()) return found.status();
  return std::shared_ptr<const CellRecord>(std::shared_ptr<const CellRecord>(), *found);
}

}  // namespace

absl::StatusOr<CellSpec> ParseCellSpec(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts = SplitCellOptions(text);
  absl::StatusOr<std::shared_ptr<const CellRecord>> record = FindCell(parts.first);
  if (!record.ok()) return record.status();
  CellSpec spec{*std::move(record), {}};
  for (const CellOption* option : AllOptions(*spec.record))
    spec.options[option->name] = option->standard;
  absl::Status status =
      SetOptions(*spec.record, parts.second, /*may_use_presets=*/true, spec.options);
  if (status.ok()) status = CheckOptions(spec);
  if (!status.ok()) return status;
  return spec;
}

std::string CellSpec::Differences() const {
  std::vector<std::string> parts;
  for (const CellOption* option : AllOptions(*record)) {
    const std::string& value = options.at(option->name);
    if (value != option->standard) parts.push_back(absl::StrCat(option->name, "=", value));
  }
  return absl::StrJoin(parts, ":");
}

std::string CellSpec::Conventions() const {
  std::vector<std::string> parts;
  for (const CellOption* option : AllOptions(*record)) {
    const std::string& value = options.at(option->name);
    if (option->is_switch && value == option->standard) continue;
    parts.push_back(absl::StrCat(option->name, "=", value));
  }
  return absl::StrJoin(parts, ", ");
}

namespace {

CellSize SizeOf(const CellOptions& options, int64_t inputs, int64_t hidden) {
  absl::StatusOr<InitialValues> initial = InitialValuesByName(options.Get("init"), hidden);
  const Biases biases = options.Is("biases", "none")  ? Biases::kNone
                        : options.Is("biases", "two") ? Biases::kTwo
                                                      : Biases::kOne;
  return {.inputs = inputs,
          .hidden = hidden,
          .initial = *std::move(initial),
          .biases = biases,
          .layer_norm = options.Is("layer_norm", "yes"),
          .start = {.keep_bias = options.Number("keep_bias"),
                    .chrono = options.Number("chrono"),
                    .gates = {}}};
}

}  // namespace

std::vector<GateRecord> GatesOf(const CellSpec& spec) {
  return spec.record->gates_of ? spec.record->gates_of(CellOptions(spec.options))
                               : spec.record->gates;
}

namespace {

// An error of the store if `keep_bias` or `chrono` is on and no gate that keeps has a bias.
void CheckStart(const CellSpec& spec, const Scope& scope, const GateStart& start) {
  if (start.keep_bias == 0 && start.chrono == 0) return;
  std::vector<std::string> keeping;
  for (const GateRecord& gate : start.gates) {
    if (gate.keeps == Polarity::kNeither) continue;
    for (const Variable* variable : scope.store().trainable()) {
      const absl::string_view path = variable->path();
      if (!absl::StartsWith(path, absl::StrCat(scope.path(), "/"))) continue;
      for (const char* bias : {"bias", "input_bias"}) {
        if (absl::EndsWith(path, absl::StrCat("/", gate.name, "/", bias))) return;
      }
    }
    keeping.push_back(gate.name);
  }
  scope.store().Fail(absl::InvalidArgumentError(absl::StrCat(
      "cell ", spec.record->name, ": ", start.chrono != 0 ? "chrono" : "keep_bias",
      " sets the bias of a gate that keeps; ", absl::StrJoin(keeping, ", "), " has none")));
}

}  // namespace

std::unique_ptr<Cell> MakeCell(const CellSpec& spec, const Scope& scope, int64_t inputs,
                               int64_t hidden, RunMasks* masks) {
  const CellOptions options(spec.options);
  CellSize size = SizeOf(options, inputs, hidden);
  size.start.gates = GatesOf(spec);
  size.masks = masks;
  std::unique_ptr<Cell> cell = spec.record->make(scope, size, options);
  cell->masks_ = masks;
  CheckStart(spec, scope, size.start);
  return cell;
}

std::optional<ParameterCount> CountParameters(const CellSpec& spec, int64_t inputs,
                                              int64_t hidden) {
  if (!spec.record->parameters) return std::nullopt;
  const CellOptions options(spec.options);
  return spec.record->parameters(SizeOf(options, inputs, hidden), options);
}

}  // namespace sluice
