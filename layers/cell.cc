#include <algorithm>
#include <cmath>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <sluice/graph/nearest.h>
#include <sluice/layers/cell.h>
#include <sluice/layers/cell_text.h>
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

GateInput::GateInput(Scope scope, const CellSize& size, const Options& options)
    : scope_(std::move(scope)) {
  const double shift = options.bias;
  const Initializer& initial = size.initial.bias;
  const Initializer shifted = [shift, initial](const TensorType& type, RandomKey key) {
    Tensor bias = initial(type, key).Cast(DType::kF64);
    for (double& element : bias.values<double>()) element += shift;
    return bias.Cast(type.dtype);
  };
  if (options.input) {
    input_weights_ =
        &scope_.Trainable("input_weights", {size.inputs, size.hidden}, size.initial.input_weights);
  }
  if (options.recurrent) {
    recurrent_weights_ = &scope_.Trainable("recurrent_weights", {size.hidden, size.hidden},
                                           size.initial.recurrent_weights);
  }
  if (size.biases == Biases::kNone) return;
  const bool two = size.biases == Biases::kTwo;
  input_bias_ = &scope_.Trainable(two ? "input_bias" : "bias", {size.hidden}, shifted);
  if (two && options.recurrent)
    recurrent_bias_ = &scope_.Trainable("recurrent_bias", {size.hidden}, initial);
}

Value GateInput::Input(Value x) const {
  if (!x) return x;
  const Tape::ScopeMark mark(*x.tape(), scope_.path());
  Value sum = input_weights_ == nullptr ? Value() : MatMul(x, x.tape()->Use(*input_weights_));
  if (input_bias_ == nullptr) return sum;
  const Value bias = x.tape()->Use(*input_bias_);
  return sum ? sum + bias : bias;
}

Value GateInput::Recurrent(Value h) const {
  if (!h || recurrent_weights_ == nullptr) return Value();
  const Tape::ScopeMark mark(*h.tape(), scope_.path());
  const Value product = MatMul(h, h.tape()->Use(*recurrent_weights_));
  return recurrent_bias_ == nullptr ? product : product + h.tape()->Use(*recurrent_bias_);
}

Value GateInput::operator()(Value x, Value h) const {
  const Value input = Input(x);
  const Value recurrent = Recurrent(h);
  if (!recurrent) return input;
  const Tape::ScopeMark mark(*recurrent.tape(), scope_.path());
  return input ? input + recurrent : recurrent;
}

Value Cell::Gate(absl::string_view name, Value value) {
  if (value) value.tape()->Name(name, value);
  return value;
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

ParameterCount GateParameters(const CellSize& size, double gates) {
  return {gates, gates, gates * static_cast<double>(size.biases)};
}

double OneBias(const CellSize& size) { return size.biases == Biases::kNone ? 0 : 1; }

CellSize WithoutBias(CellSize size) {
  size.biases = Biases::kNone;
  return size;
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

const std::vector<CellOption>& CommonCellOptions() {
  static const auto& options = *new std::vector<CellOption>{
      {"init", "keras", InitialValuesNames(), "first values of weights and biases"},
      {"biases", "one", {"none", "one", "two"}, "biases a gate"}};
  return options;
}

namespace {

std::vector<const CellOption*> AllOptions(const CellRecord& record) {
  std::vector<const CellOption*> all;
  for (const CellOption& option : record.options) all.push_back(&option);
  for (const CellOption& common : CommonCellOptions()) {
    // A cell may have another standard of its own.
    const bool own = std::any_of(record.options.begin(), record.options.end(),
                                 [&](const CellOption& option) { return option.name == common.name; });
    if (!own) all.push_back(&common);
  }
  return all;
}

absl::Status SetOption(const CellRecord& record, absl::string_view name, absl::string_view value,
                       std::map<std::string, std::string>& values) {
  std::vector<std::string> names = {"preset"};
  for (const CellOption* option : AllOptions(record)) {
    names.push_back(option->name);
    if (option->name != name) continue;
    double number = 0;
    if (option->choices.empty()) {
      if (!absl::SimpleAtod(value, &number) || !std::isfinite(number)) {
        return absl::InvalidArgumentError(
            absl::StrCat("cell ", record.name, ": ", name, " is a number, got \"", value, "\""));
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
    parts.push_back(absl::StrCat(option->name, "=", options.at(option->name)));
  }
  return absl::StrJoin(parts, ", ");
}

namespace {

CellSize SizeOf(const CellOptions& options, int64_t inputs, int64_t hidden) {
  absl::StatusOr<InitialValues> initial = InitialValuesByName(options.Get("init"), hidden);
  const Biases biases = options.Is("biases", "none")  ? Biases::kNone
                        : options.Is("biases", "two") ? Biases::kTwo
                                                      : Biases::kOne;
  return {inputs, hidden, *std::move(initial), biases};
}

}  // namespace

std::unique_ptr<Cell> MakeCell(const CellSpec& spec, const Scope& scope, int64_t inputs,
                               int64_t hidden) {
  const CellOptions options(spec.options);
  return spec.record->make(scope, SizeOf(options, inputs, hidden), options);
}

std::optional<ParameterCount> CountParameters(const CellSpec& spec, int64_t inputs,
                                              int64_t hidden) {
  if (!spec.record->parameters) return std::nullopt;
  const CellOptions options(spec.options);
  return spec.record->parameters(SizeOf(options, inputs, hidden), options);
}

}  // namespace sluice
