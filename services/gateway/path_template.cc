#include "services/gateway/path_template.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "services/gateway/http_message.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

bool IsPlainSegment(absl::string_view segment) {
  return !segment.empty() && segment != "**" &&
         (segment == "*" || segment.find_first_of("{}=*:") == absl::string_view::npos);
}

bool DecodeSegment(absl::string_view segment, bool keep_slash, std::string& out) {
  if (!keep_slash) return UrlDecode(segment, false, out);
  while (!segment.empty()) {
    size_t slash = 0;
    while (slash < segment.size() && !absl::StartsWithIgnoreCase(segment.substr(slash), "%2F")) ++slash;
    if (!UrlDecode(segment.substr(0, slash), false, out)) return false;
    if (slash == segment.size()) break;
    out.append("%2F");
    segment.remove_prefix(slash + 3);
  }
  return true;
}

}  // namespace

absl::StatusOr<PathTemplate> PathTemplate::Parse(absl::string_view text) {
  const auto error = [&] { return Internal(absl::StrCat("unsupported path template ", text)); };
  PathTemplate out;
  absl::string_view rest = text;
  const size_t colon = rest.rfind(':');
  const size_t brace = rest.rfind('}');
  if (colon != absl::string_view::npos && (brace == absl::string_view::npos || colon > brace)) {
    out.verb_ = std::string(rest.substr(colon + 1));
    if (out.verb_.empty()) return error();
    rest = rest.substr(0, colon);
  }
  if (!absl::ConsumePrefix(&rest, "/")) return error();
  while (true) {
    if (absl::ConsumePrefix(&rest, "{")) {
      const size_t close = rest.find('}');
      if (close == absl::string_view::npos) return error();
      const absl::string_view inner = rest.substr(0, close);
      const size_t equals = inner.find('=');
      Variable variable{std::string(inner.substr(0, equals)), out.segments_.size(), 0};
      const absl::string_view pattern = equals == absl::string_view::npos ? "*" : inner.substr(equals + 1);
      for (const absl::string_view segment : absl::StrSplit(pattern, '/')) {
        if (!IsPlainSegment(segment)) return error();
        out.segments_.emplace_back(segment);
        ++variable.count;
      }
      if (variable.field_path.empty()) return error();
      out.variables_.push_back(std::move(variable));
      rest.remove_prefix(close + 1);
    } else {
      const absl::string_view segment = rest.substr(0, rest.find('/'));
      if (!IsPlainSegment(segment)) return error();
      out.segments_.emplace_back(segment);
      rest.remove_prefix(segment.size());
    }
    if (rest.empty()) return out;
    if (!absl::ConsumePrefix(&rest, "/")) return error();
  }
}

bool PathTemplate::Match(absl::string_view path, std::vector<std::string>& values) const {
  if (!verb_.empty()) {
    if (!absl::ConsumeSuffix(&path, verb_) || !absl::ConsumeSuffix(&path, ":")) return false;
  }
  if (!absl::ConsumePrefix(&path, "/")) return false;
  const std::vector<absl::string_view> segments = absl::StrSplit(path, '/');
  if (segments.size() != segments_.size()) return false;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments_[i] == "*") {
      if (segments[i].empty()) return false;
      continue;
    }
    std::string literal;
    if (!UrlDecode(segments[i], false, literal) || literal != segments_[i]) return false;
  }
  values.clear();
  for (const Variable& variable : variables_) {
    std::string& value = values.emplace_back();
    for (size_t i = variable.first; i < variable.first + variable.count; ++i) {
      if (i > variable.first) value.push_back('/');
      if (!DecodeSegment(segments[i], variable.count > 1, value)) return false;
    }
  }
  return true;
}

}  // namespace throughline
