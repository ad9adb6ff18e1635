#include <algorithm>

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <sluice/data/probes/probe.h>
#include <sluice/graph/nearest.h>

namespace sluice {
namespace {

absl::Status SetOption(const ProbeRecord& record, absl::string_view text, ProbeOptions& values) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  std::vector<std::string> names;
  for (const ProbeOption& option : record.options) {
    names.push_back(option.name);
    if (option.name != parts.first) continue;
    int64_t number = 0;
    if (!absl::SimpleAtoi(parts.second, &number) || number < option.least || number > option.most) {
      return absl::InvalidArgumentError(
          absl::StrCat("probe ", record.name, ": ", option.name, " is a whole number from ",
                       option.least, " to ", option.most, ", got \"", parts.second, "\""));
    }
    values[option.name] = number;
    return absl::OkStatus();
  }
  const std::string hint = names.empty() ? "; it has none" : NearestNameHint(parts.first, names);
  return absl::InvalidArgumentError(
      absl::StrCat("probe ", record.name, " has no option \"", parts.first, "\"", hint));
}

}  // namespace

absl::string_view Name(ProbeAccuracy accuracy) {
  switch (accuracy) {
    case ProbeAccuracy::kAnswers:
      return "answers";
    case ProbeAccuracy::kSequences:
      return "sequences";
  }
  return "?";
}

std::string ProbeSpec::Conventions() const {
  std::vector<std::string> parts;
  for (const ProbeOption& option : record->options) {
    parts.push_back(absl::StrCat(option.name, "=", options.at(option.name)));
  }
  return absl::StrJoin(parts, ", ");
}

absl::StatusOr<ProbeSpec> ParseProbeSpec(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  const absl::StatusOr<const ProbeRecord*> record = ProbeRegistry::Global().Find(parts[0]);
  if (!record.ok()) return record.status();
  ProbeSpec spec{.record = *record};
  for (const ProbeOption& option : spec.record->options)
    spec.options[option.name] = option.standard;
  for (size_t i = 1; i < parts.size(); ++i) {
    if (absl::Status status = SetOption(*spec.record, parts[i], spec.options); !status.ok()) {
      return status;
    }
  }
  return spec;
}

absl::StatusOr<Probe> MakeProbe(const ProbeSpec& spec, int64_t lag) {
  if (lag < spec.record->least_lag || lag > kLargestLag) {
    return absl::InvalidArgumentError(absl::StrCat("probe ", spec.record->name, " takes lags from ",
                                                   spec.record->least_lag, " to ", kLargestLag,
                                                   ", got ", lag));
  }
  absl::StatusOr<Probe> probe = spec.record->make(lag, spec.options);
  if (!probe.ok()) return probe;
  probe->name = spec.record->name;
  probe->lag = lag;
  return probe;
}

ProbeSequence DrawSequence(const Probe& probe, uint64_t seed, absl::string_view part,
                           int64_t number) {
  RandomStream random(MakeRandomKey(seed, absl::StrCat("probe/", probe.name, "/", part)),
                      static_cast<uint64_t>(number));
  return probe.draw(random);
}

ProbeBatch DrawBatch(const Probe& probe, const ProbeDraw& draw) {
  const int64_t batch = draw.batch;
  const Shape shape = {probe.steps, batch};
  const bool by_symbols = probe.symbols > 0;
  ProbeBatch result{.inputs = by_symbols ? Tensor(DType::kI32, shape)
                                         : Tensor(DType::kF32, {probe.steps, batch, probe.numbers}),
                    .targets = Tensor(probe.classes > 0 ? DType::kI32 : DType::kF32, shape),
                    .asked = Tensor(DType::kF32, shape),
                    .mask = Tensor(DType::kF32, shape)};
  if (probe.classes > 0) {
    const absl::Span<int32_t> targets = result.targets.values<int32_t>();
    std::fill(targets.begin(), targets.end(), kIgnoredTarget);
  }
  for (int64_t column = 0; column < batch; ++column) {
    const ProbeSequence sequence = DrawSequence(probe, draw.seed, draw.part, draw.first + column);
    const auto steps = static_cast<int64_t>(by_symbols ? sequence.symbols.size()
                                                       : sequence.numbers.size() / probe.numbers);
    for (int64_t t = 0; t < steps; ++t) {
      const int64_t place = t * batch + column;
      result.mask.values<float>()[place] = 1;
      if (by_symbols) {
        result.inputs.values<int32_t>()[place] = sequence.symbols[t];
        continue;
      }
      std::copy_n(sequence.numbers.begin() + t * probe.numbers, probe.numbers,
                  result.inputs.data<float>() + place * probe.numbers);
    }
    for (const ProbeSequence::Answer& answer : sequence.answers) {
      const int64_t place = answer.step * batch + column;
      result.asked.values<float>()[place] = 1;
      if (probe.classes > 0) {
        result.targets.values<int32_t>()[place] = answer.id;
      } else {
        result.targets.values<float>()[place] = answer.number;
      }
    }
    result.answers += static_cast<int64_t>(sequence.answers.size());
    result.padded = result.padded || steps < probe.steps;
  }
  return result;
}

}  // namespace sluice
