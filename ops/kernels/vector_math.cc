#include <sluice/ops/kernels/vector_math.h>

namespace sluice {
namespace SLUICE_KERNELS {

extern const float kExpLow = -105.0F;     // e^x is 0
extern const float kExpHigh = 90.0F;      // infinity
extern const float kSigmoidHigh = 20.0F;  // sigmoid(x) is 1
extern const float kTanhLow = -10.0F;     // tanh(x) is -1
extern const float kZero = 0.0F;

}  // namespace SLUICE_KERNELS
}  // namespace sluice
