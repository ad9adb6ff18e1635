// Prints 2 + 3 worked out on a tape; with the path of the plug-in also what the plug-in's op makes
// of it.
#include <cstdio>

#include <dlfcn.h>

#include <sluice/graph/op.h>
#include <sluice/graph/tape.h>
#include <sluice/ops/elementwise.h>

int main(int argc, char** argv) {
  sluice::Tape tape;
  const sluice::Value two = tape.Constant(2, sluice::DType::kF64);
  const sluice::Value five = two + 3;
  const absl::StatusOr<double> sum = tape.Read(five);
  if (!sum.ok()) {
    std::printf("%s\n", sum.status().ToString().c_str());
    return 1;
  }
  std::printf("%g", *sum);
  if (argc > 1) {
    if (dlopen(argv[1], RTLD_NOW) == nullptr) {
      std::printf("%s\n", dlerror());
      return 1;
    }
    const sluice::Op* op = sluice::OpRegistry::Global().Find("negate_twice");
    if (op == nullptr) {
      std::printf("the plug-in registered nothing\n");
      return 1;
    }
    std::printf(" %g", tape.Read(tape.Record(*op, {five})).value());
  }
  std::printf("\n");
  return 0;
}
