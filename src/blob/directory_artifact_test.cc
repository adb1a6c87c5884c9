// Directories go into blobs and come back the same; names that could lead elsewhere go nowhere.
#include "blob/directory_artifact.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "blob/directory_blobs.h"
#include "blob/memory_blobs.h"

namespace mw::blob {
namespace {

namespace fs = std::filesystem;

class DirectoryArtifactTest : public testing::Test {
 protected:
  DirectoryArtifactTest() {
    EXPECT_NE(mkdtemp(root_.data()), nullptr);
    store_ = DirectoryBlobs::Open(At("artifacts")).value();
  }
  ~DirectoryArtifactTest() override { fs::remove_all(root_); }
  [[nodiscard]] std::string At(std::string_view name) const { return Cat(root_, '/', name); }
  void Write(std::string_view name, std::string_view content) const {
    fs::create_directories(fs::path(At(name)).parent_path());
    ASSERT_TRUE(WriteFileDurably(At(name), content).ok());
  }

  std::string root_ = "/tmp/mw-directory-artifact-XXXXXX";
  std::unique_ptr<DirectoryBlobs> store_;
};

constexpr const char* kAbc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* kEmpty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST_F(DirectoryArtifactTest, TheManifestIsCanonical) {
  Write("in/b/c.txt", "abc");
  Write("in/a", "");
  Write("in/b-c", "abc");
  fs::create_directory(At("in/empty"));
  const Digest digest = PutDirectory(*store_, At("in")).value();
  const std::string expected =
      Cat(R"({"files":[{"path":"a","size":0,"digest":")", kEmpty, R"("},{"path":"b-c","size":3,"digest":")", kAbc,
          R"("},{"path":"b/c.txt","size":3,"digest":")", kAbc, R"("}]})");
  EXPECT_EQ(store_->Get(digest, 10'000).value(), expected);
  EXPECT_EQ(digest, "sha256:" + Sha256Hex(expected));
  EXPECT_EQ(Manifest::Parse(expected).value().Dump(), expected);
}

TEST_F(DirectoryArtifactTest, ComesBackAsItWas) {
  Write("in/deep/er/file.bin", std::string(300'000, '\xff'));
  Write("in/sp\xc3\xa4t x.txt", "quoted");
  const Artifact artifact = PutPath(*store_, At("in")).value();
  EXPECT_EQ(artifact.kind, ArtifactKind::kDirectory);
  EXPECT_EQ(artifact.bytes, 300'006U);
  ASSERT_TRUE(Materialise(*store_, artifact, At("out")).ok());
  EXPECT_EQ(ReadFile(At("out/deep/er/file.bin")).value(), std::string(300'000, '\xff'));
  EXPECT_EQ(ReadFile(At("out/sp\xc3\xa4t x.txt")).value(), "quoted");
  EXPECT_EQ(fs::status(At("out/deep/er/file.bin")).permissions(), fs::perms(0444));
  EXPECT_EQ(fs::hard_link_count(At("out/deep/er/file.bin")), 2U);
  EXPECT_EQ(PutPath(*store_, At("out")).value(), artifact);
}

TEST_F(DirectoryArtifactTest, AFileIsItsBlob) {
  Write("model.json", "abc");
  const Artifact artifact = PutPath(*store_, At("model.json")).value();
  EXPECT_EQ(artifact, (Artifact{kAbc, ArtifactKind::kFile, 3}));
  ASSERT_TRUE(Materialise(*store_, artifact, At("copy.json")).ok());
  EXPECT_EQ(ReadFile(At("copy.json")).value(), "abc");
}

TEST_F(DirectoryArtifactTest, AStoreWithoutHardLinksIsCopied) {
  Write("in/a", "abc");
  MemoryBlobs memory;
  const Artifact artifact = PutPath(memory, At("in")).value();
  ASSERT_TRUE(Materialise(memory, artifact, At("out")).ok());
  EXPECT_EQ(ReadFile(At("out/a")).value(), "abc");
  EXPECT_EQ(fs::status(At("out/a")).permissions(), fs::perms(0444));
}

TEST_F(DirectoryArtifactTest, ATargetAppearsWholeOrNotAtAll) {
  Write("in/a", "abc");
  Write("in/b", "other");
  const Artifact artifact = PutPath(*store_, At("in")).value();
  ASSERT_TRUE(store_->Delete(kAbc).ok());
  EXPECT_EQ(Materialise(*store_, artifact, At("out")).error().code, Code::kNotFound);
  EXPECT_FALSE(fs::exists(At("out")));
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(root_)) left.insert(entry.path().filename());
  EXPECT_EQ(left, (std::set<std::string>{"artifacts", "in"}));
  EXPECT_EQ(CheckPresent(*store_, artifact).error().code, Code::kNotFound);
}

TEST_F(DirectoryArtifactTest, ATargetThatIsThereStays) {
  Write("in/a", "abc");
  const Artifact artifact = PutPath(*store_, At("in")).value();
  fs::create_symlink("/nowhere", At("dangling"));
  Write("file", "mine");
  for (const char* target : {"in", "file", "dangling"}) {
    EXPECT_EQ(Materialise(*store_, artifact, At(target)).error().code, Code::kAlreadyExists) << target;
  }
  EXPECT_EQ(ReadFile(At("file")).value(), "mine");
}

TEST_F(DirectoryArtifactTest, PresentMeansEveryFileIs) {
  Write("in/a", "abc");
  const Artifact artifact = PutPath(*store_, At("in")).value();
  EXPECT_TRUE(CheckPresent(*store_, artifact).ok());
  EXPECT_EQ(ReadFileOf(*store_, artifact, "a", 10).value(), "abc");
  EXPECT_EQ(ReadFileOf(*store_, artifact, "a", 2).error().code, Code::kResourceExhausted);
  EXPECT_EQ(ReadFileOf(*store_, artifact, "b", 10).error().code, Code::kNotFound);
  EXPECT_EQ(ReadManifest(*store_, kAbc).error().code, Code::kDataLoss);
}

TEST_F(DirectoryArtifactTest, LinksPipesAndOddNamesInADirectoryAreRefused) {
  Write("canary", "secret");
  const auto refusal = [&] { return PutDirectory(*store_, At("in")).error(); };
  fs::create_directory(At("in"));
  fs::create_symlink("../canary", At("in/link"));
  EXPECT_EQ(refusal().code, Code::kInvalidArgument);
  EXPECT_NE(refusal().message.find("symbolic link"), std::string::npos);
  fs::remove(At("in/link"));
  fs::create_directory_symlink("/etc", At("in/link"));
  EXPECT_EQ(refusal().code, Code::kInvalidArgument);
  fs::remove(At("in/link"));
  ASSERT_EQ(mkfifo(At("in/pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal().code, Code::kInvalidArgument);
  fs::remove(At("in/pipe"));
  Write("in/a%2eb", "x");
  EXPECT_EQ(refusal().code, Code::kInvalidArgument);
  fs::remove(At("in/a%2eb"));
  Write("in/b\\c", "x");
  EXPECT_EQ(refusal().code, Code::kInvalidArgument);
  EXPECT_EQ(PutDirectory(*store_, At("nothing")).error().code, Code::kNotFound);
  EXPECT_EQ(PutDirectory(*store_, At("canary")).error().code, Code::kInvalidArgument);
  fs::create_symlink("in", At("outer"));
  EXPECT_EQ(PutPath(*store_, At("outer")).error().code, Code::kInvalidArgument);
}

// Every way out of a directory that we know, in several spellings, before and behind an innocent part.
std::vector<std::string> Payloads() {
  std::vector<std::string> ups = {"..",
                                  ".",
                                  "...",
                                  "..;",
                                  "..\\",
                                  "%2e%2e",
                                  "%2E%2e",
                                  ".%2e",
                                  "%252e%252e",
                                  "%c0%ae%c0%ae",
                                  "\xc0\xae\xc0\xae",
                                  "..%00",
                                  "..%2f",
                                  "..%5c",
                                  "..%c0%af",
                                  "..\xc0\xaf",
                                  ".. ",
                                  " ..",
                                  "..\t",
                                  "..\n",
                                  "..\r",
                                  std::string("..\0", 3),
                                  "..:",
                                  "~%00",
                                  "a.",
                                  "a ",
                                  "a..",
                                  "%u002e%u002e",
                                  "\xe0\x80\xae",
                                  "\xf8\x80\x80\x80\xae",
                                  "..%255c",
                                  "||",
                                  "*",
                                  "?",
                                  "<x>",
                                  "a\"b"};
  std::vector<std::string> out;
  for (const std::string& up : ups) {
    for (const char* shape : {"@", "@/etc/passwd", "a/@", "a/@/b", "@/@/@/etc/shadow", "/@"}) {
      std::string payload;
      for (const char* at = shape; *at != '\0'; ++at) *at == '@' ? payload.append(up) : payload.append(1, *at);
      out.push_back(payload);
    }
  }
  for (const char* more : {"",
                           "/",
                           "//",
                           "/etc/passwd",
                           "//etc/passwd",
                           "a//b",
                           "a/",
                           "./a",
                           "a/./b",
                           "C:",
                           "C:\\Windows\\win.ini",
                           "C:/Windows",
                           "c:a",
                           "\\\\host\\share",
                           "\\etc\\passwd",
                           "file:/etc/passwd",
                           "file:///etc/passwd",
                           "http://host/a",
                           "s3://bucket/a",
                           "a\\..\\b",
                           "..\\..\\etc",
                           "a;/../b",
                           ";/../etc",
                           "a%00.txt",
                           "%2fetc%2fpasswd",
                           "%5cetc",
                           "nul:",
                           "a/b/",
                           "\x7f",
                           "\x1b[2J",
                           "a\nb",
                           "a\xff",
                           "\xed\xa0\x80",
                           "con.",
                           "a/. ",
                           "a/ b"}) {
    out.emplace_back(more);
  }
  out.emplace_back("a\0b", 3);
  out.emplace_back("\0", 1);
  out.emplace_back(256, 'x');
  out.push_back("a/" + std::string(256, 'x'));
  std::string deep = "a";
  for (int i = 0; i < 40; ++i) deep += "/a";
  out.push_back(deep);
  std::string wide = std::string(250, 'x');
  for (int i = 0; i < 4; ++i) wide += "/" + std::string(250, 'x');
  out.push_back(wide);
  return out;
}

TEST_F(DirectoryArtifactTest, NoNameLeadsOutOfTheTarget) {
  Write("canary", "secret");
  const std::vector<std::string> payloads = Payloads();
  ASSERT_GE(payloads.size(), 200U);
  MemoryBlobs store;  // planting is what takes time on a disk
  ASSERT_TRUE(store.Put("abc").ok());
  for (const std::string& payload : payloads) {
    const Status checked = CheckRelativePath(payload);
    ASSERT_FALSE(checked.ok()) << Quoted(payload);
    EXPECT_EQ(checked.error().code, Code::kInvalidArgument);
    EXPECT_TRUE(IsUtf8(checked.error().message));
    // Dump would repair what is not UTF-8: an attacker writes the bytes as they are.
    const std::string manifest =
        IsUtf8(payload) ? Manifest{{{payload, 3, kAbc}}}.Dump()
                        : Cat(R"({"files":[{"path":")", payload, R"(","size":3,"digest":")", kAbc, R"("}]})");
    EXPECT_FALSE(Manifest::Parse(manifest).ok()) << Quoted(payload);
    const Digest planted = store.Put(manifest).value();
    EXPECT_FALSE(Materialise(store, {planted, ArtifactKind::kDirectory, 3}, At("out")).ok()) << Quoted(payload);
    EXPECT_FALSE(fs::exists(At("out"))) << Quoted(payload);
  }
  EXPECT_EQ(ReadFile(At("canary")).value(), "secret");
}

TEST(RelativePath, OrdinaryNamesAreFine) {
  for (const char* good : {"a", "data.parquet", "a/b/c.json", ".hidden", "..a", "a..b", "sp\xc3\xa4t.csv", "a b",
                           "x=1,y=2/part-0", "a+b(c)[d]{e}~!@#$^&_-'`"}) {
    const Status checked = CheckRelativePath(good);
    EXPECT_TRUE(checked.ok()) << good << ": " << (checked.ok() ? "" : checked.error().message);
  }
}

TEST(ManifestTest, AcceptsOnlyWhatItWrites) {
  const std::string entry = Cat(R"({"path":"a","size":3,"digest":")", kAbc, R"("})");
  const std::string second = Cat(R"({"path":"b","size":3,"digest":")", kAbc, R"("})");
  const std::string below = Cat(R"({"path":"a/b","size":3,"digest":")", kAbc, R"("})");
  const std::string beside = Cat(R"({"path":"a-b","size":3,"digest":")", kAbc, R"("})");
  EXPECT_TRUE(Manifest::Parse(R"({"files":[]})").ok());
  EXPECT_TRUE(Manifest::Parse(Cat(R"({"files":[)", entry, ",", second, "]}")).ok());
  for (const std::string& bad :
       {std::string(), std::string("{}"), std::string("[]"), std::string("null"), std::string(R"({"files":{}})"),
        std::string(R"({"files":[1]})"), std::string(R"({"files":[{}]})"), std::string(R"({"files":[],"more":1})"),
        Cat(R"({"files":[)", entry, "]} "), Cat(R"({ "files":[)", entry, "]}"),
        Cat(R"({"files":[)", second, ",", entry, "]}"), Cat(R"({"files":[)", entry, ",", entry, "]}"),
        Cat(R"({"files":[)", entry, ",", below, "]}"), Cat(R"({"files":[)", entry, ",", beside, ",", below, "]}"),
        Cat(R"({"files":[{"size":3,"path":"a","digest":")", kAbc, R"("}]})"),
        Cat(R"({"files":[{"path":"a","size":-1,"digest":")", kAbc, R"("}]})"),
        Cat(R"({"files":[{"path":"a","size":3.0,"digest":")", kAbc, R"("}]})"),
        std::string(R"({"files":[{"path":"a","size":3,"digest":"sha256:00"}]})"),
        Cat(R"({"files":[{"path":"\u0061","size":3,"digest":")", kAbc, R"("}]})")}) {
    const Result<Manifest> parsed = Manifest::Parse(bad);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().code, Code::kInvalidArgument) << bad;
  }
}

TEST(ArtifactKinds, HaveNames) {
  EXPECT_EQ(ParseArtifactKind(ArtifactKindName(ArtifactKind::kFile)).value(), ArtifactKind::kFile);
  EXPECT_EQ(ParseArtifactKind(ArtifactKindName(ArtifactKind::kDirectory)).value(), ArtifactKind::kDirectory);
  EXPECT_EQ(ParseArtifactKind("link").error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace mw::blob
