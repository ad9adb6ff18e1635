#ifndef SLUICE_GRAPH_TRACE_H_
#define SLUICE_GRAPH_TRACE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>

namespace sluice {

// Which kernel ran when, on which thread, of the runs it is given to: `RunOptions{.trace =
// &trace}`. `Json` is for chrome://tracing and ui.perfetto.dev. Keeps the first `most_events`
// kernel calls and counts the others. One run at a time.
class Trace {
  using Clock = std::chrono::steady_clock;

 public:
  static constexpr int64_t kMostEvents = 1 << 20;
  explicit Trace(int64_t most_events = kMostEvents);
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  // Calls that were recorded, and those for which there was no room.
  int64_t events() const;
  int64_t dropped() const;
  // Trace Event Format: {"traceEvents": [{"name", "cat", "ph": "X", "ts", "dur", "tid", "args"}]};
  // times in microseconds since the trace was made, threads numbered in the order they appear.
  std::string Json() const;

  // What a run names its kernels with; the events after it refer to them.
  struct Label {
    std::string name;      // of the op, or of all ops of a group
    std::string category;  // the op's kind
    std::string scope;
    double flops = 0;  // of the whole kernel
    double bytes = 0;
  };
  void BeginRun(std::vector<Label> labels);
  // While one lives, a kernel runs: of the run's label `label`, `rows` rows of it from `row` on (0:
  // all). Does nothing without a trace.
  class Span {
   public:
    Span(Trace* trace, int32_t label, int64_t row = 0, int64_t rows = 0)
        : trace_(trace), label_(label), row_(row), rows_(rows) {
      if (trace_ != nullptr) begin_ = Clock::now();
    }
    ~Span() {
      if (trace_ != nullptr) trace_->Add(*this);
    }
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    friend class Trace;
    Trace* trace_;
    int32_t label_;
    int64_t row_;
    int64_t rows_;
    Clock::time_point begin_;
  };

 private:
  struct Event {
    int64_t label;
    int64_t row;
    int64_t rows;
    int64_t begin;  // in nanoseconds since the trace was made
    int64_t end;
    uint64_t thread;
  };

  void Add(const Span& span);
  int64_t Nanoseconds(Clock::time_point time) const;

  Clock::time_point start_;
  std::vector<Label> labels_;  // of all runs
  int64_t first_label_ = 0;    // of the latest
  std::vector<Event> events_;
  std::atomic<int64_t> count_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_TRACE_H_
