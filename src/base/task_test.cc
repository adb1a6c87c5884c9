// Coroutines: values, order, and where they resume.
#include "base/task.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "base/result.h"

namespace mw {
namespace {

Task<int> Answer() { co_return 42; }
Task<std::string> Describe() {
  const int answer = co_await Answer();
  co_return "answer " + std::to_string(answer);
}

TEST(Task, ChainsReturnTheirValues) { EXPECT_EQ(SyncWait(Describe()), "answer 42"); }

TEST(Task, ADeepChainNeedsNoStack) {
  struct Chain {
    static Task<int> Count(int n) {
      if (n == 0) co_return 0;
      co_return 1 + co_await Count(n - 1);
    }
  };
#ifdef __SANITIZE_ADDRESS__
  constexpr int kDepth = 500;  // under AddressSanitizer a call in tail position still takes a frame
#else
  constexpr int kDepth = 10000;
#endif
  EXPECT_EQ(SyncWait(Chain::Count(kDepth)), kDepth);
}

Task<Result<int>> Parse(std::string text) {
  if (text.empty()) co_return InvalidArgument("nothing to parse");
  co_return static_cast<int>(text.size());
}
Task<Status> Check(int size) {
  if (size > 3) co_return OutOfRange("too long: ", size);
  co_return Ok();
}
Task<Result<int>> ParseAndCheck(std::string text) {
  const int size = CO_TRY(co_await Parse(std::move(text)));
  CO_TRY(co_await Check(size));
  co_return size * 2;
}

TEST(Task, CoTryLeavesAtTheFirstError) {
  EXPECT_EQ(*SyncWait(ParseAndCheck("abc")), 6);
  EXPECT_EQ(SyncWait(ParseAndCheck("")).error().message, "nothing to parse");
  EXPECT_EQ(SyncWait(ParseAndCheck("abcd")).error().message, "too long: 4");
}

Task<std::thread::id> ResumeAfter(Completion<int> completion) {
  EXPECT_EQ(co_await completion, 7);
  co_return std::this_thread::get_id();
}

TEST(Completion, ResumesOnTheWaitingThread) {
  const Completion<int> completion;
  std::thread setter([completion] { completion.Set(7); });
  EXPECT_EQ(SyncWait(ResumeAfter(completion)), std::this_thread::get_id());
  setter.join();
}

TEST(Completion, SetBeforeAwaitedIsFine) {
  const Completion<int> completion;
  completion.Set(7);
  EXPECT_EQ(SyncWait(ResumeAfter(completion)), std::this_thread::get_id());
}

Task<void> Note(std::vector<int>& notes, int value) {
  notes.push_back(value);
  co_return;
}

TEST(RunLoop, RunsSpawnedTasksInOrderUntilStopped) {
  RunLoop loop;
  std::vector<int> notes;
  for (int i = 0; i < 3; ++i) Spawn(loop, Note(notes, i));
  loop.Post([&loop] { loop.Stop(); });
  loop.Run();
  EXPECT_EQ(notes, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace mw
