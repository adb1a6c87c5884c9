// The attributes of ONNX's three tree operators as one kind of node. Pure, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "forest/onnx_graph.h"

namespace mw::forest {

enum class OnnxMode : std::uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember, kLeaf };
enum class OnnxPost : std::uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };

struct OnnxSplit {
  OnnxMode mode = OnnxMode::kLeaf;
  std::int64_t feature = 0;
  float value = 0;
  bool missing_true = false;
  std::int64_t if_true = 0, if_false = 0;  ///< places in OnnxTrees::nodes
  std::uint32_t first_vote = 0, num_votes = 0;
  std::uint32_t first_member = 0, num_members = 0;
};

struct OnnxVote {
  std::int64_t output = 0;
  float weight = 0;
};

struct OnnxTrees {
  std::vector<OnnxSplit> nodes;
  std::vector<std::int64_t> roots;  ///< in the order of summing
  std::vector<OnnxVote> votes;      ///< of leaves
  std::vector<float> members;       ///< of kMember
  std::int64_t num_outputs = 1;     ///< targets or classes
  std::vector<std::string> class_labels;
  bool classifies = false, averages = false;
  std::vector<float> base_values;
  OnnxPost post = OnnxPost::kNone;
};

/// Whether the operator is one of the three.
bool IsTreeOperator(const OnnxNode& node);
/// Errors: kInvalidArgument for attributes that do not fit together; kUnimplemented for doubles, MIN and MAX.
Result<OnnxTrees> ReadOnnxTrees(const OnnxNode& node);

}  // namespace mw::forest
