#include <sluice/experiments/commands.h>

int main(int argc, char** argv) {
  return sluice::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc));
}
