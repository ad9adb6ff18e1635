#ifndef SLUICE_EXPERIMENTS_MACHINE_H_
#define SLUICE_EXPERIMENTS_MACHINE_H_

#include <cstdint>
#include <string>

namespace sluice {

// What a figure was measured on.
struct Machine {
  std::string processor;  // as the operating system names it
  int cores = 0;
  int64_t memory_bytes = 0;
  std::string instruction_set;  // that kernels use
  std::string compiler;
  std::string build;  // "Release"
  std::string system;
};
Machine ThisMachine();

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_MACHINE_H_
