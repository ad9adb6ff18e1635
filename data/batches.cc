#include <algorithm>
#include <numeric>

#include <absl/strings/str_cat.h>

#include <sluice/data/batches.h>
#include <sluice/graph/random.h>

namespace sluice {
namespace {

int64_t DivideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

absl::Status CheckPositive(absl::string_view what, int64_t value) {
  if (value > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " must be at least 1, not ", value));
}

absl::Status CheckSizes(int64_t batch, int64_t steps) {
  if (absl::Status status = CheckPositive("batch", batch); !status.ok()) return status;
  return CheckPositive("steps", steps);
}

std::string Counted(int64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

}  // namespace

Batch Batches::operator[](int64_t index) const {
  const int64_t steps = plan_.steps;
  const int64_t columns = plan_.columns;
  const Shape shape{steps, columns};
  Batch batch{.inputs = Tensor(DType::kI32, shape),
              .targets = Tensor(DType::kI32, shape),
              .mask = Tensor(DType::kF32, shape),
              .tokens = 0,
              .starts_sequence = index == 0 || !plan_.carries_state};
  const absl::Span<int32_t> inputs = batch.inputs.values<int32_t>();
  const absl::Span<int32_t> targets = batch.targets.values<int32_t>();
  const absl::Span<float> mask = batch.mask.values<float>();
  std::fill(targets.begin(), targets.end(), kIgnoredTarget);
  std::vector<int32_t> tokens(steps + 1);  // of one column: its inputs, and one more
  for (int64_t b = 0; b < columns; ++b) {
    const Run run = plan_.run(index, b);
    if (run.count == 0) continue;
    ids_->Read(run.begin, absl::MakeSpan(tokens).first(run.count + 1));
    for (int64_t t = 0; t < run.count; ++t) {
      inputs[t * columns + b] = tokens[t];
      targets[t * columns + b] = tokens[t + 1];
      mask[t * columns + b] = 1;
    }
    batch.tokens += run.count;
  }
  return batch;
}

Part::Part(std::shared_ptr<const TokenIds> ids, int64_t begin, int64_t end, std::string corpus,
           std::string name)
    : ids_(std::move(ids)),
      begin_(begin),
      end_(end),
      corpus_(std::move(corpus)),
      name_(std::move(name)) {}

std::vector<int32_t> Part::Ids() const {
  std::vector<int32_t> ids(tokens());
  Read(0, absl::MakeSpan(ids));
  return ids;
}

absl::StatusOr<Batches> Part::Streams(const StreamOptions& options) const {
  if (absl::Status status = CheckSizes(options.batch, options.steps); !status.ok()) return status;
  if (options.offset < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("offset must not be negative, but is ", options.offset));
  }
  const int64_t streams = options.batch;
  const int64_t steps = options.steps;
  const int64_t targets = tokens() - options.offset - 1;
  if (targets < streams) {
    const std::string behind =
        options.offset > 0 ? absl::StrCat(" behind the offset of ", options.offset) : "";
    return absl::InvalidArgumentError(
        absl::StrCat("corpus \"", corpus_, "\": ", name_, " has ",
                     Counted(std::max<int64_t>(0, targets + 1), "token"), behind, ", a batch of ",
                     Counted(streams, "stream"), " needs at least ", streams + 1,
                     "; use a smaller --batch or a larger text"));
  }
  const int64_t each = targets / streams;
  const int64_t longer = targets % streams;  // streams with one target more
  const int64_t first = begin_ + options.offset;
  return Batches(ids_, {.batches = DivideUp(each + (longer > 0 ? 1 : 0), steps),
                        .steps = steps,
                        .columns = streams,
                        .carries_state = true,
                        .run = [=](int64_t chunk, int64_t stream) {
                          const int64_t length = each + (stream < longer ? 1 : 0);
                          const int64_t begin = stream * each + std::min(stream, longer);
                          const int64_t left = length - chunk * steps;
                          return Batches::Run{.begin = first + begin + chunk * steps,
                                              .count = std::clamp<int64_t>(left, 0, steps)};
                        }});
}

absl::StatusOr<Batches> Part::Windows(const WindowOptions& options) const {
  if (absl::Status status = CheckSizes(options.batch, options.steps); !status.ok()) return status;
  if (tokens() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "corpus \"", corpus_, "\": ", name_, " has ", Counted(tokens(), "token"),
        ", a window needs at least 2; use a larger text or a larger share for ", name_));
  }
  const int64_t targets = tokens() - 1;
  const int64_t steps = options.steps;
  const int64_t columns = options.batch;
  auto order = std::make_shared<std::vector<int64_t>>(DivideUp(targets, steps));
  std::iota(order->begin(), order->end(), 0);
  RandomStream(MakeRandomKey(options.seed, "data/windows"), options.epoch).Shuffle(*order);
  const auto windows = static_cast<int64_t>(order->size());
  return Batches(ids_, {.batches = DivideUp(windows, columns),
                        .steps = steps,
                        .columns = columns,
                        .carries_state = false,
                        .run = [=, first = begin_](int64_t batch, int64_t column) {
                          const int64_t place = batch * columns + column;
                          if (place >= windows) return Batches::Run{};
                          const int64_t begin = (*order)[place] * steps;
                          return Batches::Run{.begin = first + begin,
                                              .count = std::min(steps, targets - begin)};
                        }});
}

}  // namespace sluice
