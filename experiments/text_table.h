#ifndef SLUICE_EXPERIMENTS_TEXT_TABLE_H_
#define SLUICE_EXPERIMENTS_TEXT_TABLE_H_

#include <string>
#include <vector>

namespace sluice {

// Columns as wide as their widest cell: the first to the left, the others to the right. All rows
// have as many cells as the first.
std::string AlignedTable(const std::vector<std::vector<std::string>>& rows);

// In quotes where it has to be.
std::string CsvField(const std::string& text);

}  // namespace sluice

#endif  // SLUICE_EXPERIMENTS_TEXT_TABLE_H_
