#ifndef SLUICE_EXPERIMENTS_INTERRUPT_H_
#define SLUICE_EXPERIMENTS_INTERRUPT_H_

namespace sluice {

// Forgets what was asked before. From here on Ctrl-C asks the program to end with what there is; a
// second one ends it at once.
void CatchInterrupts();
bool Interrupted();

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_INTERRUPT_H_
