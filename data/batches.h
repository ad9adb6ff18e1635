#ifndef SLUICE_DATA_BATCHES_H_
#define SLUICE_DATA_BATCHES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <sluice/data/token_ids.h>
#include <sluice/graph/tensor.h>

namespace sluice {

// T steps of B sequences: predict each target from the inputs up to and including its own step.
struct Batch {
  Tensor inputs;       // (T, B) i32: ids; 0 where the mask is 0
  Tensor targets;      // (T, B) i32: the token after the input; kIgnoredTarget where the mask is 0
  Tensor mask;         // (T, B) f32: 1 where there is a target, 0 where a sequence has ended
  int64_t tokens = 0;  // number of targets, without the ignored ones
  // Whether its sequences begin here, so that the state ahead of it must be zero. Otherwise column
  // b goes on where column b of the batch ahead of it stopped.
  bool starts_sequence = true;
};

// Batches one after the other, for range-for. Each is made when it is reached and has buffers of
// its own, so it may be kept.
class Batches {
 public:
  // Where the targets of one column of one batch are: those of tokens begin + 1 .. begin + count.
  struct Run {
    int64_t begin = 0;
    int64_t count = 0;  // 0 .. steps
  };
  struct Plan {
    int64_t batches = 0;
    int64_t steps = 0;           // T
    int64_t columns = 0;         // B
    bool carries_state = false;  // only the first batch starts sequences
    std::function<Run(int64_t batch, int64_t column)> run;
  };

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    using pointer = const Batch*;
    using reference = const Batch&;

    Iterator() = default;
    Iterator(const Batches* batches, int64_t position) : batches_(batches), position_(position) {
      Make();
    }
    reference operator*() const { return batch_; }
    pointer operator->() const { return &batch_; }
    Iterator& operator++() {
      ++position_;
      Make();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& a, const Iterator& b) {
      return a.position_ == b.position_;
    }

   private:
    void Make() {
      if (position_ < batches_->size()) batch_ = (*batches_)[position_];
    }
    const Batches* batches_ = nullptr;
    int64_t position_ = 0;
    Batch batch_;
  };

  Batches(std::shared_ptr<const TokenIds> ids, Plan plan)
      : ids_(std::move(ids)), plan_(std::move(plan)) {}

  int64_t size() const { return plan_.batches; }
  // Batch 0 <= index < size(); the same one every time.
  Batch operator[](int64_t index) const;
  Iterator begin() const { return Iterator(this, 0); }
  Iterator end() const { return Iterator(this, size()); }

 private:
  std::shared_ptr<const TokenIds> ids_;
  Plan plan_;
};

struct StreamOptions {
  int64_t batch = 32;  // B streams
  int64_t steps = 35;  // T
  int64_t offset = 0;  // tokens to leave out at the front, to cut the chunks elsewhere
};

struct WindowOptions {
  int64_t batch = 32;  // B windows
  int64_t steps = 35;  // T
  uint64_t seed = 0;
  uint64_t epoch = 0;
};

// A stretch of a corpus: a cheap view that shares the corpus' ids.
class Part {
 public:
  // Tokens begin .. end - 1 of `ids`. The names are for messages.
  Part(std::shared_ptr<const TokenIds> ids, int64_t begin, int64_t end, std::string corpus,
       std::string name);

  const std::string& name() const { return name_; }  // "train", "validation", "test"
  int64_t tokens() const { return end_ - begin_; }
  // The token at 0 <= position < tokens().
  int32_t operator[](int64_t position) const { return (*ids_)[begin_ + position]; }
  // Copies tokens begin, begin + 1, ... of the part.
  void Read(int64_t begin, absl::Span<int32_t> ids) const { ids_->Read(begin_ + begin, ids); }
  // All of them, at four bytes each.
  std::vector<int32_t> Ids() const;

  // Cuts the part into B streams of consecutive tokens, of (tokens - 1) / B targets each, the first
  // (tokens - 1) % B streams of one more; and each stream into chunks of T steps, the last of which
  // is masked where its stream has ended. Every token but the first is a target exactly once. A
  // batch is one chunk of each stream; the state is carried from batch to batch, for truncated
  // back-propagation through time.
  // InvalidArgument where a size is not positive, the offset negative, or there are fewer than B +
  // 1 tokens behind the offset.
  absl::StatusOr<Batches> Streams(const StreamOptions& options) const;

  // Windows of T targets that begin at tokens 0, T, 2 T, ..., in an order drawn from (seed, epoch),
  // B to a batch. The last window of the part may have fewer targets, the last batch fewer windows;
  // both are masked. Every token but the first is a target exactly once. Each batch starts
  // sequences. InvalidArgument where a size is not positive or there are fewer than 2 tokens.
  absl::StatusOr<Batches> Windows(const WindowOptions& options) const;

 private:
  std::shared_ptr<const TokenIds> ids_;
  int64_t begin_;
  int64_t end_;
  std::string corpus_;
  std::string name_;
};

}  // namespace sluice

#endif  // SLUICE_DATA_BATCHES_H_
