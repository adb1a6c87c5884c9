// Asking the operating system.
#include "app/checks/machine_checks.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>

#include "app/checks/processes.h"
#include "base/file.h"
#include "base/text.h"

namespace mw::app {
namespace {

constexpr double kFreeBytesWarn = 5e9, kFreeBytesBad = 0.5e9;
constexpr double kFreeInodesWarn = 0.05, kFreeInodesBad = 0.01;
constexpr double kSyncMsWarn = 100, kSyncMsBad = 1000;
constexpr int kSyncsMax = 50;
constexpr Duration kSyncTimeMax = std::chrono::milliseconds(500);
constexpr rlim_t kOpenFilesWanted = 4096;
constexpr Duration kClockTolerance = std::chrono::minutes(1);

Health Judge(double value, double warn, double bad) {
  return value >= bad ? Health::kBad : value >= warn ? Health::kWarn : Health::kOk;
}

Check Space(const struct statvfs& disk, const std::string& home) {
  const double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
  const double size = static_cast<double>(disk.f_blocks) * static_cast<double>(disk.f_frsize);
  const Health health = Judge(-free, -kFreeBytesWarn, -kFreeBytesBad);
  return {"disk", health, Cat(Fixed(free / 1e9, 1), " GB free of ", Fixed(size / 1e9, 1), " GB"),
          health == Health::kOk ? "" : Cat("free space on the disk of ", home, ": du -sh ", home, "/*")};
}

Check Inodes(const struct statvfs& disk, const std::string& home) {
  if (disk.f_files == 0) return {"inodes", Health::kOk, "not limited by this file system", ""};
  const double share = static_cast<double>(disk.f_favail) / static_cast<double>(disk.f_files);
  const Health health = Judge(-share, -kFreeInodesWarn, -kFreeInodesBad);
  return {"inodes", health, Cat(Fixed(share * 100, 0), " % free"),
          health == Health::kOk ? "" : Cat("remove small files from the disk of ", home)};
}

/// How long appending a page and making it durable takes, as the database does at each commit.
Check Syncs(const std::string& home, const Clock& clock) {
  const std::string remedy = Cat("is ", home, " on a network disk or a worn one? move the home to a local SSD");
  const FileDescriptor file(open(home.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.valid()) return {"fsync", Health::kWarn, "could not be measured: no temporary file there", remedy};
  const std::string page(4096, 'x');
  std::vector<double> took;
  for (const Duration begin = clock.Elapsed(); took.size() < kSyncsMax && clock.Elapsed() - begin < kSyncTimeMax;) {
    const Duration before = clock.Elapsed();
    const bool written = write(file.get(), page.data(), page.size()) == static_cast<ssize_t>(page.size());
    if (!written || fdatasync(file.get()) != 0) return {"fsync", Health::kBad, "writing to the disk failed", remedy};
    took.push_back(static_cast<double>((clock.Elapsed() - before).count()) / 1000);
  }
  std::sort(took.begin(), took.end());
  const double p99 = took[std::min(took.size() - 1, took.size() * 99 / 100)];
  const Health health = Judge(p99, kSyncMsWarn, kSyncMsBad);
  return {"fsync", health,
          Cat("p50 ", Fixed(took[took.size() / 2], 1), " ms, p99 ", Fixed(p99, 1), " ms of ", took.size(), " writes"),
          health == Health::kOk ? "" : remedy};
}

/// How far ahead of the clock the home's newest file is.
Duration AheadOf(const std::string& home, Timestamp now) {
  Duration ahead{0};
  for (const char* name : {"/millwright.db", "/millwright.db-wal", "/addresses.json", "/backups.json"}) {
    struct stat facts {};
    if (stat((home + name).c_str(), &facts) != 0) continue;
    const Timestamp changed = FromMicros(static_cast<std::int64_t>(facts.st_mtim.tv_sec) * 1'000'000);
    ahead = std::max(ahead, changed - now);
  }
  return ahead;
}

}  // namespace

Checks DiskChecks(const std::string& home, const Clock& clock) {
  struct statvfs disk {};
  if (statvfs(home.c_str(), &disk) != 0) {
    return {
        {"disk", Health::kBad, Cat("cannot look at ", home), "is it still mounted? else name the home with --home"}};
  }
  return {Space(disk, home), Inodes(disk, home), Syncs(home, clock)};
}

Check ClockCheck(const std::string& home, const Clock& clock) {
  const Timestamp now = clock.Now();
  if (const Duration ahead = AheadOf(home, now); ahead > kClockTolerance) {
    return {"clock", Health::kBad, Cat("the home has files from ", FormatDuration(ahead), " in the future"),
            "set the clock: timedatectl set-ntp true"};
  }
  timex state{};
  const bool synchronised = adjtimex(&state) >= 0 && (state.status & STA_UNSYNC) == 0;
  if (!synchronised) {
    return {"clock", Health::kWarn, Cat(FormatTime(now), ", not synchronised"), "timedatectl set-ntp true"};
  }
  return {"clock", Health::kOk,
          Cat("synchronised, off by at most ", Fixed(static_cast<double>(state.maxerror) / 1000, 1), " ms"), ""};
}

Check LimitsCheck() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  const bool enough = files.rlim_cur == RLIM_INFINITY || files.rlim_cur >= kOpenFilesWanted;
  std::string value = files.rlim_cur == RLIM_INFINITY
                          ? std::string("open files unlimited")
                          : Cat(WithThousands(static_cast<long long>(files.rlim_cur)), " open files");
  const Result<std::string> memory = ReadFile("/sys/fs/cgroup/memory.max", 64);
  if (memory.ok() && ParseInt(Trim(*memory))) {
    CatTo(value, ", memory of the control group ", Fixed(static_cast<double>(*ParseInt(Trim(*memory))) / 1e9, 1),
          " GB");
  }
  return {"limits", enough ? Health::kOk : Health::kWarn, value,
          enough ? "" : Cat("ulimit -n ", kOpenFilesWanted, ", before `millwright up`")};
}

Check PortCheck(const std::string& what, int port, int expected_pid) {
  const std::string name = Cat("port ", port);
  const std::optional<Listener> holder = ListenerOf(port);
  if (!holder) {
    if (expected_pid == 0) return {name, Health::kOk, Cat("free for the ", what), ""};
    return {name, Health::kBad, Cat("nobody listens, though the ", what, " should"), "millwright up"};
  }
  const std::string who =
      holder->pid == 0 ? std::string("another user's process") : Cat(holder->name, ", pid ", holder->pid);
  if (holder->pid == expected_pid && expected_pid != 0) return {name, Health::kOk, Cat(what, ": ", who), ""};
  return {name, Health::kBad, Cat("wanted for the ", what, ", held by ", who),
          holder->pid == 0 ? Cat("ss -ltnp 'sport = :", port, "'")
                           : Cat("end it: kill ", holder->pid, ", or choose another port")};
}

}  // namespace mw::app
