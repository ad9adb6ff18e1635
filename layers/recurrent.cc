#include <algorithm>
#include <cstring>
#include <optional>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <sluice/graph/nearest.h>
#include <sluice/layers/recurrent.h>
#include <sluice/layers/run_masks.h>
#include <sluice/ops/composed.h>

namespace sluice {

Recurrent::Recurrent(Scope scope, RecurrentOptions options)
    : scope_(std::move(scope)), options_(std::move(options)) {
  absl::StatusOr<CellSpec> spec = ParseCellSpec(options_.cell);
  if (!spec.ok()) {
    scope_.store().Fail(spec.status());
    return;
  }
  if (options_.inputs < 1 || options_.hidden < 1 || options_.layers < 1) {
    scope_.store().Fail(absl::InvalidArgumentError(
        absl::StrCat("recurrent ", scope_.path(), ": inputs ", options_.inputs, ", hidden ",
                     options_.hidden, " and layers ", options_.layers, " must be at least 1")));
    return;
  }
  spec_ = *std::move(spec);
  const CellOptions cell_options(spec_.options);
  zoneout_ = cell_options.Number("zoneout");
  zoneout_memory_ = cell_options.Number("zoneout_memory");
  drops_ = RunMasks::Drops(cell_options);
  scans_ = cell_options.Is("scan", "parallel");
  for (int layer = 0; layer < options_.layers; ++layer) {
    const int64_t inputs = layer == 0 ? options_.inputs : options_.hidden * directions();
    for (int direction = 0; direction < directions(); ++direction) {
      cells_.push_back(MakeCell(spec_, ScopeOf(layer, direction), inputs, options_.hidden));
    }
  }
}

Scope Recurrent::ScopeOf(int layer, int direction) const {
  const Scope scope = scope_ / absl::StrCat(layer);
  if (directions() == 1) return scope;
  return scope / (direction == 0 ? "forward" : "backward");
}

Variable& Recurrent::Carried(int index, absl::string_view name, int64_t batch,
                             const std::string& carry) const {
  // The batch is part of the path: an evaluation with another batch size has a state of its own.
  const Scope scope = scope_ / "state" / carry / absl::StrCat("batch_", batch) /
                      absl::StrCat(index / directions()) /
                      (index % directions() == 0 ? "first" : "second");
  return scope.Fixed(name, {batch, options_.hidden});
}

void Recurrent::ResetState(absl::string_view carry) const {
  const std::string prefix = absl::StrCat((scope_ / "state" / carry).path(), "/");
  for (Variable* variable : scope_.store().variables()) {
    if (!absl::StartsWith(variable->path(), prefix)) continue;
    std::memset(variable->value().raw(), 0, variable->value().bytes());
  }
}

State Recurrent::InitialState(Value x, int index, const RecurrentInputs& inputs) const {
  Tape& tape = *x.tape();
  const int64_t batch = x.shape()[1];
  const std::vector<std::string> names = cells_[index]->StateNames();
  const bool given = index < static_cast<int>(inputs.initial.size());
  const State none;
  const State& initial = given ? inputs.initial[index] : none;
  for (const State::Entry& entry : initial.entries()) {
    if (std::find(names.begin(), names.end(), entry.name) != names.end()) continue;
    tape.Fail(absl::StrCat("recurrent: an initial state has \"", entry.name, "\"",
                           NearestNameHint(entry.name, names)));
  }
  State state;
  for (const std::string& name : names) {
    if (const Value value = initial[name]) {
      state.Set(name, value);
    } else if (!given && !inputs.carry.empty()) {
      state.Set(name, tape.Use(Carried(index, name, batch, inputs.carry)));
    } else {
      state.Set(name, tape.Constant(0, x.dtype(), {batch, options_.hidden}));
    }
  }
  return state;
}

void Recurrent::CarryOn(Tape& tape, int index, const State& state,
                        const RecurrentInputs& inputs) const {
  if (inputs.carry.empty() || !tape.status().ok()) return;
  for (const State::Entry& entry : state.entries()) {
    tape.Write(Carried(index, entry.name, entry.value.shape()[0], inputs.carry), entry.value);
  }
}

Value Recurrent::DropBetween(Value x, int layer) const {
  VariableStore& store = scope_.store();
  const std::string path = (scope_ / absl::StrCat(layer) / "dropout").path();
  const RandomKey key = MakeRandomKey(store.seed(), path);
  const Value step = x.tape()->Use(store.step());
  if (!options_.variational) return Dropout(x, options_.dropout, step, key);
  const Value ones = x.tape()->Constant(1, x.dtype(), {x.shape()[1], x.shape()[2]});
  return x * Dropout(ones, options_.dropout, step, key);
}

State Recurrent::ZoneOut(const State& old, State next, RunMasks* masks) const {
  if (zoneout_ == 0 && zoneout_memory_ == 0) return next;
  for (const State::Entry& entry : old.entries()) {
    // All of the memory shares one mask: its values belong together, such as a sum and its weight.
    const bool is_memory = entry.name != "h";
    const double rate = is_memory ? zoneout_memory_ : zoneout_;
    if (rate == 0) continue;
    const Value value = next[entry.name];
    const char* option = is_memory ? "zoneout_memory" : "zoneout";
    next.Set(entry.name, masks != nullptr ? masks->KeepOld(option, rate, entry.value, value)
                                          : rate * entry.value + (1 - rate) * value);
  }
  return next;
}

Value Recurrent::RunSteps(const Cell& cell, Value x, Value mask, bool backward, RunMasks* masks,
                          State& state) const {
  const int64_t steps = x.shape()[0];
  std::vector<Value> output(steps);
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t t = backward ? steps - 1 - i : i;
    const Tape::StepMark step_mark(*x.tape(), static_cast<int32_t>(i));
    if (masks != nullptr) masks->BeginStep(t);
    State next = cell.Step(Index(x, t), state);
    next = ZoneOut(state, std::move(next), masks);
    if (mask) {
      const Value counts = Reshape(Index(mask, t), {x.shape()[1], 1});
      for (const State::Entry& old : state.entries()) {
        next.Set(old.name, Select(counts, next[old.name], old.value));
      }
    }
    state = std::move(next);
    output[t] = state["h"];
  }
  return Stack(output);
}

Value Recurrent::RunScan(const Cell& cell, Value x, Value mask, bool backward, RunMasks* masks,
                         State& state) const {
  const int64_t steps = x.shape()[0];
  const Value counts = mask ? Reshape(mask, {steps, x.shape()[1], 1}) : Value();
  // Zoneout and masks are as linear as the recurrence: they act on 1 * s + 0 and keep * s + add.
  const auto scan = [&](const std::string& name, Value keep, Value add) {
    const auto change = [&](double old, Value value) {
      const Value old_value = NumberLike(old, value);
      value = ZoneOut({{name, old_value}}, {{name, value}}, masks)[name];
      return counts ? Select(counts, value, old_value) : value;
    };
    const Value all = LinearScan(change(1, keep), change(0, add), state[name], backward);
    if (all.valid()) state.Set(name, Index(all, backward ? 0 : steps - 1));
    return all;
  };
  const LinearRecurrence of_all = cell.RecurrenceOf(x);
  if (!x.tape()->status().ok()) return Value(x.tape(), kNoNode);
  const Value initial = state[of_all.state];
  Value all = scan(of_all.state, of_all.keep, of_all.add);
  if (!of_all.output || !all.valid()) return all;
  if (zoneout_memory_ != 0) {
    // h comes from the new state as it is before zoneout.
    const Value first = Reshape(initial, all.shape().With(0, 1));
    const Value before = backward
                             ? Concat(std::vector<Value>{Slice(all, 0, 1, steps), first}, 0)
                             : Concat(std::vector<Value>{first, Slice(all, 0, 0, steps - 1)}, 0);
    all = of_all.keep * before + of_all.add;
  }
  const Value h = of_all.output * all;
  if (counts || zoneout_ != 0) {
    // It keeps nothing of the h before, but where a step does not count or zones out.
    return scan("h", x.tape()->Constant(0, h.dtype(), h.shape()), h);
  }
  state.Set("h", Index(h, backward ? 0 : steps - 1));
  return h;
}

RecurrentOutputs Recurrent::Run(Value x, const RecurrentInputs& inputs) const {
  RecurrentOutputs result{x, {}};
  if (!x) return result;
  Tape& tape = *x.tape();
  // A mistake made when building the layer reaches the tape here.
  if (!scope_.store().status().ok()) tape.Fail(scope_.store().status());
  const Tape::ScopeMark mark(tape, scope_.path());
  if (tape.status().ok() &&
      (x.shape().rank() != 3 || x.shape()[0] < 1 || x.shape()[2] != options_.inputs)) {
    tape.Fail(absl::StrCat("recurrent: inputs must be (T, B, ", options_.inputs,
                           ") with T of at least 1, got ", x.shape().ToString()));
  }
  if (tape.status().ok() && inputs.mask &&
      inputs.mask.shape() != Shape{x.shape()[0], x.shape()[1]}) {
    tape.Fail(absl::StrCat("recurrent: the mask must be (", x.shape()[0], ", ", x.shape()[1],
                           "), got ", inputs.mask.shape().ToString()));
  }
  if (!tape.status().ok()) return {Value(&tape, kNoNode), {}};

  const int64_t steps = x.shape()[0];
  Value layer_input = x;
  for (int layer = 0; layer < options_.layers; ++layer) {
    if (layer > 0 && inputs.training) layer_input = DropBetween(layer_input, layer);
    std::vector<Value> outputs;
    for (int direction = 0; direction < directions(); ++direction) {
      const bool backward = options_.direction == Direction::kBackward || direction == 1;
      const int index = layer * directions() + direction;
      const Scope scope = ScopeOf(layer, direction);
      const Tape::ScopeMark direction_mark(tape, scope.path());
      // What a run drops belongs to it alone, and so does a cell that drops.
      std::optional<RunMasks> masks;
      std::unique_ptr<Cell> dropping;
      if (inputs.training && drops_) {
        masks.emplace(scope, CellOptions(spec_.options), steps);
        dropping = MakeCell(spec_, scope, layer_input.shape()[2], options_.hidden, &*masks);
      }
      const Cell& cell = dropping != nullptr ? *dropping : *cells_[index];
      State state = InitialState(layer_input, index, inputs);
      const auto run = scans_ ? &Recurrent::RunScan : &Recurrent::RunSteps;
      outputs.push_back(
          (this->*run)(cell, layer_input, inputs.mask, backward, masks ? &*masks : nullptr, state));
      if (masks) masks->CheckUsed(tape, spec_.record->name);
      CarryOn(tape, index, state, inputs);
      result.final.push_back(std::move(state));
    }
    layer_input = outputs.size() == 1 ? outputs[0] : Concat(outputs, 2);
  }
  result.outputs = layer_input;
  return result;
}

Value Recurrent::operator()(Value x, Value mask) const { return Run(x, {.mask = mask}).outputs; }

}  // namespace sluice
