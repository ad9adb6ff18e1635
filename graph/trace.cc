#include <algorithm>
#include <functional>
#include <thread>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <sluice/graph/trace.h>

namespace sluice {
namespace {

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ') {
      absl::StrAppendFormat(&quoted, "\\u%04x", static_cast<int>(c));
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string Microseconds(int64_t nanoseconds) {
  return absl::StrFormat("%d.%03d", nanoseconds / 1000, nanoseconds % 1000);
}

}  // namespace

Trace::Trace(int64_t most_events)
    : start_(Clock::now()), events_(std::max<int64_t>(0, most_events)) {}

int64_t Trace::events() const {
  return std::min<int64_t>(count_, static_cast<int64_t>(events_.size()));
}
int64_t Trace::dropped() const { return count_ - events(); }

void Trace::BeginRun(std::vector<Label> labels) {
  // No event will refer to them.
  if (count_ >= static_cast<int64_t>(events_.size())) return;
  first_label_ = static_cast<int64_t>(labels_.size());
  labels_.insert(labels_.end(), std::make_move_iterator(labels.begin()),
                 std::make_move_iterator(labels.end()));
}

int64_t Trace::Nanoseconds(Clock::time_point time) const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time - start_).count();
}

void Trace::Add(const Span& span) {
  const int64_t index = count_++;
  if (index >= static_cast<int64_t>(events_.size())) return;
  events_[index] = {first_label_ + span.label_,
                    span.row_,
                    span.rows_,
                    Nanoseconds(span.begin_),
                    Nanoseconds(Clock::now()),
                    std::hash<std::thread::id>()(std::this_thread::get_id())};
}

std::string Trace::Json() const {
  absl::flat_hash_map<uint64_t, int64_t> thread_numbers;
  std::string json = "{\"traceEvents\": [";
  for (int64_t i = 0; i < events(); ++i) {
    const Event& event = events_[i];
    const Label& label = labels_[event.label];
    const int64_t thread =
        thread_numbers.try_emplace(event.thread, thread_numbers.size()).first->second;
    absl::StrAppend(&json, i == 0 ? "\n" : ",\n", "{\"name\": ", Quoted(label.name),
                    ", \"cat\": ", Quoted(label.category),
                    ", \"ph\": \"X\", \"pid\": 0, \"tid\": ", thread,
                    ", \"ts\": ", Microseconds(event.begin),
                    ", \"dur\": ", Microseconds(event.end - event.begin),
                    ", \"args\": {\"scope\": ", Quoted(label.scope),
                    ", \"flops\": ", static_cast<int64_t>(label.flops),
                    ", \"bytes\": ", static_cast<int64_t>(label.bytes));
    if (event.rows > 0) {
      absl::StrAppend(
          &json, ", \"rows\": ", Quoted(absl::StrCat(event.row, " to ", event.row + event.rows)));
    }
    absl::StrAppend(&json, "}}");
  }
  return absl::StrCat(json, "\n], \"displayTimeUnit\": \"ns\", \"droppedEvents\": ", dropped(),
                      "}\n");
}

}  // namespace sluice
