#include "services/gateway/http_message.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/json_util.h"
#include "google/rpc/code.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Where the path begins: after scheme and authority of an absolute-form target (RFC 9112, 3.2.2).
absl::string_view OriginForm(absl::string_view target) {
  const size_t scheme = target.find("://");
  if (target.empty() || target.front() == '/' || scheme == absl::string_view::npos) return target;
  const size_t path = target.find('/', scheme + 3);
  return path == absl::string_view::npos ? absl::string_view("/") : target.substr(path);
}

std::string StatusJson(const google::rpc::Status& status) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  if (google::protobuf::util::MessageToJsonString(status, &json, options).ok()) return json;
  // A detail of a type that this build does not know, or a torn one: the error itself matters more.
  google::rpc::Status bare;
  bare.set_code(status.code());
  bare.set_message(status.message());
  for (const google::protobuf::Any& detail : status.details()) {
    google::rpc::ErrorInfo info;
    if (detail.UnpackTo(&info)) bare.add_details()->PackFrom(info);
  }
  json.clear();
  if (google::protobuf::util::MessageToJsonString(bare, &json, options).ok()) return json;
  return absl::StrCat("{\"code\":", status.code(), ",\"message\":\"\",\"details\":[]}");
}

}  // namespace

absl::string_view HttpRequest::Header(absl::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, name)) return value;
  }
  return {};
}

absl::string_view HttpRequest::Path() const {
  const absl::string_view origin = OriginForm(target);
  return origin.substr(0, origin.find_first_of("?#"));
}

absl::string_view HttpRequest::Query() const {
  const absl::string_view origin = OriginForm(target);
  const size_t question = origin.find('?');
  if (question == absl::string_view::npos) return {};
  const absl::string_view query = origin.substr(question + 1);
  return query.substr(0, query.find('#'));
}

bool UrlDecode(absl::string_view text, bool plus_is_space, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] == '%') {
      if (i + 2 >= text.size() || HexValue(text[i + 1]) < 0 || HexValue(text[i + 2]) < 0) return false;
      out.push_back(static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return true;
}

bool ParseQuery(absl::string_view query, std::vector<std::pair<std::string, std::string>>& parameters) {
  for (const absl::string_view part : absl::StrSplit(query, '&', absl::SkipEmpty())) {
    const size_t equals = part.find('=');
    std::pair<std::string, std::string>& parameter = parameters.emplace_back();
    if (!UrlDecode(part.substr(0, equals), true, parameter.first)) return false;
    if (equals != absl::string_view::npos && !UrlDecode(part.substr(equals + 1), true, parameter.second)) return false;
  }
  return true;
}

std::string EntityTag(absl::string_view content) {
  // FNV-1a with 128 bits: no dependency, the same everywhere, and collisions are out of reach by accident.
  using Hash = unsigned __int128;
  const Hash prime = (Hash{1} << 88) + 0x13B;
  Hash hash = (Hash{0x6c62272e07bb0142} << 64) + 0x62b821756295c58d;
  for (const char c : content) {
    hash ^= static_cast<unsigned char>(c);
    hash *= prime;
  }
  return absl::StrFormat("\"%016x%016x\"", static_cast<uint64_t>(hash >> 64), static_cast<uint64_t>(hash));
}

bool EntityTagMatches(absl::string_view if_none_match, absl::string_view entity_tag) {
  for (absl::string_view candidate : absl::StrSplit(if_none_match, ',')) {
    candidate = absl::StripAsciiWhitespace(candidate);
    absl::ConsumePrefix(&candidate, "W/");  // If-None-Match compares weakly (RFC 9110, 13.1.2)
    if (candidate == "*" || candidate == entity_tag) return true;
  }
  return false;
}

int HttpStatusOf(int rpc_code) {
  switch (rpc_code) {
    case google::rpc::OK:
      return 200;
    case google::rpc::INVALID_ARGUMENT:
    case google::rpc::FAILED_PRECONDITION:
    case google::rpc::OUT_OF_RANGE:
      return 400;
    case google::rpc::UNAUTHENTICATED:
      return 401;
    case google::rpc::PERMISSION_DENIED:
      return 403;
    case google::rpc::NOT_FOUND:
      return 404;
    case google::rpc::ALREADY_EXISTS:
    case google::rpc::ABORTED:
      return 409;
    case google::rpc::RESOURCE_EXHAUSTED:
      return 429;
    case google::rpc::CANCELLED:
      return 499;
    case google::rpc::UNIMPLEMENTED:
      return 501;
    case google::rpc::UNAVAILABLE:
      return 503;
    case google::rpc::DEADLINE_EXCEEDED:
      return 504;
    default:
      return 500;
  }
}

const char* HttpReason(int http_status) {
  switch (http_status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Internal Server Error";
  }
}

HttpResponse ErrorResponse(const google::rpc::Status& status, int http_status) {
  HttpResponse response;
  response.status = http_status != 0 ? http_status : HttpStatusOf(status.code());
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  for (const google::protobuf::Any& detail : status.details()) {
    google::rpc::RetryInfo retry;
    if (!detail.UnpackTo(&retry)) continue;
    // Whole seconds, rounded up.
    const int64_t seconds = retry.retry_delay().seconds() + (retry.retry_delay().nanos() > 0 ? 1 : 0);
    response.headers.emplace_back("Retry-After", absl::StrCat(std::max<int64_t>(seconds, 0)));
  }
  response.body = StatusJson(status);
  return response;
}

HttpResponse ErrorResponse(const absl::Status& status, int http_status) {
  return ErrorResponse(ToRpcStatus(status), http_status);
}

HttpResponse MethodNotAllowedResponse(absl::string_view method, absl::string_view allow) {
  HttpResponse response = ErrorResponse(MethodNotAllowed(method, allow), 405);
  response.headers.emplace_back("Allow", std::string(allow));
  return response;
}

}  // namespace throughline
