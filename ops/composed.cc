#include <numeric>
#include <vector>

#include <absl/strings/str_cat.h>

#include <sluice/ops/composed.h>

namespace sluice {
namespace {

constexpr int kLastAxis[] = {-1};

Shape WithLastAxis(const Shape& shape, int64_t size) {
  std::vector<int64_t> sizes(shape.sizes().begin(), shape.sizes().end());
  sizes.push_back(size);
  return Shape(sizes);
}

// 0, 1, ... as an i32 constant of the tape.
Value Range(Tape& tape, int64_t count) {
  std::vector<int32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return tape.Feed(Tensor(Shape{count}, numbers));
}

}  // namespace

Value Mean(Value x, Axes axes, bool keep_axes) {
  const Value sum = Sum(x, axes, keep_axes);
  if (!sum.valid()) return sum;
  const double ratio = static_cast<double>(x.shape().elements()) /
                       static_cast<double>(std::max<int64_t>(1, sum.shape().elements()));
  return sum * (1 / ratio);
}

Value Variance(Value x, Axes axes, bool keep_axes) {
  return Mean(Square(x - Mean(x, axes, true)), axes, keep_axes);
}

Value Norm(Value x, Axes axes) { return Sqrt(Sum(Square(x), axes)); }

Value LogSumExp(Value x, bool keep_axis) {
  const Value largest = StopGradient(Max(x, kLastAxis, true));
  const Value result = Log(Sum(Exp(x - largest), kLastAxis, true)) + largest;
  if (keep_axis || !result.valid()) return result;
  return Reshape(result, Shape(result.shape().sizes().first(result.shape().rank() - 1)));
}

Value LogSoftmax(Value x) { return x - LogSumExp(x, true); }

Value Softmax(Value x) {
  const Value powers = Exp(x - StopGradient(Max(x, kLastAxis, true)));
  return powers / Sum(powers, kLastAxis, true);
}

Value OneHot(Value ids, int64_t classes, DType dtype) {
  if (!ids.valid()) return ids;
  if (classes < 0) {
    ids.tape()->Fail(absl::StrCat("one_hot: cannot have ", classes, " classes"));
    return Value(ids.tape(), kNoNode);
  }
  const Value range = Range(*ids.tape(), classes);
  return Cast(Equal(Reshape(ids, WithLastAxis(ids.shape(), 1)), range), dtype);
}

Value CrossEntropyEach(Value logits, Value ids) {
  if (!logits.valid() || !ids.valid()) return logits.valid() ? ids : logits;
  Tape& tape = *logits.tape();
  if (logits.shape().rank() == 0 || ids.dtype() != DType::kI32 ||
      WithLastAxis(ids.shape(), logits.shape().back(0)) != logits.shape()) {
    tape.Fail(absl::StrCat("cross_entropy: logits are ", logits.type().ToString(), ", ids are ",
                           ids.type().ToString(),
                           "; ids must be i32 of the logits' shape without the last axis"));
    return Value(&tape, kNoNode);
  }
  const int64_t count = ids.shape().elements();
  const int64_t classes = logits.shape().back(0);
  const Value flat_ids = Reshape(ids, {count});
  const Value counts = 1 - Equal(flat_ids, NumberLike(kIgnoredTarget, flat_ids));
  // The logit of each target; an ignored one reads class 0.
  const Value rows = Reshape(logits, {count, classes});
  const Value target_logits = Pick(rows, flat_ids * counts);
  const Value nats = LogSumExp(rows) - target_logits;
  return Reshape(nats * Cast(counts, logits.dtype()), ids.shape());
}

Value CrossEntropy(Value logits, Value ids) {
  const Value each = CrossEntropyEach(logits, ids);
  if (!each.valid()) return each;
  const Value counts = Cast(1 - Equal(ids, NumberLike(kIgnoredTarget, ids)), logits.dtype());
  const Value count = Sum(counts);
  return Sum(each) / Maximum(count, NumberLike(1, count));
}

Value BinaryCrossEntropy(Value logits, Value targets) {
  return Softplus(logits) - logits * targets;
}

Value Dropout(Value x, double rate, Value step, RandomKey key) {
  if (!x.valid() || rate == 0) return x;
  if (!(rate > 0 && rate < 1)) {
    x.tape()->Fail(absl::StrCat("dropout: rate ", rate, " is not within 0 and 1"));
    return Value(x.tape(), kNoNode);
  }
  const Value drawn = Uniform(step, key, x.dtype(), x.shape());
  return x * (LessEqual(NumberLike(rate, drawn), drawn) * (1 / (1 - rate)));
}

Value LinearScan(Value a, Value b, Value initial, bool backward) {
  for (const Value& value : {a, b, initial}) {
    if (!value.valid()) return value;
  }
  const Shape all = b.shape();  // a copy: what is recorded moves the tape
  if (all.rank() == 0 || a.shape().rank() != all.rank() || a.shape()[0] != all[0] ||
      !BroadcastsTo(a.shape(), all) || initial.shape() != Shape(all.sizes().subspan(1))) {
    b.tape()->Fail(
        absl::StrCat("linear_scan: b must be (T, ...), a the same or broadcasting to it, "
                     "initial (...); a is ",
                     a.shape().ToString(), ", b is ", all.ToString(), ", initial is ",
                     initial.shape().ToString()));
    return Value(b.tape(), kNoNode);
  }
  // Steps are counted from the end at which the recurrence starts.
  const auto part = [&](Value x, int64_t begin, int64_t end) {
    const int64_t steps = x.shape()[0];
    return backward ? Slice(x, 0, steps - end, steps - begin) : Slice(x, 0, begin, end);
  };
  const auto join = [&](Value early, Value late) {
    return backward ? Concat(std::vector<Value>{late, early}, 0)
                    : Concat(std::vector<Value>{early, late}, 0);
  };
  // Places 0 .. T, the initial state first. Before each round, h is done at the first `reach`
  // places; at place p of the others it is what the last `reach` steps add up to, and a, at p -
  // reach, is by how much they multiply the h before them.
  Value h = join(Reshape(initial, all.With(0, 1)), b);
  const int64_t places = all[0] + 1;
  for (int64_t reach = 1; reach < places; reach *= 2) {
    const int64_t rest = places - reach;
    h = join(part(h, 0, reach), part(h, reach, places) + a * part(h, 0, rest));
    if (reach < rest) a = part(a, reach, rest) * part(a, 0, rest - reach);
  }
  return part(h, 1, places);
}

Value Normalize(Value x, double epsilon) {
  const Value centred = x - Mean(x, kLastAxis, true);
  const Value variance = Mean(Square(centred), kLastAxis, true);
  return centred / Sqrt(variance + epsilon);
}

Value LayerNorm(Value x, Value gain, Value shift, double epsilon) {
  return Normalize(x, epsilon) * gain + shift;
}

}  // namespace sluice
