#include <absl/strings/str_cat.h>

#include <sluice/data/text_source.h>
#include <sluice/graph/nearest.h>

namespace sluice {
absl::StatusOr<std::unique_ptr<TextSource>> OpenText(absl::string_view name_or_path) {
  const CorpusRecord* record = CorpusRegistry::Global().FindOrNull(name_or_path);
  if (record == nullptr) {
    absl::StatusOr<std::unique_ptr<TextSource>> file = OpenTextFile(std::string(name_or_path));
    if (!absl::IsNotFound(file.status())) return file;
    return absl::NotFoundError(
        absl::StrCat("no corpus and no file is called \"", name_or_path, "\"",
                     NearestNameHint(name_or_path, CorpusRegistry::Global().Names())));
  }
  absl::StatusOr<std::unique_ptr<TextSource>> source = record->open();
  if (!absl::IsNotFound(source.status()) || record->package.empty()) return source;
  // On a line of its own, to be copied into a shell.
  return absl::NotFoundError(absl::StrCat("corpus \"", record->name, "\" needs the package ",
                                          record->package, ": ", source.status().message(),
                                          "; install it with\napt-get install ", record->package));
}

}  // namespace sluice
