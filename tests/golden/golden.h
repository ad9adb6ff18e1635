#ifndef SLUICE_TESTS_GOLDEN_GOLDEN_H_
#define SLUICE_TESTS_GOLDEN_GOLDEN_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>
#include <gtest/gtest.h>

#include <sluice/graph/dtype.h>
#include <sluice/graph/shape.h>
#include <sluice/graph/tensor.h>

namespace sluice::testing {

// The named f64 tensors of one golden file (README.md beside this header). Ids and lengths are f64
// too: `golden["inputs/0"].Cast(DType::kI32)`.
//
//   const Golden golden = Golden::Load(absl::StrCat(folder, "/gru_1layer_oneway.txt"));
//   const Tensor& x = golden["x"];  // (T, B, I)
//
// Where a file holds several cases, each name starts with its case: `Load(path, "mut1")` reads
// those that start with "mut1/", without it.
//
// Nothing here throws or aborts: a file that cannot be read or a name that is missing fails the
// running test, once, with the file, the line or the name.
class Golden {
 public:
  // Empty, and the test has failed, if the file cannot be read or a record is malformed.
  static Golden Load(std::string path, absl::string_view part = "") {
    Golden golden(std::move(path));
    const absl::Status status = golden.Read(part.empty() ? "" : absl::StrCat(part, "/"));
    if (status.ok()) return golden;
    ADD_FAILURE() << status.message();
    return Golden(std::move(golden.path_));
  }

  // The tensor of that name. If there is none the test fails and the tensor has no elements.
  // The reference lives as long as this object.
  const Tensor& operator[](absl::string_view name) const {
    const auto found = tensors_.find(name);
    if (found != tensors_.end()) return found->second;
    ADD_FAILURE() << path_ << ": no record `" << name << "` among its " << names_.size();
    static const Tensor& empty = *new Tensor(DType::kF64, Shape{0});
    return empty;
  }
  bool Has(absl::string_view name) const { return tensors_.contains(name); }
  // In the order of the file.
  const std::vector<std::string>& names() const { return names_; }
  const std::string& path() const { return path_; }

 private:
  explicit Golden(std::string path) : path_(std::move(path)) {}

  absl::Status Read(const std::string& prefix) {
    std::ifstream file(path_);
    if (!file) return absl::NotFoundError(absl::StrCat(path_, ": cannot be opened"));
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
      if (line.empty() || line[0] == '#' || !absl::StartsWith(line, prefix)) continue;
      const absl::Status status = ReadRecord(line.substr(prefix.size()));
      if (!status.ok()) {
        return absl::DataLossError(absl::StrCat(path_, ":", number, ": ", status.message()));
      }
    }
    if (file.bad()) return absl::DataLossError(absl::StrCat(path_, ": cannot be read to its end"));
    if (names_.empty()) {
      return absl::DataLossError(absl::StrCat(path_, ": holds no record ", prefix));
    }
    return absl::OkStatus();
  }

  // name rank size... : v0 v1 ...
  absl::Status ReadRecord(const std::string& line) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    const auto malformed = [](auto&&... what) {
      return absl::InvalidArgumentError(absl::StrCat(what...));
    };
    int rank = 0;
    if (words.size() < 2 || !absl::SimpleAtoi(words[1], &rank) || rank < 0 ||
        rank > Shape::kMaxRank) {
      return malformed("expected a name and a rank from 0 to ", Shape::kMaxRank);
    }
    const std::string& name = words[0];
    const size_t colon = 2 + static_cast<size_t>(rank);
    if (words.size() <= colon || words[colon] != ":") {
      return malformed(name, ": expected `:` after ", rank, " sizes");
    }
    std::vector<int64_t> sizes(rank);
    for (int axis = 0; axis < rank; ++axis) {
      if (!absl::SimpleAtoi(words[2 + axis], &sizes[axis]) || sizes[axis] < 0) {
        return malformed(name, ": `", words[2 + axis], "` is not a size");
      }
    }
    const Shape shape{absl::MakeConstSpan(sizes)};
    const size_t count = words.size() - colon - 1;
    if (static_cast<int64_t>(count) != shape.elements()) {
      return malformed(name, ": shape ", shape.ToString(), " but ", count, " values");
    }
    Tensor tensor(DType::kF64, shape);
    for (size_t i = 0; i < count; ++i) {
      const std::string& word = words[colon + 1 + i];
      if (!absl::SimpleAtod(word, &tensor.data<double>()[i])) {
        return malformed(name, ": `", word, "` is not a number");
      }
    }
    if (!tensors_.emplace(name, std::move(tensor)).second) {
      return malformed(name, ": appears twice");
    }
    names_.emplace_back(name);
    return absl::OkStatus();
  }

  std::string path_;
  absl::flat_hash_map<std::string, Tensor> tensors_;
  std::vector<std::string> names_;
};

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_GOLDEN_GOLDEN_H_
