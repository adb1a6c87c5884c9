// Lines of the access log for people. Pure functions; what a line lacks is left out, so lines of another version of the
// program can be shown as well.
#pragma once

#include <string>

#include "base/json.h"

namespace mw::app::cli {

/// The heads of RequestLine's columns.
std::string RequestHead();
/// One line of at most 120 columns, but for what its error says.
std::string RequestLine(const Json& request);
/// Everything that is known of one request, and of the prediction that was recorded ("recorded"), if it was.
std::string RequestDetails(const Json& request);
/// A line for each server that did not answer; empty when all did.
std::string UnheardServers(const Json& servers);

}  // namespace mw::app::cli
