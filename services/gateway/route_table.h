// The API's HTTP routes, taken from the google.api.http annotations of every service of throughline.v1.
// Immutable once made; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/api/http.pb.h"
#include "google/protobuf/descriptor.h"
#include "services/gateway/path_template.h"

namespace throughline {

struct Route {
  std::string http_method;  // "GET"
  PathTemplate path;
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::string grpc_method;  // "/throughline.v1.JourneyMapService/GetJourneyMap"
  // Per variable of the path, the fields that lead to it: {journey_map, name}.
  std::vector<std::vector<const google::protobuf::FieldDescriptor*>> variable_fields;
  bool body_is_request = false;                                   // body: "*"
  const google::protobuf::FieldDescriptor* body_field = nullptr;  // body: "journey_map"

  bool streaming() const { return method->client_streaming() || method->server_streaming(); }
};

struct RouteMatch {
  const Route* route = nullptr;        // null: none
  std::vector<std::string> variables;  // decoded, as in route->path.variables()
  // Without a route: the methods that this path has, "GET, HEAD, PATCH"; empty: nothing is at this path.
  std::string allow;
};

class RouteTable {
 public:
  // Of all *_service.proto files of the API. INTERNAL if an annotation cannot be followed.
  static absl::StatusOr<RouteTable> Make();

  // HEAD is answered by GET's route.
  RouteMatch Find(absl::string_view http_method, absl::string_view path) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  absl::Status Add(const google::protobuf::MethodDescriptor& method, const google::api::HttpRule& rule);

  std::vector<Route> routes_;  // those with a verb first: `m:export` is a verb before it is an id
};

// The descriptors of the API's *_service.proto files; generated from the files there are.
std::vector<const google::protobuf::FileDescriptor*> ServiceFiles();

// The fields that lead to `field_path`, by proto name or JSON name; empty if there is no such field.
std::vector<const google::protobuf::FieldDescriptor*> ResolveFieldPath(const google::protobuf::Descriptor& message,
                                                                       absl::string_view field_path);

}  // namespace throughline
