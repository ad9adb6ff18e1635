#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include <absl/strings/str_cat.h>
#include <nlohmann/json.hpp>

#include <sluice/experiments/files.h>
#include <sluice/experiments/model_file.h>

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFormat[] = "sluice-language-model-1";
// Far above any header there can be, far below what would hurt.
constexpr uint64_t kLongestHeader = 100 << 20;

absl::Status Bad(const std::string& path, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(path, " is no model of sluice: ", text));
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
  Json header = {{"__metadata__", {{"format", kFormat}, {"model", description.dump()}}}};
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
  Parts parts{
      Json::parse(bytes.begin(), bytes.begin() + length, nullptr, /*allow_exceptions=*/false),
      bytes.substr(length)};
  if (!parts.header.is_object()) return Bad(path, "its header is not JSON");
  return parts;
}

absl::StatusOr<SavedModel> ModelFrom(const std::string& path, const Json& header) {
  // Fields of the wrong type are the one thing that the library reports by exception.
  try {
    const Json& metadata = header.at("__metadata__");
    if (metadata.at("format") != kFormat) {
      return Bad(path, absl::StrCat("its format is ", metadata.at("format").dump(), ", not \"",
                                    kFormat, "\""));
    }
    const Json model = Json::parse(metadata.at("model").get<std::string>());
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
    constexpr int64_t kLargest = 1 << 20;
    if (options.embedding < 0 || options.embedding > kLargest || options.hidden < 1 ||
        options.hidden > kLargest || options.layers < 1 || options.layers > 1000) {
      return Bad(path, "its sizes are out of range");
    }
    return SavedModel{std::make_unique<LanguageModel>(options), *std::move(vocabulary)};
  } catch (const Json::exception& error) {
    return Bad(path, error.what());
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
  const Json offsets = found->value("data_offsets", Json());
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return Bad(path, absl::StrCat("tensor ", variable.path(), " has no data_offsets"));
  }
  const auto begin = offsets[0].get<uint64_t>();
  const auto end = offsets[1].get<uint64_t>();
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
  absl::StatusOr<SavedModel> saved = ModelFrom(path, parts->header);
  if (!saved.ok()) return saved.status();
  VariableStore& variables = saved->model->variables();
  if (!variables.status().ok()) return Bad(path, variables.status().message());
  if (saved->model->options().tied) {
    // The tied read-out makes its bias when it is first recorded.
    Tape tape;
    saved->model->Logits(tape.Feed(Tensor(DType::kI32, {1, 1})), {});
  }
  for (Variable* variable : variables.trainable()) {
    absl::Status status = FillVariable(path, *parts, *variable);
    if (!status.ok()) return status;
  }
  return saved;
}

}  // namespace sluice
