#ifndef SLUICE_EXPERIMENTS_MACHINE_JSON_H_
#define SLUICE_EXPERIMENTS_MACHINE_JSON_H_

#include <nlohmann/json.hpp>

namespace sluice {

// What results say about the machine they come from; `threads` is how many were used.
nlohmann::ordered_json MachineJson(int threads);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_MACHINE_JSON_H_
