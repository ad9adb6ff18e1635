#include <absl/strings/str_cat.h>

#include <sluice/experiments/study.h>

namespace sluice {
namespace {

// ---- State tracking ----
// arXiv-style note without peer review or seeds; theory: Merrill et al. 2024, Grazzi et al. 2025.

Study Parity() {
  ProbeSettings settings;
  settings.task = "parity";
  settings.test_lags = {64, 256};
  settings.model.hidden = 64;
  settings.training = {
      .budget = {.updates = 1600}, .learning_rate = 3e-3, .batch = 128, .evaluate_every = 50};
  return {.name = "parity",
          .claim =
              "A GRU learns parity and carries it on to four times the length; minGRU, whose "
              "gates do not see the state, learns nothing.",
          .source =
              "a note without review, one seed: 1 layer, d = 64, batch 128, Adam 3e-3, at "
              "most 1600 steps, trained at 64, tested at 64 and 256",
          .differences = "a run ends once 0.99 of the answers are right in validation",
          .arms = {{"gru", "gru", settings, 64},
                   {"mingru", "mingru", settings, 64},
                   {"lstm", "lstm", settings, 64}},
          .criteria = {EachAccuracyAtLeast(0, 0.99, "1.000/1.000"),
                       EachAccuracyAtMost(1, 0.6, "0.525/0.507")}};
}

Study SelectiveCopy() {
  ProbeSettings settings;
  settings.task = "selective_copy:symbols=8";
  settings.model.embedding = 64;
  settings.parameters = 60'000;
  settings.training = {.budget = {.updates = 600},
                       .optimizer = "adamw",
                       .learning_rate = 3e-3,
                       .batch = 32,
                       .evaluate_every = 50};
  settings.stop_when_solved = false;
  ProbeSettings eight = settings;
  eight.task = "selective_copy:symbols=8:tokens=8";
  return {.name = "selective_copy",
          .claim =
              "With as many parameters, a GRU copies selectively after 600 updates, a minGRU "
              "does not.",
          .source =
              "a note without review, one or two seeds: L = 32, 60k parameters each, 600 "
              "steps, batch 32, AdamW 3e-3; exact matches",
          .differences =
              "the note does not say how many symbols there are, nor how they are "
              "embedded: 8 and 64 numbers here",
          .arms = {{"gru, 4 tokens", "gru", settings, 32},
                   {"mingru, 4 tokens", "mingru", settings, 32},
                   {"gru, 8 tokens", "gru", eight, 32},
                   {"mingru, 8 tokens", "mingru", eight, 32}},
          .criteria = {MeanAccuracyAtLeast(0, 0.95, "1.000"), MeanAccuracyAtMost(1, 0.6, "0.389"),
                       MeanAccuracyAbove(2, 3, 0.1, "0.382 and 0.001")}};
}

// ---- Long lags ----

// One sequence an update, as in 1997.
ProbeSettings Online(const char* task, int64_t updates, double learning_rate) {
  ProbeSettings settings;
  settings.task = task;
  settings.model.hidden = 4;
  settings.training = {.budget = {.updates = updates},
                       .optimizer = "sgd",
                       .learning_rate = learning_rate,
                       .clip = 0,
                       .batch = 1};
  settings.training.evaluate_every = 500;
  settings.test_sequences = 2560;
  return settings;
}

constexpr char kHs97Differences[] =
    "the paper has logistic outputs trained on squared errors; here classes are a softmax with "
    "cross-entropy, numbers linear; weights start normal with deviation 0.01, in the paper uniform "
    "within 0.1";

Study TemporalOrder() {
  return {.name = "temporal_order",
          .claim =
              "An LSTM without forget gate learns which of two symbols came in which order, "
              "over 40 steps and more.",
          .source = "Hochreiter & Schmidhuber 1997, task 6a: 156 weights, online, rate 0.5",
          .differences = kHs97Differences,
          .seeds = 10,
          .arms = {{"lstm97", "lstm97:preset=paper:input_bias=-2:init=d2l",
                    Online("temporal_order", 62'780, 0.5), 100}},
          .criteria = {SolvedWithin(0, 0.8, 62'780, "31,390 sequences, mean of 20 runs")}};
}

Study Adding() {
  return {.name = "adding",
          .claim = "An LSTM without forget gate adds two numbers marked among a hundred.",
          .source = "Hochreiter & Schmidhuber 1997, task 4: 93 weights, online, rate 0.5",
          .differences = absl::StrCat(kHs97Differences,
                                      "; the rate is 0.1: a logistic output has a slope of 1/4 at "
                                      "most, and half the gradient"),
          .seeds = 10,
          .arms = {{"lstm97", "lstm97:preset=paper:input_bias=-3:init=d2l",
                    Online("adding:hs97=1", 148'000, 0.1), 100}},
          .criteria = {SolvedWithin(0, 0.8, 148'000, "74,000 sequences, mean of 10 runs")}};
}

Study CopyChrono() {
  ProbeSettings settings;
  settings.task = "copy";
  settings.model.hidden = 64;
  settings.training = {.budget = {.updates = 10'000},
                       .optimizer = "rmsprop",
                       .learning_rate = 1e-3,
                       .clip = 0,
                       .batch = 32};
  settings.training.evaluate_every = 100;
  settings.stop_when_solved = false;
  return {.name = "copy_chrono",
          .claim =
              "Forget gates that start at the time scales of the task leave the memoryless "
              "level of the copy task, those that start at a bias of 1 stay there.",
          .source = "Tallec & Ollivier 2018, figures: 128 units, RMSprop 1e-3, lags 500 and 2000",
          .differences = "smaller: lag 100, 64 units; RMSprop's decay is 0.99, not 0.9",
          .arms = {{"chrono", "lstm:chrono=150", settings, 100},
                   {"forget bias 1", "lstm:forget_bias=1", settings, 100}},
          .criteria = {LeavesPlateauFirst(0, 1, "curves at lags 500 and 2000")}};
}

// ---- Ablation ----

Study Arithmetic() {
  ProbeSettings settings;
  settings.task = "arithmetic:problems=5";
  settings.model.hidden = 128;
  settings.training = {.budget = {.updates = 6'000}, .learning_rate = 3e-3, .batch = 32};
  settings.training.evaluate_every = 500;
  settings.stop_when_solved = false;
  return {.name = "arithmetic",
          .claim =
              "Without its forget gate an LSTM is no better than a tanh network at sums with "
              "letters among them.",
          .source = "Jozefowicz, Zaremba, Sutskever 2015, table 1, best of a search",
          .differences =
              "own generator, of five problems after the other in a sequence; one "
              "setting in place of a search",
          .seeds = 3,
          .arms = {{"lstm", "lstm", settings, 8},
                   {"lstm without forget gate", "lstm:drop=forget", settings, 8},
                   {"elman", "elman", settings, 8}},
          .criteria = {MeanAccuracyAtLeast(0, 0.7, "0.892"),
                       MeanAccuracyNear(1, 2, 0.1, "0.293 and 0.295")}};
}

}  // namespace

const std::vector<Study>& Studies() {
  static const auto& studies = *new std::vector<Study>{Adding(), Arithmetic(),    CopyChrono(),
                                                       Parity(), SelectiveCopy(), TemporalOrder()};
  return studies;
}

}  // namespace sluice
