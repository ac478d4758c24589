#include "services/main/server_options.h"

#include <functional>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

using Setter = std::function<absl::Status(const std::string& value, ServerOptions&)>;

Setter Text(std::string ServerOptions::*member) {
  return [member](const std::string& value, ServerOptions& options) {
    options.*member = value;
    return absl::OkStatus();
  };
}

// An address that can be listened on, or the empty one.
Setter Address(std::string ServerOptions::*member) {
  return [member](const std::string& value, ServerOptions& options) -> absl::Status {
    if (!value.empty()) RETURN_IF_ERROR(ParseHostAndPort(value).status());
    options.*member = value;
    return absl::OkStatus();
  };
}

absl::Status SetGrace(const std::string& value, ServerOptions& options) {
  if (absl::ParseDuration(value, &options.grace) && options.grace >= absl::ZeroDuration() &&
      options.grace <= absl::Hours(1)) {
    return absl::OkStatus();
  }
  return InvalidField("", absl::StrCat("\"", value, "\" is no duration such as 10s, of at most 1h"));
}

absl::Status SetHistory(const std::string& value, ServerOptions& options) {
  if (absl::ParseDuration(value, &options.history) && options.history >= limits::kCatalogHistoryMin &&
      options.history <= limits::kWindowMax) {
    return absl::OkStatus();
  }
  return InvalidField("", absl::StrCat("\"", value, "\" is no duration such as 720h, of at least 1h"));
}

// A whole number of [min, max].
template <typename Number>
Setter Whole(Number ServerOptions::*member, Number min, Number max) {
  return [=](const std::string& value, ServerOptions& options) -> absl::Status {
    Number number = 0;
    if (!absl::SimpleAtoi(value, &number) || number < min || number > max) {
      return InvalidField("", absl::StrCat("\"", value, "\" is no whole number from ", min, " to ", max));
    }
    options.*member = number;
    return absl::OkStatus();
  };
}

const std::map<std::string, Setter>& ValueFlags() {
  static const auto* const flags = new std::map<std::string, Setter>{
      {"--data-dir", Text(&ServerOptions::data_directory)},
      {"--grpc-address", Address(&ServerOptions::grpc_address)},
      {"--http-address", Address(&ServerOptions::http_address)},
      {"--web-root", Text(&ServerOptions::web_root)},
      {"--ready-file", Text(&ServerOptions::ready_file)},
      {"--grace", &SetGrace},
      {"--history", &SetHistory},
      {"--query-threads", Whole(&ServerOptions::query_threads, 0, 1024)},
      {"--event-cache-mib", Whole<int64_t>(&ServerOptions::event_cache_mib, 16, 1 << 20)},
  };
  return *flags;
}

// True if the argument is a flag without a value.
bool SetSwitch(const std::string& argument, ServerOptions& options) {
  if (argument == "--demo") {
    options.demo = true;
  } else if (argument == "--empty") {
    options.demo = false;
  } else if (argument == "--verbose") {
    options.verbose = true;
  } else if (argument == "--help" || argument == "-h") {
    options.help = true;
  } else if (argument == "--version") {
    options.version = true;
  } else {
    return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<ServerOptions> ParseServerOptions(const std::vector<std::string>& arguments) {
  ServerOptions options;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (SetSwitch(argument, options)) continue;
    const size_t equals = argument.find('=');
    const std::string flag = argument.substr(0, equals);
    const auto found = ValueFlags().find(flag);
    if (found == ValueFlags().end()) return InvalidField(flag, "is no flag of throughlined; --help lists them");
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return InvalidField(flag, "needs a value");
    }
    RETURN_IF_ERROR(WithFieldPrefix(flag, found->second(value, options)));
  }
  if (options.help || options.version) return options;
  if (options.data_directory.empty()) return InvalidField("--data-dir", "is required: where everything is kept");
  if (options.grpc_address.empty()) return InvalidField("--grpc-address", "is required");
  return options;
}

std::string ServerUsage() {
  return R"(throughlined: the Throughline server.

  --data-dir DIR        where everything is kept; created if absent. Required.
  --grpc-address H:P    where gRPC is served (127.0.0.1:7420); port 0: any free one
  --http-address H:P    where the app and JSON are served (127.0.0.1:7480); empty: nowhere
  --web-root DIR        the built web app; without it HTTP serves JSON alone
  --demo                create a demo workspace if the data directory is empty
  --empty               do not (the default)
  --ready-file FILE     write the addresses here once everything serves
  --grace DURATION      how long running calls may take at shutdown (10s)
  --history DURATION    how far back revisions, and what was deleted, can be read (720h)
  --query-threads N     threads that one question may use; 0: as many as there are processors (0)
  --event-cache-mib N   memory for what the event engine can make again: columns of properties and of people, blocks of
                        the log (512). Files of columns are mapped, and not counted.
  --verbose             log more
  --version, --help
)";
}

absl::StatusOr<HostAndPort> ParseHostAndPort(const std::string& address) {
  const auto bad = [&] {
    return InvalidField("", absl::StrCat("\"", address, "\" is no address of the form 127.0.0.1:7420 or [::1]:7420"));
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) return bad();
  HostAndPort result;
  result.host = address.substr(0, colon);
  if (!absl::SimpleAtoi(address.substr(colon + 1), &result.port) || result.port < 0 || result.port > 65535) {
    return bad();
  }
  if (absl::StartsWith(result.host, "[") && absl::EndsWith(result.host, "]")) {
    result.host = result.host.substr(1, result.host.size() - 2);
  } else if (absl::StrContains(result.host, ":")) {
    return bad();
  }
  if (result.host == "localhost") result.host = "127.0.0.1";
  if (result.host.empty()) return bad();
  return result;
}

}  // namespace throughline
