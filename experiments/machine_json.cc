#include <sluice/experiments/machine.h>
#include <sluice/experiments/machine_json.h>

namespace sluice {

nlohmann::ordered_json MachineJson(int threads) {
  const Machine machine = ThisMachine();
  return {{"processor", machine.processor},
          {"cores", machine.cores},
          {"threads", threads},
          {"memory_bytes", machine.memory_bytes},
          {"instruction_set", machine.instruction_set},
          {"compiler", machine.compiler},
          {"build", machine.build},
          {"system", machine.system}};
}

}  // namespace sluice
