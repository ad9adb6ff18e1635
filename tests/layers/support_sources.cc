// One test program is built from the files of one folder: what all rooms share comes in here.

#include "support/gradient_check.cc"  // NOLINT(bugprone-suspicious-include)
