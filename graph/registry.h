#ifndef SLUICE_GRAPH_REGISTRY_H_
#define SLUICE_GRAPH_REGISTRY_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/graph/nearest.h>

namespace sluice {

// What a library could not register when it was loaded, for which there is no other way out: `Plan`
// and the command line return it.
absl::Status RegistrationStatus();
void FailRegistration(const absl::Status& error);

// The plug-ins of one kind, by name. They enter from their own translation units when their library
// is loaded, and are never removed. `Record` has a `name` and a static `kKind`, such as "cell", for
// errors.
template <typename Record>
class Registry {
 public:
  static Registry& Global() {
    // Never destroyed: records of other libraries may be used until the process ends.
    static Registry& registry = *new Registry();
    return registry;
  }

  absl::Status Add(Record record) {
    const std::lock_guard lock(mutex_);
    if (record.name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("a ", Record::kKind, " needs a name"));
    }
    const std::string name = record.name;
    const auto [slot, is_new] = records_.try_emplace(name);
    if (!is_new) {
      return absl::AlreadyExistsError(
          absl::StrCat(Record::kKind, " \"", name, "\" is registered already"));
    }
    slot->second = std::make_unique<Record>(std::move(record));
    return absl::OkStatus();
  }

  // nullptr if there is none.
  const Record* FindOrNull(absl::string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto found = records_.find(std::string(name));
    return found == records_.end() ? nullptr : found->second.get();
  }

  // Or an error that names the nearest known one.
  absl::StatusOr<const Record*> Find(absl::string_view name) const {
    if (const Record* record = FindOrNull(name)) return record;
    return absl::NotFoundError(
        absl::StrCat("no ", Record::kKind, " \"", name, "\"", NearestNameHint(name, Names())));
  }

  std::vector<const Record*> All() const {
    const std::lock_guard lock(mutex_);
    std::vector<const Record*> all;
    for (const auto& [name, record] : records_) all.push_back(record.get());
    return all;
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Record* record : All()) names.push_back(record->name);
    return names;
  }

 private:
  Registry() = default;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Record>> records_;
};

// Registers a record when its library is loaded: `const Register<CellRecord> kGru({...});`
template <typename Record>
struct Register {
  explicit Register(Record record) {
    const absl::Status status = Registry<Record>::Global().Add(std::move(record));
    if (!status.ok()) FailRegistration(status);
  }
};

}  // namespace sluice

#endif  // SLUICE_GRAPH_REGISTRY_H_
