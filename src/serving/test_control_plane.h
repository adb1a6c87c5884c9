// For tests: a control plane that is nothing but a desired state, blobs, and the reports and window pieces that it
// received.
// Any thread. It can be stopped and started again on the same port.
#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/text.h"
#include "net/loop_server.h"
#include "wire/desired_state.h"
#include "wire/window_record.h"

namespace mw::serving::testing {

class TestControlPlane {
 public:
  TestControlPlane() { Start(); }
  ~TestControlPlane() { Stop(); }
  TestControlPlane(const TestControlPlane&) = delete;
  TestControlPlane& operator=(const TestControlPlane&) = delete;

  void Start() {
    net::LoopServerOptions options;
    options.port = port_;
    options.loops = 2;
    options.stop_linger = std::chrono::milliseconds(0);
    auto server = net::LoopServer::Start(
        options, [this](int) { return std::make_unique<Handler>(*this); }, metrics_);
    MW_ASSERT(server.ok());
    server_ = *std::move(server);
    port_ = server_->port();
  }
  void Stop() {
    {
      const Lock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    server_.reset();
    const Lock lock(mutex_);
    stopping_ = false;
  }
  [[nodiscard]] std::string url() const { return Cat("http://127.0.0.1:", port_); }

  /// Stores a package's files and its manifest; the digest of the manifest.
  std::string AddPackage(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    Json files = Json::MakeArray();
    for (const std::string& name : names) {
      const std::string bytes = *ReadFile(Cat(directory, "/", name));
      files.Append(Json::Make({{"path", Json(name)}, {"size", Json(bytes.size())}, {"digest", Json(AddBlob(bytes))}}));
    }
    return AddBlob(Json::Make({{"files", std::move(files)}}).Dump());
  }
  std::string AddBlob(const std::string& bytes) {
    std::string digest = Cat("sha256:", Sha256Hex(bytes));
    const Lock lock(mutex_);
    blobs_[digest] = bytes;
    return digest;
  }
  void BendBlobs() {
    const Lock lock(mutex_);
    for (auto& [digest, bytes] : blobs_) bytes[bytes.size() / 2] ^= 1;
  }
  /// The next generation wants these endpoints: name, version, package digest.
  void Want(const std::vector<wire::DesiredEndpoint>& endpoints) {
    const Lock lock(mutex_);
    ++state_.generation;
    state_.endpoints = endpoints;
    changed_.NotifyAll();
  }
  /// How long polls without news are held.
  void SetHold(std::chrono::milliseconds hold) {
    const Lock lock(mutex_);
    hold_ = hold;
  }
  [[nodiscard]] std::int64_t polls() const {
    const Lock lock(mutex_);
    return polls_;
  }
  /// What becomes of window pieces: taken and acknowledged; taken, but the answer is an error; not taken (503);
  /// refused (400) when they are of the endpoint "refused".
  enum class Windows : std::uint8_t { kTake, kTakeAndFail, kUnavailable, kRefuse };
  void SetWindows(Windows windows) {
    const Lock lock(mutex_);
    windows_ = windows;
  }
  /// Every piece once, in the order in which they came.
  [[nodiscard]] std::vector<wire::WindowPiece> pieces() const {
    const Lock lock(mutex_);
    return pieces_;
  }
  /// How often a piece came that was there already.
  [[nodiscard]] std::int64_t duplicates() const {
    const Lock lock(mutex_);
    return duplicates_;
  }
  [[nodiscard]] std::int64_t puts() const {
    const Lock lock(mutex_);
    return puts_;
  }
  /// The newest report; a default one before the first.
  [[nodiscard]] wire::StatusReport report() const {
    const Lock lock(mutex_);
    return report_;
  }

 private:
  class Handler final : public net::LoopHandler {
   public:
    explicit Handler(TestControlPlane& plane) : plane_(plane) {}
    void Handle(const net::RequestView& request, net::ResponseWriter& out) override { plane_.Answer(request, out); }

   private:
    TestControlPlane& plane_;
  };

  void Answer(const net::RequestView& request, net::ResponseWriter& out) {
    constexpr std::string_view kBlobs = "/api/v1/blobs/";
    const Lock lock(mutex_);
    if (request.path == "/api/v1/desired-state") {
      ++polls_;
      const std::string_view after = request.query.substr(request.query.find('=') + 1);
      const long long known = *ParseInt(after.substr(0, after.find('&')));
      const Duration deadline = clock_.Elapsed() + hold_;
      while (state_.generation <= known && !stopping_ && clock_.Elapsed() < deadline) {
        changed_.WaitFor(mutex_, std::chrono::milliseconds(10));
      }
      return out.Json(wire::ToJson(state_).Dump());
    }
    if (request.path.starts_with(kBlobs)) {
      const auto blob = blobs_.find(std::string(request.path.substr(kBlobs.size())));
      if (blob == blobs_.end())
        return out.Send(404, "application/json", R"({"error":{"code":"NOT_FOUND","message":"no"}})");
      return out.Send(200, "application/octet-stream", blob->second);
    }
    if (request.path.ends_with("/windows")) return TakeWindows(request, out);
    auto report = wire::ParseStatusReport(request.body);
    MW_ASSERT(report.ok());
    report_ = *std::move(report);
    out.Json("{}");
  }

  void TakeWindows(const net::RequestView& request, net::ResponseWriter& out) MW_REQUIRES(mutex_) {
    ++puts_;
    auto pieces = wire::WindowPiecesFromFrame(request.body);
    MW_ASSERT(pieces.ok());
    const bool refused =
        std::any_of(pieces->begin(), pieces->end(), [](const auto& p) { return p.endpoint == "refused"; });
    if (windows_ == Windows::kRefuse && refused) {
      return out.Send(400, "application/json", R"({"error":{"code":"INVALID_ARGUMENT","message":"no"}})");
    }
    if (windows_ == Windows::kUnavailable) return out.Send(503, "application/json", "{}");
    for (wire::WindowPiece& piece : *pieces) {
      const bool known = !names_.insert(std::tuple(piece.server, piece.boot, piece.sequence)).second;
      if (known) ++duplicates_;
      if (!known) pieces_.push_back(std::move(piece));
    }
    if (windows_ == Windows::kTakeAndFail) return out.Send(500, "application/json", "{}");
    out.Json("{}");
  }

  RealClock clock_;
  mutable Mutex mutex_;
  CondVar changed_;
  wire::DesiredState state_ MW_GUARDED_BY(mutex_);
  std::map<std::string, std::string> blobs_ MW_GUARDED_BY(mutex_);
  wire::StatusReport report_ MW_GUARDED_BY(mutex_);
  Windows windows_ MW_GUARDED_BY(mutex_) = Windows::kTake;
  std::vector<wire::WindowPiece> pieces_ MW_GUARDED_BY(mutex_);
  std::set<std::tuple<std::string, std::string, std::uint64_t>> names_ MW_GUARDED_BY(mutex_);
  std::int64_t duplicates_ MW_GUARDED_BY(mutex_) = 0;
  std::int64_t puts_ MW_GUARDED_BY(mutex_) = 0;
  std::chrono::milliseconds hold_ MW_GUARDED_BY(mutex_){200};
  std::int64_t polls_ MW_GUARDED_BY(mutex_) = 0;
  bool stopping_ MW_GUARDED_BY(mutex_) = false;
  MetricsRegistry metrics_;
  std::unique_ptr<net::LoopServer> server_;
  int port_ = 0;
};

}  // namespace mw::serving::testing
