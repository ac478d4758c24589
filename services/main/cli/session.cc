#include "services/main/cli/session.h"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "services/base/status_macros.h"
#include "services/events/byte_source.h"
#include "services/events/import_errors.h"
#include "throughline/errors.h"
#include "throughline/resource_names.h"

namespace throughline::cli {
namespace {

constexpr size_t kTextFileBytesMax = 8 * 1024 * 1024;

// What the user can do about an error, where the server's message does not say it.
std::string Advice(const absl::Status& status) {
  const std::string reason = GetErrorReason(status);
  if (reason == "RESOURCE_NOT_FOUND") {
    const auto metadata = GetErrorMetadata(status);
    const auto name = metadata.find("name");
    if (name != metadata.end() && absl::StrContains(name->second, "/")) {
      const bool workspace = absl::StartsWith(name->second, "workspaces/") &&
                             name->second.find('/', sizeof("workspaces/")) == std::string::npos;
      if (workspace) return "See `throughline workspace list`, or make it with `throughline workspace create`.";
    }
  }
  if (reason == "STALE_ETAG") return "Somebody changed it in the meantime; read it again and repeat.";
  if (reason == "RESOURCE_ALREADY_EXISTS") return "Choose another id, or change the one that exists.";
  if (reason == "JOURNEY_MAP_NOT_PUBLISHED") return "Publish it with `throughline map publish`.";
  return "";
}

}  // namespace

Session::Session(const CommonOptions& options)
    : options_(options),
      paint_(Paint::ForDescriptor(STDOUT_FILENO)),
      error_paint_(Paint::ForDescriptor(STDERR_FILENO)) {}

absl::StatusOr<Client*> Session::Connect() {
  if (client_ == nullptr) {
    ClientOptions options;
    options.address = options_.address;
    absl::StatusOr<std::unique_ptr<Client>> client = Client::Connect(options);
    if (!client.ok()) {
      return absl::UnavailableError(absl::StrCat(client.status().message(),
                                                 "; start one with `throughlined` or `tools/dev run`, or name another "
                                                 "with --address"));
    }
    client_ = *std::move(client);
  }
  return client_.get();
}

absl::StatusOr<std::string> Session::WorkspaceName() const {
  if (options_.workspace.empty()) {
    return UsageError(
        "which workspace? Give --workspace ID, or set THROUGHLINE_WORKSPACE; `throughline workspace list` "
        "shows what there is");
  }
  const std::string name =
      absl::StartsWith(options_.workspace, "workspaces/") ? options_.workspace : MakeWorkspaceName(options_.workspace);
  RETURN_IF_ERROR(ParseWorkspaceName(name, "--workspace").status());
  return name;
}

absl::StatusOr<std::string> Session::NameBelowWorkspace(absl::string_view collection,
                                                        absl::string_view id_or_name) const {
  if (absl::StartsWith(id_or_name, "workspaces/")) return std::string(id_or_name);
  ASSIGN_OR_RETURN(const std::string workspace, WorkspaceName());
  return absl::StrCat(workspace, "/", collection, "/", id_or_name);
}

void Session::PrintJson(const google::protobuf::Message& message) const {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) text = message.DebugString();
  std::cout << text;
}

void Session::PrintError(const absl::Status& status) const {
  std::cerr << error_paint_(Color::kRed, "error:") << ' ' << std::string(status.message()) << '\n';
  for (const FieldViolation& violation : GetFieldViolations(status)) {
    if (absl::StrContains(status.message(), violation.description)) continue;
    std::cerr << "  " << error_paint_(Color::kBold, violation.field) << ": " << violation.description << '\n';
  }
  for (const FieldViolation& violation : GetPreconditionViolations(status)) {
    std::cerr << "  " << error_paint_(Color::kBold, violation.field) << ": " << violation.description << '\n';
  }
  const std::string reason = GetErrorReason(status);
  if (!reason.empty()) {
    std::cerr << error_paint_(Color::kDim,
                              absl::StrCat("  (", absl::StatusCodeToString(status.code()), ", ", reason, ")"))
              << '\n';
  }
  const std::string advice = Advice(status);
  if (!advice.empty()) std::cerr << "  " << advice << '\n';
}

absl::Status ForEachPage(const std::function<absl::StatusOr<std::string>(const std::string&)>& list) {
  std::string token;
  do {
    ASSIGN_OR_RETURN(token, list(token));
  } while (!token.empty());
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, OpenByteSource(path));
  std::string text;
  char buffer[16 * 1024];
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, source->Read(buffer, sizeof(buffer)));
    if (count == 0) return text;
    text.append(buffer, count);
    if (text.size() > kTextFileBytesMax) {
      return FileFormatError(path, absl::StrCat("has more than ", kTextFileBytesMax, " bytes; is it the right file?"));
    }
  }
}

absl::Status WriteTextFile(const std::string& path, absl::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) return FileUnwritableError(path, errno);
  return absl::OkStatus();
}

absl::Status UsageError(absl::string_view what) { return absl::InvalidArgumentError(what); }

ExitCode ExitCodeOf(const absl::Status& status) {
  if (absl::IsUnavailable(status) && GetErrorReason(status).empty()) return kServerUnreachable;
  if (absl::IsInvalidArgument(status) && GetErrorReason(status).empty()) return kUsage;
  return kFailure;
}

}  // namespace throughline::cli
