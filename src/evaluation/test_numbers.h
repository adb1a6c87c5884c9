// Numbers in [0, 1) that a few lines of any language make again: the oracles' figures in the tests were computed
// from them by scikit-learn 1.9.1. Pure.
#pragma once

#include <cstdint>

namespace mw::evaluation::testing {

inline double Number(std::uint32_t row, std::uint32_t column) {
  std::uint32_t z = row * 0x9E3779B9U + column * 0x85EBCA6BU;
  z = (z ^ (z >> 15)) * 0x2C1B3C6DU;
  z = (z ^ (z >> 12)) * 0x297A2D39U;
  z ^= z >> 15;
  return z / 4294967296.0;
}

}  // namespace mw::evaluation::testing
