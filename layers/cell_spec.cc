#include <algorithm>
#include <cmath>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <sluice/graph/nearest.h>
#include <sluice/layers/cell_spec.h>
#include <sluice/layers/cell_text.h>

namespace sluice {

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
  if (masks == nullptr) CheckStart(spec, scope, size.start);
  return cell;
}

std::optional<ParameterCount> CountParameters(const CellSpec& spec, int64_t inputs,
                                              int64_t hidden) {
  if (!spec.record->parameters) return std::nullopt;
  const CellOptions options(spec.options);
  return spec.record->parameters(SizeOf(options, inputs, hidden), options);
}

}  // namespace sluice
