#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <sluice/layers/cell_text.h>
#include <sluice/layers/equations/equation_cell.h>

namespace sluice {
namespace {

constexpr absl::string_view kSuffix = ".cell";
// Far above any equations.
constexpr size_t kLongestText = 64 << 10;

// What a name of equations in braces is made of.
bool IsNameCharacter(char c) { return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-'; }

bool IsInBraces(absl::string_view name) { return absl::StartsWith(name, "{"); }

absl::StatusOr<std::string> ReadCellFile(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a folder, not equations"));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(kLongestText + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kLongestText) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is longer than ", kLongestText, " bytes, which no equations are"));
  }
  return text;
}

std::string FileName(absl::string_view path) {
  return std::filesystem::path(std::string(path)).filename().string();
}

absl::StatusOr<std::shared_ptr<const CellRecord>> CellOfFile(absl::string_view path,
                                                             const std::string& text) {
  return equations::RecordOf({std::string(path), text, {}}, FileName(path));
}

// "{name: equations}", taken apart.
struct Braces {
  absl::string_view name;
  equations::Source source;
};
absl::StatusOr<Braces> TakeApart(absl::string_view text) {
  if (!absl::EndsWith(text, "}")) {
    return absl::InvalidArgumentError(absl::StrCat("\"}\" is missing behind ", text));
  }
  text.remove_suffix(1);
  const size_t colon = text.find(':');
  Braces braces{absl::StripAsciiWhitespace(text.substr(1, colon == text.npos ? 0 : colon - 1)), {}};
  if (!std::all_of(braces.name.begin(), braces.name.end(), IsNameCharacter)) braces.name = "";
  if (braces.name.empty()) {
    return absl::InvalidArgumentError(
        "equations in braces start with a name of letters and digits: {mine: h' = tanh(W x + U h + "
        "b)}");
  }
  if (CellRegistry::Global().FindOrNull(braces.name) != nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is a cell \"", braces.name, "\"; give the equations another name"));
  }
  braces.source = {
      std::string(braces.name), text.substr(colon + 1), {1, static_cast<int>(colon) + 2}};
  return braces;
}

}  // namespace

std::pair<absl::string_view, absl::string_view> SplitCellOptions(absl::string_view cell) {
  size_t end = 0;
  if (IsInBraces(cell)) {
    end = cell.rfind('}');  // options hold none
    end = end == cell.npos ? cell.size() : end + 1;
  } else {
    const size_t suffix = cell.find(absl::StrCat(kSuffix, ":"));
    end = suffix != cell.npos             ? suffix + kSuffix.size()
          : absl::EndsWith(cell, kSuffix) ? cell.size()
                                          : std::min(cell.find(':'), cell.size());
  }
  absl::string_view options = cell.substr(end);
  absl::ConsumePrefix(&options, ":");
  return {cell.substr(0, end), options};
}

bool IsCellText(absl::string_view name) {
  if (CellRegistry::Global().FindOrNull(name) != nullptr) return false;
  return IsInBraces(name) || absl::EndsWith(name, kSuffix);
}

absl::StatusOr<std::shared_ptr<const CellRecord>> CellOfText(absl::string_view name) {
  if (IsInBraces(name)) {
    absl::StatusOr<Braces> braces = TakeApart(name);
    if (!braces.ok()) return braces.status();
    return equations::RecordOf(braces->source, std::string(braces->name));
  }
  const absl::StatusOr<std::string> text = ReadCellFile(std::string(name));
  if (!text.ok()) return text.status();
  return CellOfFile(name, *text);
}

absl::StatusOr<std::string> WithoutFile(absl::string_view cell) {
  const auto [name, options] = SplitCellOptions(cell);
  if (IsInBraces(name) || !IsCellText(name)) return std::string(cell);
  const absl::StatusOr<std::string> text = ReadCellFile(std::string(name));
  if (!text.ok()) return text.status();
  // The file's own error, which names its path.
  if (absl::Status status = CellOfFile(name, *text).status(); !status.ok()) return status;
  std::string file = FileName(name);
  std::replace_if(
      file.begin(), file.end(), [](char c) { return !IsNameCharacter(c); }, '_');
  return absl::StrCat("{", file, ":", *text, "}", options.empty() ? "" : ":", options);
}

std::string CellLabel(absl::string_view cell) {
  const auto [name, options] = SplitCellOptions(cell);
  if (!IsInBraces(name)) return std::string(cell);
  const absl::string_view label =
      absl::StripAsciiWhitespace(name.substr(1, std::min(name.find(':'), name.size()) - 1));
  return absl::StrCat(label, options.empty() ? "" : ":", options);
}

std::vector<std::string> SplitCells(absl::string_view list) {
  std::vector<std::string> cells(1);
  int depth = 0;
  for (const char c : list) {
    depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    if (c == ',' && depth <= 0) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  cells.erase(std::remove(cells.begin(), cells.end(), ""), cells.end());
  return cells;
}

}  // namespace sluice
