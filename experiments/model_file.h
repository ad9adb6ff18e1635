#ifndef SLUICE_EXPERIMENTS_MODEL_FILE_H_
#define SLUICE_EXPERIMENTS_MODEL_FILE_H_

#include <memory>
#include <string>

#include <sluice/data/vocabulary.h>
#include <sluice/experiments/language_model.h>

namespace sluice {

// A trained model with what is needed to use it. The file is in the safetensors format: eight bytes
// of length, a JSON header with dtype, shape and place of each tensor, then the tensors; options
// and vocabulary stand in the header's metadata.
struct SavedModel {
  std::unique_ptr<LanguageModel> model;
  Vocabulary vocabulary;
};

// Trainable variables only. The file appears whole or not at all.
absl::Status SaveModel(const std::string& path, LanguageModel& model, const Vocabulary& vocabulary);
// A file that is no such model, or a damaged one, is an error that says what is wrong with it.
absl::StatusOr<SavedModel> LoadModel(const std::string& path);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_MODEL_FILE_H_
