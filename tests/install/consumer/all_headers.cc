// A header that was not installed but is included by one that was shows here.
#include "all_headers.inc"  // written by test_package.sh
