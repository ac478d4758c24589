// Serves the built web app from a directory.
// Thread-safe; reads the files anew for every request, so a new build is seen at once.
//
// Only regular files inside the directory are served: neither `..` nor a symbolic link leads out of it. What is no file
// and does not look like one is an address of the app and gets index.html.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/gateway/http_message.h"

namespace throughline {

class StaticFiles {
 public:
  // An empty root serves nothing. INVALID_ARGUMENT if it is no directory.
  static absl::StatusOr<StaticFiles> Make(absl::string_view root);

  HttpResponse Serve(const HttpRequest& request) const;

 private:
  // A file below the root, read whole. False if there is none to be served.
  bool Read(const std::string& relative, std::string& content) const;
  HttpResponse Answer(const HttpRequest& request, const std::string& relative, std::string content) const;

  std::filesystem::path root_;  // canonical; empty: none
};

// "text/html; charset=utf-8" of "index.html"; "application/octet-stream" if unknown.
absl::string_view ContentTypeOf(absl::string_view file);

}  // namespace throughline
