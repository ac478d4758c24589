// HTTP requests and answers as plain values, and the small parts of HTTP that handlers share.
// Plain values and pure functions; any thread. Nothing here knows a socket.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace google::rpc {
class Status;
}

namespace throughline {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // "GET"; as sent, case matters
  std::string target;  // "/v1/workspaces?pageSize=5", still encoded
  HttpHeaders headers;
  std::string body;

  // The first header of this name in any case; empty if absent.
  absl::string_view Header(absl::string_view name) const;
  // The target's part before and after the question mark. An absolute-form target loses its scheme and authority.
  absl::string_view Path() const;
  absl::string_view Query() const;
  bool IsRead() const { return method == "GET" || method == "HEAD"; }
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;  // a HEAD request gets its length only
};

// Decodes %XX, and `+` as a space if asked to. False if a % is not followed by two hexadecimal digits.
bool UrlDecode(absl::string_view text, bool plus_is_space, std::string& out);

// The name=value pairs of a query string, decoded, in order. False if a part does not decode.
bool ParseQuery(absl::string_view query, std::vector<std::pair<std::string, std::string>>& parameters);

// A strong entity tag of these bytes, with its quotes; the same in every process.
std::string EntityTag(absl::string_view content);
// Whether an If-None-Match header names the tag (or is `*`).
bool EntityTagMatches(absl::string_view if_none_match, absl::string_view entity_tag);

// The HTTP status of a google.rpc.Code.
int HttpStatusOf(int rpc_code);
const char* HttpReason(int http_status);

// An answer with google.rpc.Status as JSON, its details expanded. The HTTP status is that of the code unless given.
HttpResponse ErrorResponse(const google::rpc::Status& status, int http_status = 0);
HttpResponse ErrorResponse(const absl::Status& status, int http_status = 0);
// 405 with Allow; `allow`: "GET, HEAD".
HttpResponse MethodNotAllowedResponse(absl::string_view method, absl::string_view allow);

}  // namespace throughline
