#include <map>
#include <mutex>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <sluice/data/text_source.h>
#include <sluice/graph/nearest.h>

namespace sluice {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, CorpusRecord, std::less<>> records;
};

// A function's variable, so that it exists before the first initialiser that registers something;
// never destroyed, so that it outlives the last use at exit.
Registry& GlobalRegistry() {
  static Registry& registry = *new Registry;
  return registry;
}

absl::Status Unknown(absl::string_view name) {
  const std::vector<std::string> names = CorpusNames();
  const std::string nearest = NearestName(name, names);
  const std::string advice = nearest.empty()
                                 ? absl::StrCat("known corpora: ", absl::StrJoin(names, ", "))
                                 : absl::StrCat("did you mean \"", nearest, "\"?");
  return absl::NotFoundError(
      absl::StrCat("no corpus and no file is called \"", name, "\"; ", advice));
}

}  // namespace

bool RegisterCorpus(CorpusRecord record) {
  Registry& registry = GlobalRegistry();
  const std::lock_guard lock(registry.mutex);
  std::string name = record.name;
  return registry.records.try_emplace(std::move(name), std::move(record)).second;
}

std::vector<std::string> CorpusNames() {
  Registry& registry = GlobalRegistry();
  const std::lock_guard lock(registry.mutex);
  std::vector<std::string> names;
  for (const auto& [name, record] : registry.records) names.push_back(name);
  return names;
}

absl::StatusOr<CorpusRecord> FindCorpus(absl::string_view name) {
  Registry& registry = GlobalRegistry();
  {
    const std::lock_guard lock(registry.mutex);
    if (const auto found = registry.records.find(name); found != registry.records.end()) {
      return found->second;
    }
  }
  return Unknown(name);
}

absl::StatusOr<std::unique_ptr<TextSource>> OpenText(absl::string_view name_or_path) {
  const absl::StatusOr<CorpusRecord> record = FindCorpus(name_or_path);
  if (!record.ok()) {
    absl::StatusOr<std::unique_ptr<TextSource>> file = OpenTextFile(std::string(name_or_path));
    return absl::IsNotFound(file.status()) ? record.status() : std::move(file);
  }
  absl::StatusOr<std::unique_ptr<TextSource>> source = record->open();
  if (!absl::IsNotFound(source.status()) || record->package.empty()) return source;
  // On a line of its own, to be copied into a shell.
  return absl::NotFoundError(absl::StrCat("corpus \"", record->name, "\" needs the package ",
                                          record->package, ": ", source.status().message(),
                                          "; install it with\napt-get install ", record->package));
}

}  // namespace sluice
