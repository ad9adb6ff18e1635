#include <cmath>

#include <sluice/data/probes/probe.h>

namespace sluice {
namespace {

// "<ab><cde></cde></ab>": nested elements with random names. Asked for are the characters of each
// closing tag behind its "</", each after the one before it, up to and with ">": all of them follow
// from what is open.
constexpr int32_t kClose = 26;  // ">"
constexpr int32_t kOpen = 27;   // "<"
constexpr int32_t kSlash = 28;
constexpr int32_t kSymbols = 29;
constexpr int64_t kShortest = 2;
constexpr size_t kDeepest = 5;

using ElementName = std::vector<int32_t>;

int64_t Length(const ElementName& name) {
  return 2 * static_cast<int64_t>(name.size()) + 5;  // of both tags
}

class Writer {
 public:
  Writer(RandomStream& random, int64_t longest) : random_(random), longest_(longest) {}

  // Returns how many characters the element will have.
  int64_t Open() {
    ElementName name(kShortest + random_.Below(longest_ - kShortest + 1));
    for (int32_t& letter : name) letter = static_cast<int32_t>(random_.Below(26));
    sequence_.Add(kOpen);
    for (const int32_t letter : name) sequence_.Add(letter);
    sequence_.Add(kClose);
    open_.push_back(name);
    return Length(name);
  }

  void Close() {
    sequence_.Add(kOpen);
    sequence_.Add(kSlash);
    for (const int32_t letter : open_.back()) {
      sequence_.Ask(letter);
      sequence_.Add(letter);
    }
    sequence_.Ask(kClose);
    open_.pop_back();
    if (!open_.empty()) sequence_.Add(kClose);  // nothing is asked after the last one
  }

  size_t depth() const { return open_.size(); }
  ProbeSequence sequence() { return std::move(sequence_); }

 private:
  RandomStream& random_;
  int64_t longest_;
  ProbeSequence sequence_;
  std::vector<ElementName> open_;
};

absl::StatusOr<Probe> Make(int64_t lag, const ProbeOptions& options) {
  const int64_t longest = options.at("longest");
  const int64_t element = 2 * longest + 5;
  // A closing tag asks for the letters of a name and one ">". Whether there is one more element
  // depends on the names so far but not on its own, so by Wald's identity the share of ">" among
  // all answers is 1 / (mean length + 1), and the letters share the rest evenly.
  const double letters = static_cast<double>(kShortest + longest) / 2;
  const double close = 1 / (letters + 1);
  return Probe{
      .steps = lag - 1 + 2 * element - 1,
      .symbols = kSymbols,
      .classes = kClose + 1,
      .first_answer = 2 * kShortest + 5,
      .memoryless_loss = -close * std::log(close) - (1 - close) * std::log((1 - close) / 26),
      .draw = [=](RandomStream& random) {
        Writer writer(random, longest);
        writer.Open();
        for (int64_t inside = 0; inside < lag || writer.depth() > 1;) {
          const bool may_open = inside < lag && writer.depth() < kDeepest;
          const bool may_close = writer.depth() > 1;
          if (may_open && (!may_close || random.Below(2) == 0)) {
            inside += writer.Open();
          } else {
            writer.Close();
          }
        }
        writer.Close();
        return writer.sequence();
      }};
}

const RegisterProbe kXml(
    {.name = "xml",
     .title = "Nested elements with names",
     .description = "XML without text, at most 5 deep; the names of closing tags; lag: characters "
                    "inside the outermost element, at least",
     .source = "after Jozefowicz, Zaremba, Sutskever 2015",
     .memoryless = "-p ln p - (1 - p) ln((1 - p) / 26), p = 2 / (longest + 4) the share of \">\"",
     .options = {{"longest", 5, 2, 100, "letters of the longest name; the shortest has 2"}},
     .make = Make});

}  // namespace
}  // namespace sluice
