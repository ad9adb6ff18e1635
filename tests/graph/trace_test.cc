#include <set>
#include <thread>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <sluice/graph/trace.h>
#include <sluice/ops/composed.h>

#include "graph/tapes.h"

namespace sluice {
namespace {

using ::testing::ElementsAre;
using Json = nlohmann::json;

std::vector<Json> EventsOf(const Trace& trace) {
  return Json::parse(trace.Json()).at("traceEvents").get<std::vector<Json>>();
}

std::vector<std::string> NamesOf(const Trace& trace) {
  std::vector<std::string> names;
  for (const Json& event : EventsOf(trace)) names.push_back(event.at("name"));
  return names;
}

class TraceTest : public ::testing::Test {
 protected:
  // pack, product, and a group of two.
  std::vector<Value> Record(Tape& tape) {
    const Value x = tape.Feed(RandomFloats({1, 4}, 1));
    const Value w = tape.Feed(RandomFloats({4, 3}, 2));
    const Tape::ScopeMark scope(tape, "rnn/0");
    const Value product = MatMul(x, w);
    const Tape::ScopeMark inner(tape, "rnn/0/gate");
    return {Tanh(Negate(product))};
  }
  static absl::Status Run(Tape& tape, const std::vector<Value>& fetches, Trace& trace) {
    return tape.Read(fetches, {.trace = &trace}).status();
  }
};

TEST_F(TraceTest, SaysWhatRanWhenAndForWhom) {
  Trace trace;
  Tape tape;
  ASSERT_TRUE(Run(tape, Record(tape), trace).ok());
  EXPECT_EQ(trace.events(), 3);
  EXPECT_EQ(trace.dropped(), 0);
  const std::vector<Json> events = EventsOf(trace);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_THAT(NamesOf(trace), ElementsAre("pack", "packed_matmul", "negate tanh"));
  EXPECT_EQ(events[1].at("cat"), "product");
  EXPECT_EQ(events[2].at("cat"), "element-wise");
  EXPECT_EQ(events[1].at("args").at("scope"), "rnn/0");
  EXPECT_EQ(events[2].at("args").at("scope"), "rnn/0/gate");
  EXPECT_EQ(events[1].at("args").at("flops"), 2 * 4 * 3);
  double end = 0;
  for (const Json& event : events) {
    EXPECT_EQ(event.at("ph"), "X");
    EXPECT_EQ(event.at("pid"), 0);
    EXPECT_EQ(event.at("tid"), 0) << "one thread";
    EXPECT_GE(event.at("ts"), end) << "one after the other";
    EXPECT_GE(event.at("dur"), 0);
    EXPECT_GT(event.at("args").at("bytes"), 0);
    end = event.at("ts").get<double>() + event.at("dur").get<double>();
  }
  EXPECT_GT(end, 0);
}

TEST_F(TraceTest, ParsesWhateverScopesAreCalled) {
  const std::string name = "a \"quoted\" \\ name\n\twith\x01 controls";
  Trace trace;
  Tape tape;
  const Tape::ScopeMark scope(tape, name);
  ASSERT_TRUE(Run(tape, {Exp(tape.Feed(RandomFloats({3}, 1)))}, trace).ok());
  ASSERT_TRUE(Json::accept(trace.Json())) << trace.Json();
  EXPECT_EQ(EventsOf(trace)[0].at("args").at("scope"), name);
}

TEST_F(TraceTest, CountsWhatItHasNoRoomFor) {
  for (const int64_t room : {0, 1, 2}) {
    Trace trace(room);
    Tape tape;
    ASSERT_TRUE(Run(tape, Record(tape), trace).ok());
    EXPECT_EQ(trace.events(), room);
    EXPECT_EQ(trace.dropped(), 3 - room);
    EXPECT_EQ(static_cast<int64_t>(EventsOf(trace).size()), room);
    EXPECT_EQ(Json::parse(trace.Json()).at("droppedEvents"), 3 - room);
  }
}

TEST_F(TraceTest, KeepsTheNamesOfEachOfSeveralRuns) {
  Trace trace(5);
  for (int run = 0; run < 3; ++run) {
    Tape tape;
    if (run == 1) {
      ASSERT_TRUE(Run(tape, {Exp(tape.Feed(RandomFloats({3}, 1)))}, trace).ok());
    } else {
      ASSERT_TRUE(Run(tape, Record(tape), trace).ok());
    }
  }
  EXPECT_THAT(NamesOf(trace), ElementsAre("pack", "packed_matmul", "negate tanh", "exp", "pack"));
  EXPECT_EQ(trace.dropped(), 2);
}

TEST_F(TraceTest, NumbersThreadsInTheOrderTheyAppear) {
  Trace trace;
  trace.BeginRun({{.name = "first"}, {.name = "second"}});
  const auto span = [&](int32_t label) { const Trace::Span in_time(&trace, label); };
  span(0);
  std::thread([&] { span(1); }).join();
  span(1);
  std::vector<int> threads;
  for (const Json& event : EventsOf(trace)) threads.push_back(event.at("tid"));
  EXPECT_THAT(threads, ElementsAre(0, 1, 0));
}

TEST_F(TraceTest, CountsEveryCallOfManyThreads) {
  Trace trace(1000);
  trace.BeginRun({{.name = "kernel"}});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < 400; ++call) const Trace::Span span(&trace, 0);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(trace.events(), 1000);
  EXPECT_EQ(trace.dropped(), 600);
  EXPECT_EQ(EventsOf(trace).size(), 1000U);
}

// A chain's kernels are called for each block of rows.
TEST_F(TraceTest, SaysWhichRowsAKernelRanFor) {
  Tape tape;
  const Value w = tape.Feed(RandomFloats({64, 64}, 1));
  Value h = tape.Feed(RandomFloats({67, 64}, 2));
  for (int i = 0; i < 6; ++i) h = MatMul(h, w);
  const Threads threads(2);
  Trace trace;
  ASSERT_TRUE(tape.Read({h}, {.arena = threads.arena(), .trace = &trace}).ok());
  std::multiset<std::string> rows;
  for (const Json& event : EventsOf(trace)) {
    if (event.at("name") == "packed_matmul") rows.insert(event.at("args").at("rows"));
  }
  EXPECT_EQ(rows.size(), 12U);
  EXPECT_EQ(rows.count("0 to 34"), 6U);
  EXPECT_EQ(rows.count("34 to 67"), 6U);
}

}  // namespace
}  // namespace sluice
