#include <cmath>
#include <cstdio>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <unistd.h>

#include <sluice/experiments/progress_line.h>

namespace sluice {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kInterval(100);

}  // namespace

std::string DurationText(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole >= 3600) {
    return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
}

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0), started_(Clock::now()) {}
ProgressLine::~ProgressLine() { Clear(); }

void ProgressLine::Show(const std::string& label, const Progress& progress, int run, int runs) {
  const Clock::time_point now = Clock::now();
  if (!terminal_ || (shown_ && now - last_ < kInterval)) return;
  last_ = now;
  shown_ = true;
  const double share = (run + progress.share) / runs;
  const double passed = std::chrono::duration<double>(now - started_).count();
  std::string line = absl::StrFormat("%s  %3.0f %%  training %.3f", label, 100 * progress.share,
                                     progress.train_loss);
  if (progress.validation_loss) {
    absl::StrAppendFormat(&line, "  validation %.3f", *progress.validation_loss);
  }
  absl::StrAppendFormat(&line, "  %.0f tokens/s", progress.tokens_per_second);
  if (share > 0) absl::StrAppend(&line, "  ", DurationText(passed * (1 - share) / share), " left");
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
}

void ProgressLine::Clear() {
  if (!shown_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace sluice
