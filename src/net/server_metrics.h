// The metrics that both servers keep, under the label server="...". Any thread.
#pragma once

#include <string>

#include "base/metrics.h"

namespace mw::net {

struct ServerMetrics {
  ServerMetrics(const std::string& server, MetricsRegistry& registry)
      : open(registry.AddGauge("millwright_http_connections", "Open connections.", {{"server", server}})),
        accepted(
            registry.AddCounter("millwright_http_connections_total", "Connections accepted.", {{"server", server}})),
        requests(registry.AddCounter("millwright_http_requests_total", "Requests with a whole head, by their server.",
                                     {{"server", server}})),
        refused(registry.AddCounter("millwright_http_refused_total", "Requests and connections refused.",
                                    {{"server", server}})),
        bytes_in(registry.AddCounter("millwright_http_received_bytes_total", "Bytes received.", {{"server", server}})),
        bytes_out(registry.AddCounter("millwright_http_sent_bytes_total", "Bytes sent.", {{"server", server}})) {}
  Gauge& open;
  Counter& accepted;
  Counter& requests;
  Counter& refused;
  Counter& bytes_in;
  Counter& bytes_out;
};

}  // namespace mw::net
