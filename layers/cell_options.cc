#include <absl/strings/numbers.h>

#include <sluice/layers/cell_options.h>
#include <sluice/layers/initializers.h>

namespace sluice {

const std::string& CellOptions::Get(absl::string_view name) const {
  static const std::string& none = *new std::string();
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? none : found->second;
}

double CellOptions::Number(absl::string_view name) const {
  double number = 0;
  return absl::SimpleAtod(Get(name), &number) ? number : 0;
}

const CellOption& ScanOption() {
  static const auto& option = *new CellOption{
      .name = "scan",
      .standard = "sequential",
      .choices = {"sequential", "parallel"},
      .description =
          "step by step, or all steps at once in log2(T) rounds (Martin & Cundy 2018): the "
          "same to rounding, slower on few cores",
      .is_switch = true};
  return option;
}

CellOption ForgetBiasOption(const char* standard) {
  return {.name = "forget_bias",
          .standard = standard,
          .description = "added to the initial bias of the forget gate"};
}

const std::vector<CellOption>& CommonCellOptions() {
  const auto number = [](const char* name, double low, double high, const char* description) {
    return CellOption{.name = name,
                      .standard = "0",
                      .description = description,
                      .low = low,
                      .high = high,
                      .is_switch = true};
  };
  constexpr double kEndless = std::numeric_limits<double>::infinity();
  static const auto& options = *new std::vector<CellOption>{
      {"init", "keras", InitialValuesNames(), "first values of weights and biases"},
      {"biases", "one", {"none", "one", "two"}, "biases a gate"},
      number("keep_bias", -kEndless, kEndless,
             "added to the initial bias of the gates that keep, towards keeping; ln(T - 1) is a "
             "memory of T steps"),
      number("chrono", 0, kEndless,
             "longest memory T: initial biases that keep are ln(uniform in 1 .. T - 1) (Tallec & "
             "Ollivier 2018); 0: off"),
      {.name = "layer_norm",
       .standard = "no",
       .choices = {"no", "yes"},
       .description = "normalises the products of each gate (Ba, Kiros, Hinton 2016)",
       .is_switch = true},
      number("zoneout", 0, 1, "share of h that keeps its old value (Krueger et al. 2017)"),
      number("zoneout_memory", 0, 1, "the same of the rest of the state, such as c"),
      number("recurrent_dropout", 0, 0.99,
             "dropout of what a step adds to the state (Semeniuta, Severyn, Barth 2016)"),
      number("state_dropout", 0, 0.99,
             "dropout of what recurrent matrices see, one mask a sequence (Gal & Ghahramani 2016)"),
      number("weight_drop", 0, 0.99,
             "dropout of recurrent weights, one mask a sequence (Merity, Keskar, Socher 2017)")};
  return options;
}

}  // namespace sluice
