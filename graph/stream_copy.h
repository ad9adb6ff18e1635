#ifndef SLUICE_GRAPH_STREAM_COPY_H_
#define SLUICE_GRAPH_STREAM_COPY_H_

#include <cstddef>
#include <cstdint>

namespace sluice {

// A copy whose target is not read into the caches first, as memory that is written is otherwise: a
// third of the traffic of an addition. For what is too large to be found in a cache later.
void StreamCopy(const std::byte* from, int64_t bytes, std::byte* to);
// Before other threads may read what this one has streamed.
void FinishStreams();

// Of the last cache; a usual number where the system does not tell.
int64_t LastCacheBytes();

}  // namespace sluice

#endif  // SLUICE_GRAPH_STREAM_COPY_H_
