// Joins the tensors of several requests along their first dimension and cuts the answer apart again, by copying whole
// rows. Pure functions, any thread.
//
// Invariant: what JoinRows made of parts, CutRows with the parts' rows gives back byte for byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "serving/tensor.h"

namespace mw::serving {

/// Equal for tensors that may be joined: the same names in the same order, datatypes and sizes of a row. 0 when one of
/// them has not `rows` as its first dimension, so that they can be joined with nothing.
std::uint64_t JoinKey(const TensorList& tensors, std::size_t rows);

/// All parts, one after the other, into `joined`, which is cleared first. Errors: kInvalidArgument when they differ in
/// more than their rows, which equal keys all but rule out.
Status JoinRows(std::span<const TensorList* const> parts, TensorList& joined);

/// Errors: kInternal naming a tensor that does not have all the rows: the model is not to be batched.
Result<std::vector<TensorList>> CutRows(const TensorList& joined, std::span<const std::size_t> rows);

/// As many rows as asked for, of the sample's rows in turns. Errors: kInvalidArgument for a sample without rows, or one
/// that JoinKey gives 0.
Status RepeatRows(const TensorList& sample, std::size_t rows, TensorList& out);

}  // namespace mw::serving
