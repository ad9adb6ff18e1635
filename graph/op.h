#ifndef SLUICE_GRAPH_OP_H_
#define SLUICE_GRAPH_OP_H_

#include <bit>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <absl/container/inlined_vector.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <sluice/graph/tensor.h>
#include <sluice/graph/value.h>

namespace sluice {

class Variable;

// What planning may know of an op.
enum class OpKind : uint8_t {
  kFeed,         // given at each run
  kConstant,     // one number everywhere
  kVariable,     // reads a variable
  kWrite,        // stores its input to a variable
  kRandom,       // counter-based numbers
  kElementwise,  // inputs broadcast to the output's shape; an element depends on its own position
                 // only
  kReduction,    // over axes
  kProduct,      // of matrices
  kPack,         // puts a product's right-hand operand in the kernel's order
  kReshape,      // the same bytes
  kSlice,        // a range of one axis
  kConcat,       // several values along one axis
  kMove,         // other copies: transpose, broadcast, gather
  kScatter,      // adds rows to places given by ids
};
absl::string_view Name(OpKind kind);

// What an op needs to know besides its inputs. Each op documents the order of its own `integers`.
struct Attributes {
  absl::InlinedVector<int64_t, 4> integers;
  double number = 0;
  Variable* variable = nullptr;

  bool empty() const {
    return integers.empty() && std::bit_cast<uint64_t>(number) == 0 && variable == nullptr;
  }
  friend bool operator==(const Attributes& a, const Attributes& b) {
    // By bits: 0 and -0 are different constants, and a NaN is the same as itself.
    return a.integers == b.integers &&
           std::bit_cast<uint64_t>(a.number) == std::bit_cast<uint64_t>(b.number) &&
           a.variable == b.variable;
  }
};

// ---- Type rule: pure, run once, when the op is recorded. Its error is a text without the op's
// name. ----
struct TypeArguments {
  absl::Span<const TensorType> inputs;
  const Attributes& attributes;
};
using TypeRule = absl::StatusOr<TensorType> (*)(const TypeArguments&);

// ---- Kernel: computes the output. ----
struct ConstView {
  const void* data;
  const TensorType& type;
  template <typename T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};
struct View {
  void* data;
  const TensorType& type;
  template <typename T>
  T* as() const {
    return static_cast<T*>(data);
  }
};
struct Op;
struct KernelArguments {
  const Op& op;
  absl::Span<const ConstView> inputs;
  View output;
  const Attributes& attributes;
  // A row-by-row op may be called for some rows of all: the first of them, and how many, so that an
  // error can say where it is. Without rows: for all.
  int64_t first_row = 0;
  int64_t rows = 0;
};
// Returns an error for bad data that no shape tells, such as an id out of range.
using Kernel = absl::Status (*)(const KernelArguments&);

// Element-wise ops have one function a dtype, over n contiguous elements of each input. It may be
// called on any range, from any thread, and `output` may be one of the inputs; an element's result
// does not depend on n.
using TileFunction = void (*)(int64_t n, const void* const* inputs, double number, void* output);
struct TileFunctions {
  TileFunction f32 = nullptr;
  TileFunction f64 = nullptr;
  TileFunction i32 = nullptr;

  TileFunction For(DType dtype) const {
    return dtype == DType::kF32 ? f32 : dtype == DType::kF64 ? f64 : i32;
  }
};

// ---- Gradient rule: writes ordinary ops on the same tape. ----
struct GradientArguments {
  absl::Span<const Value> inputs;
  Value output;
  Value gradient;  // of the loss by `output`, in its shape
  const Attributes& attributes;
  absl::Span<const bool> needed;  // which inputs' gradients somebody asks for
};
// One gradient for each input, in the input's shape; a default Value for none.
using InputGradients = absl::InlinedVector<Value, 3>;
using GradientRule = std::function<InputGradients(const GradientArguments&)>;

// For ops of which many read the same input (slices of one tensor, rows of one table): the gradient
// by that input from all of them at once, so that T slices cost one concatenation and not T sums of
// full-size tensors.
struct JointUse {
  Value output;
  Value gradient;
  const Attributes* attributes;
  absl::Span<const Value> inputs;
};
using JointGradientRule = std::function<Value(Value input, absl::Span<const JointUse> uses)>;

// A gradient rule of one of the two sorts, or the explicit word that there is none. Has no default,
// so that forgetting does not compile.
class Differentiation {
 public:
  template <typename F>
  requires std::is_invocable_r_v<InputGradients, F, const GradientArguments&> Differentiation(
      F rule)  // NOLINT(google-explicit-constructor): records name the rule itself
      : rule_(std::move(rule)) {}
  // By input 0 only.
  static Differentiation Joint(JointGradientRule rule) {
    Differentiation result;
    result.joint_ = std::move(rule);
    return result;
  }
  // The output is flat in its inputs or has no derivative: gradients stop here.
  static Differentiation None() { return Differentiation(); }

  bool differentiable() const { return rule_ != nullptr || joint_ != nullptr; }
  const GradientRule& rule() const { return rule_; }
  const JointGradientRule& joint() const { return joint_; }

 private:
  Differentiation() = default;
  GradientRule rule_;
  JointGradientRule joint_;
};

// ---- Samples: what tests and benchmarks feed the op. ----
struct SampleInput {
  TensorType type;
  double low = -2;  // values are uniform in [low, high); ids in low .. high - 1
  double high = 2;
};
struct Sample {
  std::vector<SampleInput> inputs;
  Attributes attributes;
};

inline constexpr int kAnyNumber = -1;
// An element-wise op has a certain number of inputs, at most as many.
inline constexpr int kMostElementwiseInputs = 8;

// One op: everything the rest of the program knows about it.
struct Op {
  static constexpr const char* kKind = "op";

  std::string name;
  OpKind kind;
  std::string formula;  // of the output, for people
  int arity = 1;        // or kAnyNumber, which is one or more
  TypeRule type;
  Kernel kernel;
  Differentiation gradient;
  TileFunctions tiles = {};  // element-wise ops
  // Floating-point operations of one call.
  std::function<double(absl::Span<const TensorType> inputs, const TensorType& output)> flops;
  std::vector<Sample> samples;
  // A product's other form, which takes its right-hand operand packed by `pack`; names of ops. A
  // product that adds over rows takes its operands as they are. The other form also takes a
  // right-hand operand as it is, and packs what it works on for itself: no worse where it is alone
  // in reading the operand, and has many rows to use each part for.
  std::string pack = "";
  std::string packed_product = "";
  // Whether the packed form reads such an operand where it lies, for so many rows in all: so few
  // that packing would take longer.
  bool (*reads_in_place)(const Attributes&, const TensorType& right, int64_t rows) = nullptr;
  // op(a, b) + op(c, d) is op of the rows of a and c, and of b and d: sums over time steps become
  // one call.
  bool (*adds_over_rows)(const Attributes&) = nullptr;
  // Row i of the output depends on row i of input `row_input` (or of every input) and on all of the
  // other inputs. Rows are those of the matrix that a value is: all axes but the last, by the last.
  bool (*row_by_row)(const Attributes&, const Shape& output) = nullptr;
  static constexpr int kEveryInput = -1;
  int row_input = 0;
  // The form of an op with one more input, the last, that its result is added to: y + x · w. The
  // name of an op. y has the result's shape or, for a product, may be one row of it.
  std::string adding = "";
  // The input, of the result's type, over which the kernel may write its result; element-wise ops
  // may do so over any.
  static constexpr int kNoInput = -1;
  int overwritable_input = kNoInput;
  // Whether a product may write its result over its right-hand operand, if that has as many columns
  // and no fewer rows: a column of the result needs no other column of it.
  bool (*overwrites_right)(const Attributes&) = nullptr;
  // Each element of the output is an element of input 0.
  bool copies = false;
  // The output is input 0 broadcast to its shape, which element-wise ops do by themselves.
  bool broadcasts = false;
  // f(a + b) = f(a) + f(b) in an input of an element-wise op, where the others stay the same: bit i
  // of input i.
  uint32_t linear_inputs = 0;
  // Of a scatter: the op that turns its ids into places among as many rows as there are ids, the
  // same place for equal ids. The name of an op.
  std::string own_places = "";
  // An element-wise op of two inputs leaves one as it is, to the last bit, if the other is this.
  std::optional<double> neutral = std::nullopt;
  // This op adds its two inputs: what gradients of a value used twice are joined with.
  bool accumulates = false;
};

// Bytes that one call has to read and write at least.
double BytesMoved(absl::Span<const TensorType> inputs, const TensorType& output);

// All ops of the process, by name.
class OpRegistry {
 public:
  static OpRegistry& Global();

  // Fails if the name is taken or the record is incomplete; the op is then not registered.
  absl::Status Add(Op op);
  const Op* Find(absl::string_view name) const;
  // The op that `accumulates`.
  const Op& accumulate() const;
  // The op of a kind of which there is one: reshape, slice, concat.
  const Op& OnlyOf(OpKind kind) const;
  std::vector<const Op*> All() const;  // by name

 private:
  OpRegistry() = default;
};

// Registers ops when a library is loaded: `const RegisterOps kOps({...});`
struct RegisterOps {
  explicit RegisterOps(std::vector<Op> ops);
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_OP_H_
