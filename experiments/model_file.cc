#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include <sluice/experiments/files.h>
#include <sluice/experiments/model_file.h>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kMetadata[] = "__metadata__";
constexpr char kFormat[] = "sluice-language-model-1";
// Far above any header there can be, far below what would hurt.
constexpr uint64_t kLongestHeader = 100 << 20;

absl::Status Bad(const std::string& path, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(path, " is no model of sluice: ", text));
}

// A comment in a cell's text may hold bytes that are no UTF-8: they are replaced.
std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json HeaderOf(LanguageModel& model, const Vocabulary& vocabulary) {
  const LanguageModelOptions& options = model.options();
  const Json description = {{"cell", options.cell},
                            {"embedding", options.embedding},
                            {"hidden", options.hidden},
                            {"layers", options.layers},
                            {"tied", options.tied},
                            {"seed", options.seed},
                            {"unit", std::string(Name(vocabulary.unit()))},
                            {"normalise", std::string(Name(vocabulary.normalisation()))},
                            {"symbols", vocabulary.symbols()}};
  Json header = {{kMetadata, {{"format", kFormat}, {"model", Text(description)}}}};
  int64_t offset = 0;
  for (const Variable* variable : model.variables().trainable()) {
    const absl::Span<const int64_t> sizes = variable->shape().sizes();
    header[variable->path()] = {{"dtype", "F32"},
                                {"shape", std::vector<int64_t>(sizes.begin(), sizes.end())},
                                {"data_offsets", {offset, offset + variable->value().bytes()}}};
    offset += variable->value().bytes();
  }
  return header;
}

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a folder, not a model"));
  }
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  return bytes;
}

// JSON of few levels, or "discarded". The library copies and writes by recursion, which a file of a
// million brackets would bring down.
Json ParseShallow(absl::string_view text) {
  constexpr int kDeepest = 4;
  bool deep = false;
  const auto keep = [&](int depth, Json::parse_event_t, const Json&) {
    deep = deep || depth > kDeepest;
    return depth <= kDeepest;
  };
  Json json = Json::parse(text.begin(), text.end(), keep, /*allow_exceptions=*/false);
  return deep ? Json(Json::value_t::discarded) : json;
}

// The header and the bytes behind it.
struct Parts {
  Json header;
  absl::string_view data;
};

absl::StatusOr<Parts> Split(const std::string& path, absl::string_view bytes) {
  uint64_t length = 0;
  if (bytes.size() < sizeof length) return Bad(path, "it is shorter than eight bytes");
  for (size_t i = 0; i < sizeof length; ++i) {
    length |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  bytes.remove_prefix(sizeof length);
  if (length > kLongestHeader || length > bytes.size()) {
    return Bad(path, absl::StrCat("its header of ", length, " bytes is longer than the file"));
  }
  Parts parts{ParseShallow(bytes.substr(0, length)), bytes.substr(length)};
  if (!parts.header.is_object()) return Bad(path, "its header is not JSON");
  return parts;
}

// Where a tensor's bytes lie in the data: begin, end.
absl::StatusOr<std::pair<uint64_t, uint64_t>> PlaceOf(const std::string& path,
                                                      const std::string& name, const Json& tensor) {
  const Json offsets = tensor.is_object() ? tensor.value("data_offsets", Json()) : Json();
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return Bad(path, absl::StrCat("tensor ", name, " has no data_offsets"));
  }
  return std::pair(offsets[0].get<uint64_t>(), offsets[1].get<uint64_t>());
}

// The tensors fill the data, one after the other, as the format demands.
absl::Status CheckPlaces(const std::string& path, const Parts& parts) {
  std::vector<std::pair<uint64_t, uint64_t>> places;
  for (const auto& [name, tensor] : parts.header.items()) {
    if (name == kMetadata) continue;
    const auto place = PlaceOf(path, name, tensor);
    if (!place.ok()) return place.status();
    places.push_back(*place);
  }
  std::sort(places.begin(), places.end());
  uint64_t reached = 0;
  for (const auto& [begin, end] : places) {
    if (begin != reached || end < begin) {
      return Bad(path, "its tensors do not lie one after the other");
    }
    reached = end;
  }
  if (reached == parts.data.size()) return absl::OkStatus();
  return Bad(path, absl::StrCat("its tensors take ", reached, " bytes, but there are ",
                                parts.data.size()));
}

// Whether the header's tensors can be those of such a model, before one is made to its measure.
absl::Status CheckSizes(const std::string& path, const LanguageModelOptions& options,
                        const Parts& parts) {
  constexpr int64_t kLargest = 1 << 20;
  const auto is_size = [](int64_t size, int64_t least) {
    return size >= least && size <= kLargest;
  };
  bool fits = is_size(options.hidden, 1) && is_size(options.layers, 1) &&
              is_size(options.embedding, 0) &&
              options.layers < static_cast<int64_t>(parts.header.size());
  const auto expect = [&](const char* name, int64_t rows, int64_t columns) {
    const auto found = parts.header.find(name);
    fits = fits && found != parts.header.end() &&
           found->value("shape", Json()) == Json({rows, columns}) &&
           rows * columns <= static_cast<int64_t>(parts.data.size());
  };
  if (options.embedding > 0) expect("embedding/table", options.vocabulary, options.embedding);
  if (!options.tied) expect("read_out/weights", options.hidden, options.vocabulary);
  return fits ? absl::OkStatus() : Bad(path, "its sizes are not those of its tensors");
}

absl::StatusOr<SavedModel> ModelFrom(const std::string& path, const Parts& parts) {
  // Fields of the wrong type are the one thing that the library reports by exception.
  try {
    const Json& metadata = parts.header.at(kMetadata);
    if (metadata.at("format") != kFormat) {
      return Bad(path, absl::StrCat("its format is ", metadata.at("format").dump(), ", not \"",
                                    kFormat, "\""));
    }
    const Json model = ParseShallow(metadata.at("model").get<std::string>());
    if (!model.is_object()) return Bad(path, "its description is not JSON");
    const auto unit = ParseUnit(model.at("unit").get<std::string>());
    if (!unit.ok()) return Bad(path, unit.status().message());
    const auto normalisation = ParseNormalisation(model.at("normalise").get<std::string>());
    if (!normalisation.ok()) return Bad(path, normalisation.status().message());
    auto vocabulary = Vocabulary::FromSymbols(*unit, *normalisation,
                                              model.at("symbols").get<std::vector<std::string>>());
    if (!vocabulary.ok()) return Bad(path, vocabulary.status().message());
    const LanguageModelOptions options{.cell = model.at("cell").get<std::string>(),
                                       .vocabulary = vocabulary->size(),
                                       .embedding = model.at("embedding").get<int64_t>(),
                                       .hidden = model.at("hidden").get<int64_t>(),
                                       .layers = model.at("layers").get<int>(),
                                       .tied = model.at("tied").get<bool>(),
                                       .seed = model.at("seed").get<uint64_t>()};
    if (absl::Status status = ParseCellSpec(options.cell).status(); absl::IsNotFound(status)) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " needs a cell that is not here: ", status.message(),
                       "; a cell of a plug-in needs its --plugin"));
    }
    if (absl::Status status = CheckSizes(path, options, parts); !status.ok()) return status;
    return SavedModel{std::make_unique<LanguageModel>(options), *std::move(vocabulary)};
  } catch (const Json::exception& error) {
    return Bad(path, error.what());
  } catch (const std::bad_alloc&) {
    return Bad(path, "its sizes do not fit into the memory");
  }
}

absl::Status FillVariable(const std::string& path, const Parts& parts, Variable& variable) {
  const auto found = parts.header.find(variable.path());
  if (found == parts.header.end()) {
    return Bad(path, absl::StrCat("it has no tensor ", variable.path()));
  }
  const absl::Span<const int64_t> sizes = variable.shape().sizes();
  const Json shape = std::vector<int64_t>(sizes.begin(), sizes.end());
  if (!found->is_object() || found->value("dtype", Json()) != "F32" ||
      found->value("shape", Json()) != shape) {
    return Bad(path, absl::StrCat("tensor ", variable.path(), " is not F32 ",
                                  variable.shape().ToString()));
  }
  const auto place = PlaceOf(path, variable.path(), *found);
  if (!place.ok()) return place.status();
  const auto [begin, end] = *place;
  const auto bytes = static_cast<uint64_t>(variable.value().bytes());
  if (begin > parts.data.size() || end > parts.data.size() || end - begin != bytes) {
    return Bad(path,
               absl::StrCat("tensor ", variable.path(), " lies at ", begin, " to ", end, ", but ",
                            bytes, " bytes are wanted and the data has ", parts.data.size()));
  }
  std::memcpy(variable.value().raw(), parts.data.data() + begin, bytes);
  return absl::OkStatus();
}

}  // namespace

absl::Status SaveModel(const std::string& path, LanguageModel& model,
                       const Vocabulary& vocabulary) {
  std::string header = HeaderOf(model, vocabulary).dump();
  header.append((8 - header.size() % 8) % 8, ' ');  // the tensors start at a multiple of eight
  std::string bytes;
  for (size_t i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  bytes += header;
  for (const Variable* variable : model.variables().trainable()) {
    bytes.append(static_cast<const char*>(variable->value().raw()), variable->value().bytes());
  }
  return WriteWholeFile(path, bytes);
}

absl::StatusOr<SavedModel> LoadModel(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadAll(path);
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<Parts> parts = Split(path, *bytes);
  if (!parts.ok()) return parts.status();
  if (absl::Status status = CheckPlaces(path, *parts); !status.ok()) return status;
  absl::StatusOr<SavedModel> saved = ModelFrom(path, *parts);
  if (!saved.ok()) return saved.status();
  VariableStore& variables = saved->model->variables();
  if (!variables.status().ok()) return Bad(path, variables.status().message());
  if (saved->model->options().tied) {
    // The tied read-out makes its bias when it is first recorded.
    Tape tape;
    saved->model->Logits(tape.Feed(Tensor(DType::kI32, {1, 1})), {});
  }
  if (parts->header.size() != variables.trainable().size() + 1) {
    return Bad(path, absl::StrCat("it has ", parts->header.size() - 1, " tensors, and its model ",
                                  variables.trainable().size()));
  }
  for (Variable* variable : variables.trainable()) {
    absl::Status status = FillVariable(path, *parts, *variable);
    if (!status.ok()) return status;
  }
  return saved;
}

}  // namespace sluice
