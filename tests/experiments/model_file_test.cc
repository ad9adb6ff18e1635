#include <cstring>
#include <functional>

#include <absl/strings/match.h>
#include <absl/strings/str_replace.h>

#include <sluice/experiments/model_file.h>
#include <sluice/experiments/sampling.h>

#include "experiments/program.h"

namespace sluice {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

// A small model in a file, and ways to damage it.
class ModelFileTest : public ProgramTest {
 protected:
  ModelFileTest() {
    LanguageModel model({.cell = "gru", .vocabulary = 4, .embedding = 3, .hidden = 5, .seed = 1});
    const auto vocabulary =
        Vocabulary::FromSymbols(Unit::kCharacter, Normalisation::kNone, {"<unk>", "a", "b", "c"});
    EXPECT_TRUE(SaveModel(Path("model"), model, *vocabulary).ok());
    good_ = Read(Path("model"));
    uint64_t length = 0;
    std::memcpy(&length, good_.data(), sizeof length);  // little-endian, as this test's machine is
    header_ = good_.substr(8, length);
    data_ = good_.substr(8 + length);
  }

  static std::string Length(uint64_t length) {
    return {reinterpret_cast<const char*>(&length), sizeof length};
  }
  std::string WithHeader(const std::string& header) const {
    return Length(header.size()) + header + data_;
  }
  // The file after a change of its header.
  std::string Changed(const std::function<void(Json&)>& change) const {
    Json header = Json::parse(header_);
    change(header);
    return WithHeader(header.dump());
  }
  // The file after a change of the model's description in it.
  std::string Described(const std::function<void(Json&)>& change) const {
    return Changed([&](Json& header) {
      Json model = Json::parse(header["__metadata__"]["model"].get<std::string>());
      change(model);
      header["__metadata__"]["model"] = model.dump();
    });
  }

  absl::StatusOr<SavedModel> Load(const std::string& bytes) const {
    return LoadModel(Write("damaged", bytes));
  }
  void ExpectError(const std::string& bytes) const {
    const absl::Status status = Load(bytes).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()),
                StartsWith(Path("damaged") + " is no model of sluice: "));
  }
  // What loads in spite of the damage must at least be of use.
  void ExpectErrorOrModel(const std::string& bytes, int& errors) const {
    const absl::StatusOr<SavedModel> saved = Load(bytes);
    if (!saved.ok()) {
      ++errors;
      return;
    }
    Continue(*saved->model, saved->vocabulary, "ab", {.tokens = 3, .temperature = 1}, {})
        .status()
        .IgnoreError();
  }

  std::string good_, header_, data_;
};

TEST_F(ModelFileTest, IsASafetensorsFile) {
  EXPECT_TRUE(Load(good_).ok());
  EXPECT_EQ(header_.size() % 8, 0u);
  const Json header = Json::parse(header_);
  size_t reached = 0;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : tensor.items()) EXPECT_TRUE(value.is_string()) << key;
      continue;
    }
    EXPECT_EQ(tensor["dtype"], "F32");
    size_t bytes = 4;
    for (const Json& size : tensor["shape"]) bytes *= size.get<size_t>();
    EXPECT_EQ(tensor["data_offsets"][0], reached);
    reached += bytes;
    EXPECT_EQ(tensor["data_offsets"][1], reached);
  }
  EXPECT_EQ(reached, data_.size());
  EXPECT_TRUE(Load(Changed([](Json&) {})).ok());  // how it is spaced does not matter
}

TEST_F(ModelFileTest, CutOffAnywhere) {
  for (size_t size = 0; size < good_.size(); size += 1 + size / 40) {
    SCOPED_TRACE(size);
    ExpectError(good_.substr(0, size));
  }
  ExpectError(good_.substr(0, good_.size() - 1));
  ExpectError(good_ + "x");
  ExpectError(good_ + good_);
}

TEST_F(ModelFileTest, LengthOfTheHeader) {
  for (const uint64_t length :
       {uint64_t{0}, uint64_t{1}, uint64_t{header_.size() - 1}, uint64_t{header_.size() + 1},
        uint64_t{good_.size() - 8}, uint64_t{good_.size()}, uint64_t{1} << 32, uint64_t{1} << 62,
        ~uint64_t{0}, ~uint64_t{7}}) {
    SCOPED_TRACE(length);
    // A last space of the header may be left out.
    if (length == header_.size() - 1 && header_.back() == ' ') continue;
    ExpectError(Length(length) + header_ + data_);
  }
}

TEST_F(ModelFileTest, HeadersThatAreNoHeader) {
  for (const char* header :
       {"", " ", "{", "[]", "null", "3", "\"text\"", "{}", "{\"a\": 1}", "{\"__metadata__\": {}}",
        "{\"__metadata__\": 3}", "{\"__metadata__\": {\"format\": \"pt\"}}"}) {
    SCOPED_TRACE(header);
    ExpectError(WithHeader(header));
  }
}

TEST_F(ModelFileTest, AMillionBrackets) {
  const std::string open(1'000'000, '['), close(1'000'000, ']');
  const std::string deep = open + close;
  ExpectError(WithHeader(deep));
  ExpectError(WithHeader(open));
  ExpectError(WithHeader("{\"__metadata__\": {\"format\": " + deep + "}}"));
  ExpectError(WithHeader(absl::StrReplaceAll(header_, {{"\"F32\"", deep}})));
  ExpectError(Changed([&](Json& header) { header["__metadata__"]["model"] = deep; }));
  ExpectError(
      Changed([&](Json& header) { header["__metadata__"]["model"] = "{\"unit\": " + deep + "}"; }));
}

TEST_F(ModelFileTest, TensorsOfAnotherTypeOrShape) {
  const std::string name = "rnn/0/update/recurrent_weights";
  ASSERT_TRUE(Json::parse(header_).contains(name));
  for (const Json& dtype :
       {Json("F64"), Json("F16"), Json("f32"), Json(32), Json(), Json::array()}) {
    ExpectError(Changed([&](Json& header) { header[name]["dtype"] = dtype; }));
  }
  for (const char* shape : {"[]", "[25]", "[5, 6]", "[5, 5, 1]", "[5, -5]", "[5.5, 5]", "5", "null",
                            "\"5 5\"", "[1e300, 5]", "[18446744073709551615, 5]", "[[5], [5]]"}) {
    SCOPED_TRACE(shape);
    ExpectError(Changed([&](Json& header) { header[name]["shape"] = Json::parse(shape); }));
  }
}

TEST_F(ModelFileTest, TensorsInOtherPlaces) {
  const std::string name = "rnn/0/update/recurrent_weights";
  const Json good = Json::parse(header_)[name]["data_offsets"];
  const uint64_t begin = good[0], end = good[1];
  const uint64_t bytes = end - begin;
  const std::vector<Json> places = {
      Json({0, bytes}),            // on top of another
      Json({begin + 4, end + 4}),  // overlapping the next one
      Json({begin - 4, end - 4}),  // and the one before
      Json({begin, end - 4}),      // too short
      Json({begin, end + 4}),      // too long
      Json({end, begin}),          // backwards
      Json({begin, begin}),        // empty
      Json({data_.size(), data_.size() + bytes}),
      Json({~uint64_t{0} - bytes + 1, uint64_t{0}}),
      Json({~uint64_t{0}, ~uint64_t{0}}),
      Json({-100, 0}),
      Json({-bytes, 0}),
      Json({0.5, 100.5}),
      Json({1e300, 2e300}),
      Json({begin, end, end}),
      Json::array({begin}),
      Json::array(),
      Json::object(),
      Json(),
      Json("0, 100"),
  };
  for (const Json& place : places) {
    SCOPED_TRACE(place.dump());
    ExpectError(Changed([&](Json& header) { header[name]["data_offsets"] = place; }));
  }
}

TEST_F(ModelFileTest, MissingAndForeignTensors) {
  const std::string name = "read_out/bias";
  ExpectError(Changed([&](Json& header) { header.erase(name); }));
  ExpectError(Changed([&](Json& header) { header[name] = 3; }));
  ExpectError(Changed([&](Json& header) { header[name].erase("shape"); }));
  ExpectError(Changed([&](Json& header) {
    header["foreign"] = header[name];
    header.erase(name);
  }));
  ExpectError(Changed([&](Json& header) {
    header["foreign"] = {
        {"dtype", "F32"}, {"shape", {0}}, {"data_offsets", {data_.size(), data_.size()}}};
  }));
}

TEST_F(ModelFileTest, DescriptionsThatDoNotFitTheTensors) {
  for (const char* number : {"-1", "0", "4", "6", "1000000", "4294967301", "9223372036854775807",
                             "18446744073709551615", "1e300", "5.5", "\"5\"", "null", "[]"}) {
    for (const char* field : {"hidden", "embedding", "layers"}) {
      SCOPED_TRACE(absl::StrCat(field, " = ", number));
      // 4294967301 is 5 in 32 bits, and 5.5 is 5 when cut off: only other fields must notice.
      if (absl::string_view(field) == "hidden" && absl::string_view(number) == "5.5") continue;
      ExpectError(Described([&](Json& model) { model[field] = Json::parse(number); }));
    }
  }
  ExpectError(Described([](Json& model) { model["cell"] = "gru:no=such"; }));
  const std::string unknown = Described([](Json& model) { model["cell"] = "grru"; });
  EXPECT_EQ(
      Load(unknown).status().message(),
      Path("damaged") +
          " needs a cell that is not here: no cell \"grru\"; did you mean \"gru\"?; a cell of a "
          "plug-in needs its --plugin");
  ExpectError(Described([](Json& model) { model["cell"] = "lstm"; }));
  ExpectError(Described([](Json& model) { model["cell"] = "gru:biases=two"; }));
  ExpectError(Described([](Json& model) { model["cell"] = 3; }));
  ExpectError(Described([](Json& model) { model["tied"] = true; }));
  ExpectError(Described([](Json& model) { model["tied"] = "yes"; }));
  ExpectError(Described([](Json& model) { model["unit"] = "syllable"; }));
  ExpectError(Described([](Json& model) { model["normalise"] = "all"; }));
  for (const char* symbols :
       {"[]", "[\"<unk>\"]", "[\"<unk>\", \"a\", \"b\"]", "[\"a\", \"b\", \"c\", \"d\"]",
        "[\"<unk>\", \"a\", \"a\", \"b\"]", "[\"<unk>\", \"ab\", \"c\", \"d\"]",
        "[\"<unk>\", \"a\", \"b\", \"c\", \"d\"]", "[\"<unk>\", 1, 2, 3]", "\"<unk>abc\"", "{}"}) {
    SCOPED_TRACE(symbols);
    ExpectError(Described([&](Json& model) { model["symbols"] = Json::parse(symbols); }));
  }
  const Json description =
      Json::parse(Json::parse(header_)["__metadata__"]["model"].get<std::string>());
  for (const auto& [field, value] : description.items()) {
    SCOPED_TRACE(field);
    ExpectError(Described([&, field = field](Json& model) { model.erase(field); }));
  }
}

TEST_F(ModelFileTest, RandomDamageNeverCrashes) {
  RandomStream random(MakeRandomKey(11, "damage"));
  int errors = 0;
  constexpr int kTries = 600;
  for (int i = 0; i < kTries; ++i) {
    std::string bytes = good_;
    const size_t reach = i % 3 == 0 ? bytes.size() : 8 + header_.size();
    const int flips = 1 + i % 4;
    for (int k = 0; k < flips; ++k) {
      const auto place = static_cast<size_t>(random.Uniform() * static_cast<double>(reach));
      bytes[place] =
          static_cast<char>(bytes[place] ^ (1 << static_cast<int>(random.Uniform() * 8)));
    }
    SCOPED_TRACE(i);
    ExpectErrorOrModel(bytes, errors);
  }
  EXPECT_GT(errors, kTries / 2);
}

TEST_F(ModelFileTest, RandomDigitsNeverCrash) {
  RandomStream random(MakeRandomKey(12, "damage"));
  int errors = 0;
  std::vector<size_t> digits;
  for (size_t i = 0; i < header_.size(); ++i) {
    if (header_[i] >= '0' && header_[i] <= '9') digits.push_back(i);
  }
  for (int i = 0; i < 300; ++i) {
    std::string header = header_;
    const size_t place =
        digits[static_cast<size_t>(random.Uniform() * static_cast<double>(digits.size()))];
    const std::string other(1 + i % 12,
                            static_cast<char>('0' + static_cast<int>(random.Uniform() * 10)));
    header.replace(place, i % 2, other);
    SCOPED_TRACE(i);
    ExpectErrorOrModel(WithHeader(header), errors);
  }
  EXPECT_GT(errors, 150);
}

TEST_F(ModelFileTest, TheProgramSaysWhatIsWrong) {
  const auto sample = [&](const std::string& path) {
    return Sluice({"sample", "--model=" + path});
  };
  const Outcome missing = sample(Path("missing"));
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.error,
            "sluice: cannot read " + Path("missing") + ": No such file or directory\n");
  const Outcome folder = sample(Path(""));
  EXPECT_EQ(folder.exit_code, 1);
  EXPECT_EQ(folder.error, "sluice: " + Path("") + " is a folder, not a model\n");
  EXPECT_EQ(
      sample(Write("empty", "")).error,
      "sluice: " + Path("empty") + " is no model of sluice: it is shorter than eight bytes\n");
  const Outcome text = sample(Text());
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.error, MatchesRegex("sluice: .* its header of [0-9]+ bytes is longer than the "
                                       "file\n"));
}

}  // namespace
}  // namespace sluice
