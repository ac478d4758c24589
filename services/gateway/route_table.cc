#include "services/gateway/route_table.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/api/annotations.pb.h"
#include "services/base/status_macros.h"
#include "throughline/errors.h"

namespace throughline {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;

namespace {

const FieldDescriptor* FindField(const Descriptor& message, absl::string_view name) {
  const std::string text(name);
  if (const FieldDescriptor* field = message.FindFieldByName(text)) return field;
  for (int i = 0; i < message.field_count(); ++i) {
    if (message.field(i)->json_name() == text) return message.field(i);
  }
  return nullptr;
}

}  // namespace

std::vector<const FieldDescriptor*> ResolveFieldPath(const Descriptor& message, absl::string_view field_path) {
  std::vector<const FieldDescriptor*> fields;
  const Descriptor* at = &message;
  for (const absl::string_view name : absl::StrSplit(field_path, '.')) {
    if (at == nullptr) return {};
    const FieldDescriptor* field = FindField(*at, name);
    if (field == nullptr) return {};
    fields.push_back(field);
    at = field->is_repeated() ? nullptr : field->message_type();
  }
  return fields;
}

absl::StatusOr<RouteTable> RouteTable::Make() {
  RouteTable table;
  for (const FileDescriptor* file : ServiceFiles()) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const MethodDescriptor& method = *file->service(s)->method(m);
        if (!method.options().HasExtension(google::api::http)) continue;
        const google::api::HttpRule& rule = method.options().GetExtension(google::api::http);
        RETURN_IF_ERROR(table.Add(method, rule));
        for (const google::api::HttpRule& additional : rule.additional_bindings()) {
          RETURN_IF_ERROR(table.Add(method, additional));
        }
      }
    }
  }
  std::stable_sort(table.routes_.begin(), table.routes_.end(),
                   [](const Route& a, const Route& b) { return a.path.has_verb() > b.path.has_verb(); });
  return table;
}

absl::Status RouteTable::Add(const MethodDescriptor& method, const google::api::HttpRule& rule) {
  Route route;
  std::string path;
  switch (rule.pattern_case()) {
    case google::api::HttpRule::kGet:
      route.http_method = "GET";
      path = rule.get();
      break;
    case google::api::HttpRule::kPut:
      route.http_method = "PUT";
      path = rule.put();
      break;
    case google::api::HttpRule::kPost:
      route.http_method = "POST";
      path = rule.post();
      break;
    case google::api::HttpRule::kDelete:
      route.http_method = "DELETE";
      path = rule.delete_();
      break;
    case google::api::HttpRule::kPatch:
      route.http_method = "PATCH";
      path = rule.patch();
      break;
    default:
      return Internal(absl::StrCat(method.full_name(), " has an HTTP rule without a method that we know"));
  }
  ASSIGN_OR_RETURN(route.path, PathTemplate::Parse(path));
  route.method = &method;
  route.grpc_method = absl::StrCat("/", method.service()->full_name(), "/", method.name());
  const Descriptor& input = *method.input_type();
  for (const PathTemplate::Variable& variable : route.path.variables()) {
    std::vector<const FieldDescriptor*> fields = ResolveFieldPath(input, variable.field_path);
    if (fields.empty() || fields.back()->is_repeated() || fields.back()->type() != FieldDescriptor::TYPE_STRING) {
      return Internal(absl::StrCat(method.full_name(), ": ", variable.field_path, " is not a string field"));
    }
    route.variable_fields.push_back(std::move(fields));
  }
  route.body_is_request = rule.body() == "*";
  if (!rule.body().empty() && !route.body_is_request) {
    route.body_field = FindField(input, rule.body());
    if (route.body_field == nullptr) {
      return Internal(absl::StrCat(method.full_name(), ": the body names no field: ", rule.body()));
    }
  }
  routes_.push_back(std::move(route));
  return absl::OkStatus();
}

RouteMatch RouteTable::Find(absl::string_view http_method, absl::string_view path) const {
  RouteMatch match;
  const absl::string_view method = http_method == "HEAD" ? "GET" : http_method;
  // A colon in the last segment is a verb where a route has it, whatever the method, and else part of an id; but only
  // of the method asked for, or every mistyped verb would be "method not allowed".
  const bool has_colon = path.substr(path.rfind('/') + 1).find(':') != absl::string_view::npos;
  std::set<std::string> allow;
  for (const Route& route : routes_) {
    if (!route.path.has_verb() && has_colon && !allow.empty()) break;  // those with a verb come first
    if (!route.path.Match(path, match.variables)) continue;
    if (route.http_method == method) {
      match.route = &route;
      return match;
    }
    if (has_colon && !route.path.has_verb()) continue;
    allow.insert(route.http_method);
    if (route.http_method == "GET") allow.insert("HEAD");
  }
  match.variables.clear();
  match.allow = absl::StrJoin(allow, ", ");
  return match;
}

}  // namespace throughline
