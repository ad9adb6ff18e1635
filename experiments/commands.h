#ifndef SLUICE_EXPERIMENTS_COMMANDS_H_
#define SLUICE_EXPERIMENTS_COMMANDS_H_

#include <sluice/experiments/command_line.h>

namespace sluice {

// The commands of the program, one file each: compare.cc, train.cc, sample.cc, list.cc, graph.cc,
// probe.cc, reproduce.cc.
Command CompareCommand();
Command TrainCommand();
Command SampleCommand();
Command ListCommand();
Command GraphCommand();
Command ProbeCommand();
Command ReproduceCommand();

// Runs a command line without the program's name, and returns its exit code. Results go to standard
// output, errors and progress to standard error.
int RunCommandLine(absl::Span<const std::string> arguments);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_COMMANDS_H_
