#include <algorithm>

#include <absl/container/flat_hash_set.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/graph/plan_summary.h>
#include <sluice/graph/plan_table.h>
#include <sluice/graph/units.h>
#include <sluice/graph/variable.h>

namespace sluice {
namespace {

absl::string_view Name(PlanLevel level) {
  switch (level) {
    case PlanLevel::kDebug:
      return "debug";
    case PlanLevel::kSimple:
      return "simple";
    case PlanLevel::kFull:
      return "full";
  }
  return "?";
}

// "  packed      12 right-hand operands\n": a line of a list, with a word in front.
void AppendFact(std::string& text, absl::string_view word, absl::string_view fact) {
  constexpr size_t kColumn = 12;
  absl::StrAppend(&text, "  ", word, std::string(kColumn - word.size(), ' '), fact, "\n");
}

std::string Bytes(int64_t bytes) { return WithUnit(static_cast<double>(bytes), "B"); }

// ---- What there is ----

int64_t BytesOfVariables(const ProgramState& state) {
  absl::flat_hash_set<const Variable*> variables;
  int64_t bytes = 0;
  for (NodeId id = 0; id < state.graph.nodes.size(); ++id) {
    const Variable* variable = state.graph.nodes.attributes(id).variable;
    if (variable != nullptr && variables.insert(variable).second)
      bytes += variable->value().bytes();
  }
  return bytes;
}

std::string HeadText(const ProgramState& state, const PlanSummary& summary,
                     const MachineLimits& limits) {
  std::string text =
      absl::StrCat("Plan at level ", Name(state.level), ": ",
                   Counted(state.record->nodes.size(), "recorded node"), ", ",
                   WithCommas(state.graph.nodes.size()), " planned, ",
                   Counted(static_cast<int64_t>(state.steps.size()), "kernel"), " in ",
                   Counted(static_cast<int64_t>(state.stages.size()), "stage"), "\n");
  AppendFact(text, "work",
             absl::StrCat(WithUnit(summary.work.flops, "FLOP"), ", ",
                          WithUnit(summary.work.bytes, "B"), " read and written"));
  AppendFact(
      text, "memory",
      absl::StrCat(Bytes(state.memory.arena_bytes), " for intermediate values at their peak, ",
                   Bytes(state.memory.constants_bytes), " for constants, ",
                   Bytes(BytesOfVariables(state)), " for variables"));
  if (!limits.known()) return text;
  AppendFact(text, "time",
             absl::StrCat(Duration(summary.work.seconds), ", if each kernel reaches ",
                          WithUnit(limits.flops_per_second, "FLOP/s"), " or ",
                          WithUnit(limits.bytes_per_second, "B/s"), " of memory"));
  return text;
}

// ---- What the passes did ----

// "105 products became 3"; nothing where there were none.
std::string Joined(const PassRecord::Change& change, absl::string_view noun) {
  if (change.gone == change.made) return "";
  return absl::StrCat(Counted(change.gone, noun), " became ", WithCommas(change.made));
}

// What a pass did in words; nothing if it did nothing.
std::string FactOf(const PassRecord& record) {
  const int64_t fewer = record.nodes.before - record.nodes.after;
  const PassRecord::Change& products = record.of(OpKind::kProduct);
  const auto when = [](int64_t count, absl::string_view noun, absl::string_view rest) {
    return count == 0 ? "" : absl::StrCat(Counted(count, noun), rest);
  };
  switch (record.pass) {
    case Pass::kDrop:
      return when(fewer, "node", " that no output needs");
    case Pass::kShare:
      return when(fewer, "node", " with an equal one before");
    case Pass::kFold:
      return when(fewer, "node", " that planning knows the numbers of");
    case Pass::kScatterLate:
      return when(record.of(OpKind::kScatter).made, "scatter",
                  " behind what is done with the rows");
    case Pass::kAddRowsFirst:
      return when(record.rows_on_products, "bias row", " that a product now starts from");
    case Pass::kHoist:
    case Pass::kLift:
      return Joined(products, "product");
    case Pass::kSink: {
      std::vector<std::string> parts = {Joined(products, "product"),
                                        Joined(record.of(OpKind::kReduction), "sum")};
      parts.erase(std::remove(parts.begin(), parts.end(), ""), parts.end());
      return absl::StrJoin(parts, "; ");
    }
    case Pass::kMergeConcats:
      return Joined(record.of(OpKind::kConcat), "concatenation");
    case Pass::kPack:
      return when(record.of(OpKind::kPack).made, "right-hand operand",
                  absl::StrCat(", for ", Counted(products.gone, "product")));
    case Pass::kAddInPlace:
      return when(products.made, "product", " that start from what they are added to");
    case Pass::kRecompute:
      return when(-fewer, "element-wise op", " instead of a value kept in memory");
    case Pass::kOrder:
      return "";
  }
  return "";
}

absl::string_view WordFor(Pass pass) {
  switch (pass) {
    case Pass::kDrop:
      return "dropped";
    case Pass::kShare:
      return "shared";
    case Pass::kFold:
      return "folded";
    case Pass::kScatterLate:
      return "scattered";
    case Pass::kAddRowsFirst:
      return "added first";
    case Pass::kHoist:
      return "hoisted";
    case Pass::kLift:
      return "lifted";
    case Pass::kSink:
      return "sunk";
    case Pass::kMergeConcats:
      return "overlaid";
    case Pass::kPack:
      return "packed";
    case Pass::kAddInPlace:
      return "added";
    case Pass::kRecompute:
      return "repeated";
    case Pass::kOrder:
      return "ordered";
  }
  return "?";
}

// ---- Where values lie ----

struct Values {
  int64_t fused = 0;     // element-wise ops in groups
  int64_t unseen = 0;    // of them, those whose results never reach memory
  int64_t placed = 0;    // kernels' results in memory
  int64_t in_place = 0;  // of them, in what they were made of
  int64_t in_concats = 0;
  int64_t in_variables = 0;
};

// Pieces that were computed right in a concatenation.
int64_t PiecesInPlace(const ProgramState& state, NodeId concat) {
  const NodeList& nodes = state.graph.nodes;
  Place place = state.memory.places[concat];
  int64_t count = 0;
  for (const NodeId piece : nodes.inputs(concat)) {
    count += state.memory.places[piece] == place ? 1 : 0;
    place.offset += nodes[piece].type.bytes();
  }
  return count;
}

Values CountValues(const ProgramState& state) {
  const NodeList& nodes = state.graph.nodes;
  const std::vector<Place>& places = state.memory.places;
  std::vector<bool> in_memory(nodes.size());
  for (const ProgramState::Operand& operand : state.operands) in_memory[operand.node] = true;
  Values values;
  for (const ProgramState::Step& step : state.steps) {
    for (int32_t i = 0; i < step.member_count; ++i) {
      const NodeId id = state.members[step.first_member + i];
      const OpKind kind = nodes[id].op->kind;
      values.fused += step.member_count > 1 ? 1 : 0;
      values.unseen += in_memory[id] ? 0 : 1;
      if (!in_memory[id] || kind == OpKind::kWrite) continue;
      ++values.placed;
      if (kind == OpKind::kConcat) values.in_concats += PiecesInPlace(state, id);
      if (places[id].base == Place::Base::kVariable) {
        ++values.in_variables;
        continue;
      }
      const absl::Span<const NodeId> inputs = nodes.inputs(id);
      const bool in_input = std::any_of(inputs.begin(), inputs.end(), [&](NodeId input) {
        return in_memory[input] && places[input] == places[id];
      });
      values.in_place += kind != OpKind::kConcat && in_input ? 1 : 0;
    }
  }
  return values;
}

void AppendPlacement(std::string& text, const ProgramState& state) {
  if (state.level == PlanLevel::kDebug) {
    AppendFact(text, "checked",
               "every value has memory of its own, and is searched for NaN and infinity");
    return;
  }
  const Values values = CountValues(state);
  if (values.fused > 0) {
    AppendFact(text, "fused",
               absl::StrCat(Counted(values.fused, "element-wise op"), " in ",
                            Counted(static_cast<int64_t>(state.groups.size()), "kernel"), "; ",
                            WithCommas(values.unseen), " results never reach memory"));
  }
  AppendFact(
      text, "placed",
      absl::StrCat("of ", Counted(values.placed, "value"), " in memory, ",
                   WithCommas(values.in_place), " over an input, ", WithCommas(values.in_concats),
                   " in a concatenation, ", WithCommas(values.in_variables), " in a variable"));
}

}  // namespace

std::string Program::Explain(const MachineLimits& limits) const {
  const PlanSummary summary = Summarise(*state_, limits);
  std::string text = HeadText(*state_, summary, limits);
  for (const PassRecord& record : RecordPasses(*state_)) {
    const std::string fact = FactOf(record);
    if (!fact.empty()) AppendFact(text, WordFor(record.pass), fact);
  }
  AppendPlacement(text, *state_);
  return absl::StrCat(text, "\n", PlanTable(summary, limits));
}

}  // namespace sluice
