#ifndef SLUICE_DATA_SHA256_H_
#define SLUICE_DATA_SHA256_H_

#include <memory>
#include <string>

#include <absl/strings/string_view.h>

namespace sluice {

// SHA-256 of bytes that come in parts.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Add(absl::string_view bytes);
  // 64 lower-case hexadecimal digits. Ends the sum: nothing may be added after it.
  std::string Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace sluice

#endif  // SLUICE_DATA_SHA256_H_
