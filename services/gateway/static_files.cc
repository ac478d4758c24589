#include "services/gateway/static_files.h"

#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "services/base/limits.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

constexpr char kIndex[] = "index.html";
constexpr char kHashedAssets[] = "assets/";

constexpr std::pair<absl::string_view, absl::string_view> kContentTypes[] = {
    {"html", "text/html; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/x-icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"xml", "application/xml"},
    {"wasm", "application/wasm"},
    {"pdf", "application/pdf"},
};

// Empty if the extension is not one that a web app is built of.
absl::string_view KnownType(absl::string_view file) {
  const absl::string_view name = file.substr(file.rfind('/') + 1);
  const size_t dot = name.rfind('.');
  if (dot == absl::string_view::npos) return {};
  for (const auto& [extension, type] : kContentTypes) {
    if (absl::EqualsIgnoreCase(name.substr(dot + 1), extension)) return type;
  }
  return {};
}

// The path below the root that an encoded path asks for. False if it cannot be one.
bool RelativePath(absl::string_view path, std::string& relative) {
  std::string decoded;
  if (!UrlDecode(path, false, decoded) || decoded.empty() || decoded.front() != '/') return false;
  relative = decoded.substr(1);
  if (relative.find('\0') != std::string::npos || relative.find('\\') != std::string::npos) return false;
  for (const absl::string_view segment : absl::StrSplit(relative, '/')) {
    // Also hidden files: nothing that a build makes begins with a dot.
    if (!segment.empty() && segment.front() == '.') return false;
  }
  return true;
}

}  // namespace

absl::string_view ContentTypeOf(absl::string_view file) {
  const absl::string_view known = KnownType(file);
  return known.empty() ? absl::string_view("application/octet-stream") : known;
}

absl::StatusOr<StaticFiles> StaticFiles::Make(absl::string_view root) {
  StaticFiles files;
  if (root.empty()) return files;
  std::error_code error;
  files.root_ = std::filesystem::canonical(std::string(root), error);
  if (error || !std::filesystem::is_directory(files.root_, error)) {
    return InvalidField("web_root", std::string(root) + " is not a directory");
  }
  return files;
}

HttpResponse StaticFiles::Serve(const HttpRequest& request) const {
  const auto not_found = [&] { return ErrorResponse(RouteNotFound(request.method, request.Path())); };
  if (root_.empty()) return not_found();
  if (!request.IsRead()) return MethodNotAllowedResponse(request.method, "GET, HEAD");
  std::string relative;
  if (!RelativePath(request.Path(), relative)) return not_found();
  std::string content;
  if (!relative.empty() && Read(relative, content)) return Answer(request, relative, std::move(content));
  // A missing part of a build is missing; anything else may be an address of the app.
  if (absl::StartsWith(relative, kHashedAssets) || !KnownType(relative).empty()) return not_found();
  if (!Read(kIndex, content)) return not_found();
  return Answer(request, kIndex, std::move(content));
}

bool StaticFiles::Read(const std::string& relative, std::string& content) const {
  std::error_code error;
  const std::filesystem::path file = std::filesystem::canonical(root_ / relative, error);
  if (error || !std::filesystem::is_regular_file(file, error)) return false;
  // Symbolic links are resolved by now; the result must lie below the root.
  const auto mismatch = std::mismatch(root_.begin(), root_.end(), file.begin(), file.end());
  if (mismatch.first != root_.end()) return false;
  const auto size = std::filesystem::file_size(file, error);
  if (error || size > limits::kStaticFileBytesMax) return false;
  std::ifstream in(file, std::ios::binary);
  content.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  return !in.bad();
}

HttpResponse StaticFiles::Answer(const HttpRequest& request, const std::string& relative, std::string content) const {
  HttpResponse response;
  const std::string tag = EntityTag(content);
  const bool hashed = absl::StartsWith(relative, kHashedAssets);
  response.headers = {
      {"ETag", tag},
      // Names under assets/ contain a hash of the content and so never change their meaning.
      {"Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Content-Type", std::string(ContentTypeOf(relative))},
      // The component library sets inline styles; scripts come from files only.
      {"Content-Security-Policy",
       "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src "
       "'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors "
       "'none'"},
  };
  const absl::string_view if_none_match = request.Header("if-none-match");
  if (!if_none_match.empty() && EntityTagMatches(if_none_match, tag)) {
    response.status = 304;
  } else {
    response.body = std::move(content);
  }
  return response;
}

}  // namespace throughline
