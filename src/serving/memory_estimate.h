// What a model will take once it is loaded, told by its files before anything reads them: for the memory cap, which
// must know before there is anything to measure. Any thread.
#pragma once

#include <cstdint>
#include <string>

namespace mw::serving {

/// `path`: a model's file, a directory of MLflow's, or a package. Meant to be rather too high; what is measured after
/// loading takes its place. 0 when there is nothing.
///   a forest in this process   bytes of its file times what trees, and the engines' layouts of them, take of a byte
///   a library's, in a worker   EstimateBackendMemory: the library's own share, and so much for each byte
///   Python, in a worker        the interpreter with MLflow and its usual libraries, and twice the model's files
std::int64_t EstimateMemoryBytes(const std::string& path);

}  // namespace mw::serving
