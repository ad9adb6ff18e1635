#include <cstdio>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/data/probes/probe.h>
#include <sluice/data/text_source.h>
#include <sluice/experiments/commands.h>
#include <sluice/graph/nearest.h>
#include <sluice/layers/cell_spec.h>
#include <sluice/optim/optimizer.h>

namespace sluice {
namespace {

std::string OptionText(const CellOption& option) {
  return absl::StrCat("    ", option.name, "=", option.standard, "  ",
                      option.choices.empty() ? "a number" : absl::StrJoin(option.choices, " | "),
                      ": ", option.description, "\n");
}

// "gates: reset, update (keeps)", or nothing.
std::string GatesText(const CellRecord& record) {
  const auto text = [](std::string* out, const GateRecord& gate) {
    absl::StrAppend(out, gate.name,
                    gate.keeps == Polarity::kKeeps          ? " (keeps)"
                    : gate.keeps == Polarity::kOneMinusGate ? " (1 - it keeps)"
                                                            : "");
  };
  if (record.gates.empty()) return "";
  return absl::StrCat("    gates: ", absl::StrJoin(record.gates, ", ", text), "\n");
}

// Of the cell in its standard form.
std::string ParametersText(const CellRecord& record, int64_t inputs, int64_t hidden) {
  const absl::StatusOr<CellSpec> spec = ParseCellSpec(record.name);
  if (!spec.ok()) return "";
  const std::optional<ParameterCount> count = CountParameters(*spec, inputs, hidden);
  if (count.has_value()) {
    return absl::StrCat(count->Formula(), " parameters: ", count->Of(inputs, hidden));
  }
  VariableStore store;
  MakeCell(*spec, store.root(), inputs, hidden);
  return absl::StrCat("parameters: ", store.parameters());
}

std::string CellsText() {
  std::string text;
  for (const CellRecord* cell : CellRegistry::Global().All()) {
    absl::StrAppend(&text, cell->name, "  ", cell->title, "\n    ", cell->equations, "\n    ",
                    ParametersText(*cell, 64, 256), " for 64 inputs (I) and 256 units (H)\n    ",
                    cell->source, "\n", GatesText(*cell));
    for (const CellOption& option : cell->options) absl::StrAppend(&text, OptionText(option));
    for (const auto& [name, options] : cell->presets) {
      absl::StrAppend(&text, "    preset=", name, "  ", options, "\n");
    }
  }
  absl::StrAppend(&text, "Every cell:\n");
  for (const CellOption& option : CommonCellOptions()) absl::StrAppend(&text, OptionText(option));
  return text;
}

std::string OpsText() {
  std::string text;
  for (const Op* op : OpRegistry::Global().All()) {
    const std::string space(op->name.size() < 16 ? 16 - op->name.size() : 1, ' ');
    absl::StrAppend(&text, op->name, space, std::string(Name(op->kind)), ": ", op->formula,
                    op->gradient.differentiable() ? "" : " (no gradient)", "\n");
  }
  return text;
}

std::string OptimizersText() {
  std::string text;
  for (const OptimizerRecord* record : OptimizerRegistry::Global().All()) {
    absl::StrAppend(&text, record->name, "  ", record->description, "; standard rate ",
                    record->standard_rate, "\n");
  }
  return text;
}

std::string CorporaText() {
  std::string text;
  for (const CorpusRecord* record : CorpusRegistry::Global().All()) {
    absl::StrAppend(&text, record->name, "  ", record->description,
                    record->package.empty() ? "" : "; Debian package ", record->package, "\n");
  }
  return text;
}

std::string ProbesText() {
  std::string text;
  for (const ProbeRecord* record : ProbeRegistry::Global().All()) {
    absl::StrAppend(&text, record->name, "  ", record->title, ": ", record->description,
                    "\n    lags from ", record->least_lag, "; loss without memory ",
                    record->memoryless, "\n    ", record->source, "\n");
    for (const ProbeOption& option : record->options) {
      absl::StrAppend(&text, "    ", option.name, "=", option.standard, "  ", option.least, " to ",
                      option.most, ": ", option.description, "\n");
    }
  }
  return text;
}

struct Listing {
  std::string name;
  std::string (*text)();
};
const std::vector<Listing>& Listings() {
  static const auto& listings = *new std::vector<Listing>{{"cells", CellsText},
                                                          {"corpora", CorporaText},
                                                          {"ops", OpsText},
                                                          {"optimizers", OptimizersText},
                                                          {"probes", ProbesText}};
  return listings;
}

absl::Status RunList(absl::Span<const std::string> positional) {
  std::vector<std::string> names;
  for (const Listing& listing : Listings()) {
    names.push_back(listing.name);
    if (positional.empty()) {
      std::printf("== %s ==\n%s\n", listing.name.c_str(), listing.text().c_str());
    } else if (positional[0] == listing.name) {
      std::fputs(listing.text().c_str(), stdout);
      return absl::OkStatus();
    }
  }
  if (positional.empty()) return absl::OkStatus();
  return UsageError(absl::StrCat("nothing called \"", positional[0], "\" to list",
                                 NearestNameHint(positional[0], names)));
}

}  // namespace

Command ListCommand() {
  return {.name = "list",
          .summary = "Shows the cells, corpora, ops, optimizers and probes there are.",
          .usage = "list [cells | corpora | ops | optimizers | probes]",
          .flags = {"plugin"},
          .positional = {"what"},
          .run = RunList};
}

}  // namespace sluice
