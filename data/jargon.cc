#include <sluice/data/text_source.h>

namespace sluice {
namespace {

// The package's text is UTF-8 already (with box-drawing characters and curly quotes) and is taken
// as it is, tables of contents and line breaks included.
constexpr char kPath[] = "/usr/share/doc/jargon-text/jargon.txt.gz";

const RegisterCorpus kCorpus(
    {.name = "jargon",
     .description = "the Jargon File 4.4.7, a glossary of hackers' slang (1.7 MB)",
     .package = "jargon-text",
     .open = [] { return OpenTextFile(kPath); }});

}  // namespace
}  // namespace sluice
