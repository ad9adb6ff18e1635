// A character model of a text: embedding, GRU, read-out, trained with Adam.
//   language_model [name or path of a text]
#include <cstdio>

#include <sluice/data/corpus.h>
#include <sluice/layers/linear.h>
#include <sluice/layers/recurrent.h>
#include <sluice/ops/composed.h>
#include <sluice/optim/optimizer.h>

using namespace sluice;  // NOLINT(google-build-using-namespace)

constexpr char kText[] =
    "This is the cock that crowed in the morn, that waked the priest all shaven and shorn, that "
    "married the man all tattered and torn, that kissed the maiden all forlorn, that milked the "
    "cow with the crumpled horn, that tossed the dog, that worried the cat, that killed the rat, "
    "that ate the malt, that lay in the house that Jack built.\n";
constexpr int kUpdates = 400;

absl::Status Train(const Corpus& corpus) {
  const int64_t symbols = corpus.vocabulary().size();
  VariableStore variables({.seed = 7});
  const Scope model = variables.root();
  const Embedding embed(model / "embedding", symbols, 32);
  const Recurrent rnn(model / "rnn", {.cell = "gru", .inputs = 32, .hidden = 96});
  const Linear read_out(model / "read_out", 96, symbols);
  const Adam adam({.learning_rate = 3e-3});

  const absl::StatusOr<Batches> batches = corpus.train().Streams({.batch = 4, .steps = 16});
  if (!batches.ok()) return batches.status();
  for (int update = 0; update < kUpdates;) {
    for (const Batch& batch : *batches) {
      if (batch.starts_sequence) rnn.ResetState("train");
      Tape tape;
      const Value inputs = embed(tape.Feed(batch.inputs));
      const Value hidden =
          rnn.Run(inputs, {.mask = tape.Feed(batch.mask), .carry = "train"}).outputs;  // (T, B, H)
      const Value loss = CrossEntropy(read_out(hidden), tape.Feed(batch.targets));
      adam.Minimize(loss, variables, {.clip_norm = 1});  // gradients, clipping, update: on the tape
      const absl::StatusOr<double> nats = tape.Read(loss);  // planned once, then replayed
      if (!nats.ok()) return nats.status();
      if (++update % 50 == 0) std::printf("update %d: %.3f nats per character\n", update, *nats);
      if (update == kUpdates) break;
    }
  }
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  const absl::StatusOr<Corpus> corpus =
      argc > 1 ? Corpus::Load(argv[1], {}) : Corpus::FromText("Jack", kText, {});
  const absl::Status status = corpus.ok() ? Train(*corpus) : corpus.status();
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
