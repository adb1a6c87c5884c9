// webhooks: who is told of the registry's events, what became of each telling, and telling again.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "app/cli/verbs.h"
#include "base/text.h"
#include "base/text_table.h"

namespace mw::app::cli {
namespace {

using net::Method;

constexpr std::string_view kWebhooks = "/api/2.0/mlflow/webhooks";

struct Arguments {
  std::string id;
  std::int64_t redeliver = 0;
  bool test = false;
};

void SayWebhooks(const Json& answer) {
  const Json* webhooks = answer.Find("webhooks");
  if (webhooks == nullptr) {
    Say("no webhooks; MLflow's client makes them: MlflowClient().create_webhook(name, url, events)\n");
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"id", "name", "status", "url", "events"}};
  for (const Json& webhook : webhooks->AsArray()) {
    std::vector<std::string> events;
    for (const Json& event : webhook.Find("events")->AsArray()) {
      events.push_back(ToLower(Cat(event.StringOr("entity", ""), ".", event.StringOr("action", ""))));
    }
    rows.push_back({webhook.StringOr("webhook_id", ""), webhook.StringOr("name", ""), webhook.StringOr("status", ""),
                    webhook.StringOr("url", ""), Join(events, ", ")});
  }
  Say(TextTable(rows));
}

std::string Seconds(const std::string& time) { return time.substr(0, 19); }

void SayDeliveries(const Json& answer) {
  const Json::Array& deliveries = answer.Find("deliveries")->AsArray();
  if (deliveries.empty()) {
    Say("nothing was delivered yet\n");
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"number", "at (UTC)", "event", "status", "attempts", "answer", "why"}};
  for (const Json& delivery : deliveries) {
    const std::int64_t code = delivery.IntOr("answer_code", 0);
    rows.push_back({Cat(delivery.IntOr("number", 0)), Seconds(delivery.StringOr("happened_at", "")),
                    delivery.StringOr("event", ""), delivery.StringOr("status", ""), Cat(delivery.IntOr("attempts", 0)),
                    code == 0 ? "-" : Cat(code), delivery.StringOr("error", "")});
  }
  Say(TextTable(rows));
}

void SayTest(const Json& answer) {
  const Json& result = *answer.Find("result");
  const std::int64_t code = result.IntOr("response_status", 0);
  Say(code == 0 ? Cat(result.StringOr("error_message", ""), "\n")
                : Cat("the receiver answered ", code, ": ", Quoted(result.StringOr("response_body", ""), 200), "\n"));
}

int Run(const Options& options, const Arguments& arguments) {
  if (arguments.id.empty()) {
    if (arguments.test || arguments.redeliver != 0) {
      return Fail(InvalidArgument("name the webhook by its id; `millwright webhooks` lists them"));
    }
    return Print(options, Call(options, Method::kGet, Cat(kWebhooks, "?max_results=1000")), SayWebhooks);
  }
  const std::string id = net::PercentEncode(arguments.id);
  if (arguments.test) {
    return Print(options, Call(options, Method::kPost, Cat(kWebhooks, "/", id, "/test"), Json::MakeObject()), SayTest);
  }
  const std::string log = Cat("/api/v1/webhooks/", id, "/deliveries");
  if (arguments.redeliver == 0) return Print(options, Call(options, Method::kGet, log), SayDeliveries);
  return Print(options, Call(options, Method::kPost, Cat(log, "/", arguments.redeliver, "/redeliver")),
               [](const Json& answer) { Say(Cat("delivery ", answer.IntOr("number", 0), " is sent again\n")); });
}

}  // namespace

void AddWebhooksVerb(const Registrar& registrar) {
  const Options& options = registrar.options;
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command = registrar.Add("webhooks", "Who is told of the registry's events, and what was delivered",
                                    "millwright webhooks ID --redeliver 17",
                                    [&options, arguments] { return Run(options, *arguments); });
  command->add_option("id", arguments->id, "Show the deliveries of this webhook; without it all webhooks");
  command->add_option("--redeliver", arguments->redeliver, "Send the delivery of this number again");
  command->add_flag("--test", arguments->test, "Send an example of its first event now");
}

}  // namespace mw::app::cli
