// Archives written and read back, and what the system's own tar makes of them.
#include "blob/tar.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "base/text.h"

namespace mw::blob {
namespace {

std::string Archive(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string out;
  TarWriter writer([&](std::string_view bytes) {
    out += bytes;
    return Ok();
  });
  for (const auto& [path, content] : files) {
    EXPECT_TRUE(writer.Begin({path, content.size(), 0640}).ok());
    EXPECT_TRUE(writer.Write(content).ok());
  }
  EXPECT_TRUE(writer.End().ok());
  return out;
}

TarReader ReaderOf(std::string_view& rest) {
  return TarReader([&rest](std::span<char> buffer) -> Result<std::size_t> {
    const std::size_t part = std::min(buffer.size(), rest.size());
    std::copy_n(rest.begin(), part, buffer.begin());
    rest.remove_prefix(part);
    return part;
  });
}

TEST(Tar, ReadsBackWhatItWrote) {
  const std::string deep = std::string(90, 'a') + "/" + std::string(99, 'b');
  const std::vector<std::pair<std::string, std::string>> files = {
      {"empty", ""}, {"one", "1"}, {"block", std::string(512, 'x')}, {deep, std::string(1'000'001, 'y')}};
  const std::string archive = Archive(files);
  EXPECT_EQ(archive.size() % 512, 0U);
  std::string_view rest = archive;
  TarReader reader = ReaderOf(rest);
  for (const auto& [path, content] : files) {
    const auto entry = reader.Next();
    ASSERT_TRUE(entry.ok()) << entry.error().ToString();
    ASSERT_TRUE(entry->has_value());
    EXPECT_EQ((*entry)->path, path);
    EXPECT_EQ((*entry)->size, content.size());
    EXPECT_EQ((*entry)->mode, 0640U);
    if (path == "block") continue;  // the reader skips it by itself
    std::string found(content.size() + 10, '\0');
    EXPECT_EQ(*reader.Read(found), content.size());
    EXPECT_EQ(found.substr(0, content.size()), content);
  }
  EXPECT_FALSE(reader.Next()->has_value());
}

TEST(Tar, TheSystemsTarReadsIt) {
  std::string directory = testing::TempDir() + "mw-tar-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  ASSERT_TRUE(WriteFileDurably(directory + "/a.tar", Archive({{"x/y", "hello\n"}, {"z", "end"}})).ok());
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the test has one thread
  EXPECT_EQ(std::system(Cat("tar -C ", directory, " -xf ", directory, "/a.tar").c_str()), 0);
  EXPECT_EQ(*ReadFile(directory + "/x/y"), "hello\n");
  // NOLINTNEXTLINE(concurrency-mt-unsafe)
  EXPECT_EQ(std::system(Cat("rm -r ", directory).c_str()), 0);
}

TEST(Tar, RefusesUnsafeNamesAndOtherKinds) {
  const auto first = [](std::string archive, std::size_t at, std::string_view patch) {
    archive.replace(at, patch.size(), patch);
    std::uint64_t sum = 0;
    for (std::size_t byte = 0; byte < 512; ++byte) {
      sum += byte >= 148 && byte < 156 ? ' ' : static_cast<unsigned char>(archive[byte]);
    }
    char digits[8];
    std::snprintf(digits, sizeof digits, "%07o", static_cast<unsigned>(sum));
    archive.replace(148, 8, std::string_view(digits, 8));
    std::string_view rest = archive;
    return ReaderOf(rest).Next();
  };
  const std::string good = Archive({{"abcdef", "content"}});
  EXPECT_TRUE(first(good, 0, "abcdef").ok());
  for (const std::string_view name : {"../etc", "/etc/x", "a/../b", "a//b.."}) {
    EXPECT_EQ(first(good, 0, name).error().code, Code::kDataLoss) << name;
  }
  EXPECT_EQ(first(good, 156, "2").error().code, Code::kDataLoss);  // a symbolic link
  EXPECT_EQ(first(good, 124, "9").error().code, Code::kDataLoss);  // no octal digit
  EXPECT_EQ(TarWriter([](std::string_view) { return Ok(); }).Begin({std::string(101, 'a'), 0, 0}).error().code,
            Code::kInvalidArgument);
}

TEST(Tar, KnowsSizesBeyondEightGibibytes) {
  std::string head;
  TarWriter writer([&](std::string_view bytes) {
    head += bytes;
    return Ok();
  });
  ASSERT_TRUE(writer.Begin({"big", std::uint64_t{1} << 40, 0600}).ok());
  std::string_view rest = head;
  EXPECT_EQ((*ReaderOf(rest).Next())->size, std::uint64_t{1} << 40);
}

}  // namespace
}  // namespace mw::blob
