// Plug-ins of tests/plugins/, with the program as a process of its own, since what is loaded stays.

#include "experiments/program.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class PluginTest : public ProgramTest {
 protected:
  static std::string Plugin(const std::string& name) {
    return absl::StrCat(SLUICE_PLUGIN_DIR "/lib", name, ".so");
  }
  void ExpectFailure(const std::vector<std::string>& arguments, const std::string& message) const {
    const Outcome outcome = Process(arguments);
    EXPECT_EQ(outcome.exit_code, 1) << outcome.error;
    EXPECT_EQ(outcome.error, absl::StrCat("sluice: ", message, "\n"));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
};

TEST_F(PluginTest, ItsCellsAreAsGoodAsBuiltInOnes) {
  const std::string plugin = "--plugin=" + Plugin("good");
  const Outcome list = Process({"list", "cells", plugin});
  EXPECT_EQ(list.exit_code, 0) << list.error;
  EXPECT_THAT(list.out, HasSubstr("plugin_cell  A cell of a plug-in\n"));
  EXPECT_THAT(Process({"graph", "--cell=plugin_cell", plugin}).out, StartsWith("digraph"));
  const Outcome compare = Process(Tiny("compare", {"--cells=gru,plugin_cell", plugin}));
  EXPECT_EQ(compare.exit_code, 0) << compare.error;
  EXPECT_THAT(compare.out, HasSubstr("\nplugin_cell "));
  const nlohmann::json results = ReadJson(Path("results/results.json"));
  EXPECT_EQ(results["options"]["plugin"], Plugin("good"));
  EXPECT_EQ(Process({"probe", "--cells=plugin_cell", "--lags=10", "--updates=2", "--seeds=1",
                     "--hidden=4", "--batch=2", plugin})
                .exit_code,
            0);
}

TEST_F(PluginTest, AModelOfItsCellNeedsItAgain) {
  const std::string plugin = "--plugin=" + Plugin("good");
  ASSERT_EQ(Process(Tiny("train", {"--cell=plugin_cell", plugin})).exit_code, 0);
  const std::string model = "--model=" + Path("model.sluice");
  EXPECT_EQ(Process({"sample", model, "--prefix=time", plugin}).exit_code, 0);
  const Outcome without = Process({"sample", model, "--prefix=time"});
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_THAT(without.error,
              StartsWith(absl::StrCat("sluice: ", Path("model.sluice"),
                                      " needs a cell that is not here: no cell \"plugin_cell\"")));
  EXPECT_THAT(without.error, HasSubstr("; a cell of a plug-in needs its --plugin\n"));
}

TEST_F(PluginTest, SeveralInOneFlagOrInSeveral) {
  const std::string good = Plugin("good"), taken = Plugin("taken_name");
  const std::string message =
      absl::StrCat("plug-in ", taken, ": cell \"gru\" is registered already");
  ExpectFailure({"list", "cells", absl::StrCat("--plugin=", good, ",", taken)}, message);
  ExpectFailure({"list", "--plugin=" + good, "cells", "--plugin", taken}, message);
  EXPECT_EQ(Process({"list", "cells", absl::StrCat("--plugin=", good, ",", good)}).exit_code, 0);
}

TEST_F(PluginTest, WhatIsNoPlugIn) {
  ExpectFailure(
      {"list", "--plugin=" + Path("none.so")},
      absl::StrCat("cannot read the plug-in ", Path("none.so"), ": No such file or directory"));
  ExpectFailure({"list", "--plugin=" + Write("text.so", "no library")},
                absl::StrCat("plug-in ", Path("text.so"), " is not a shared library"));
  ExpectFailure({"list", "--plugin=" + Path("")},
                absl::StrCat("plug-in ", Path(""), " is a folder"));
  for (const size_t size : {10, 100, 5'000, 15'000}) {
    ExpectFailure({"list", "--plugin=" + Write("cut.so", Read(Plugin("good")).substr(0, size))},
                  absl::StrCat("plug-in ", Path("cut.so"), " is cut short"));
  }
  const Outcome other =
      Process({"list", absl::StrCat("--plugin=", SLUICE_PROGRAM_DIR, "/../libsluice.so")});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_THAT(other.error, HasSubstr("is no plug-in of sluice: it does not say which version"));
}

TEST_F(PluginTest, OneOfAnotherVersionIsNotLoaded) {
  const Outcome outcome = Process({"list", "--plugin=" + Plugin("other_version")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.error, StartsWith(absl::StrCat("sluice: plug-in ", Plugin("other_version"),
                                                     " was built against sluice 0.0.7, this is ")));
  EXPECT_THAT(outcome.out, IsEmpty());

  // The same version, but other headers.
  std::string bytes = Read(Plugin("good"));
  const size_t layout = bytes.find('/', bytes.find("sluice-plugin-stamp:")) + 1;
  bytes[layout] = bytes[layout] == '0' ? '1' : '0';
  EXPECT_THAT(Process({"list", "--plugin=" + Write("other.so", bytes)}).error,
              HasSubstr(" was built against other headers of sluice "));
}

TEST_F(PluginTest, ExceptionsAreErrors) {
  ExpectFailure({"list", "--plugin=" + Plugin("throwing")},
                absl::StrCat("plug-in ", Plugin("throwing"),
                             ": an exception when it was loaded: nothing works today"));
  const Outcome step = Process({"graph", "--cell=throwing_cell", "--plugin=" + Plugin("good")});
  EXPECT_EQ(step.exit_code, 1);
  EXPECT_EQ(step.error, "sluice: this step cannot be taken\n");
}

}  // namespace
}  // namespace sluice
