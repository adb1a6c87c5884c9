// Random numbers: one small seeded generator for everything that must be repeatable (xoshiro256**,
// Blackman and Vigna 2018), and the operating system's for tokens and ids.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace mw {

/// Deterministic for a seed on every machine. Not for secrets. One thread.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t Next();
  /// Uniform in [0, bound); bound > 0. Without modulo bias.
  std::uint64_t Below(std::uint64_t bound);
  /// Uniform in [0, 1), 53 bits.
  double Uniform();
  /// Standard normal.
  double Normal();

 private:
  std::array<std::uint64_t, 4> state_;
};

/// `count` bytes from the kernel's generator. Any thread.
std::string RandomBytes(std::size_t count);

}  // namespace mw
