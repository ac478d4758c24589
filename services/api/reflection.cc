#include "services/api/reflection.h"

#include <mutex>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "services/api/request_parser.h"
#include "services/api/status_conversion.h"
#include "services/base/limits.h"
#include "services/base/text.h"
#include "throughline/errors.h"

namespace throughline::api {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using grpc::reflection::v1::ServerReflectionRequest;
using grpc::reflection::v1::ServerReflectionResponse;

void SetNotFound(absl::string_view what, ServerReflectionResponse& response) {
  response.mutable_error_response()->set_error_code(static_cast<int>(grpc::StatusCode::NOT_FOUND));
  response.mutable_error_response()->set_error_message(absl::StrCat(Excerpt(what), " is not known here"));
}

// The file after everything that it imports, each once.
void AddFile(const FileDescriptor* file, std::set<const FileDescriptor*>& seen, ServerReflectionResponse& response) {
  if (!seen.insert(file).second) return;
  for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i), seen, response);
  google::protobuf::FileDescriptorProto proto;
  file->CopyTo(&proto);
  proto.SerializeToString(response.mutable_file_descriptor_response()->add_file_descriptor_proto());
}

void SetFile(const FileDescriptor* file, absl::string_view asked_for, ServerReflectionResponse& response) {
  if (file == nullptr) return SetNotFound(asked_for, response);
  std::set<const FileDescriptor*> seen;
  AddFile(file, seen, response);
  // Clients take the first for what they asked for.
  auto& files = *response.mutable_file_descriptor_response()->mutable_file_descriptor_proto();
  files.SwapElements(0, files.size() - 1);
}

ServerReflectionResponse Answer(const ServerReflectionRequest& request, const std::vector<std::string>& services) {
  ServerReflectionResponse response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  switch (request.message_request_case()) {
    case ServerReflectionRequest::kListServices:
      for (const std::string& service : services)
        response.mutable_list_services_response()->add_service()->set_name(service);
      break;
    case ServerReflectionRequest::kFileByFilename:
      SetFile(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
      break;
    case ServerReflectionRequest::kFileContainingSymbol:
      SetFile(pool.FindFileContainingSymbol(request.file_containing_symbol()), request.file_containing_symbol(),
              response);
      break;
    case ServerReflectionRequest::kFileContainingExtension: {
      const auto& wanted = request.file_containing_extension();
      const Descriptor* type = pool.FindMessageTypeByName(wanted.containing_type());
      const FieldDescriptor* extension =
          type == nullptr ? nullptr : pool.FindExtensionByNumber(type, wanted.extension_number());
      SetFile(extension == nullptr ? nullptr : extension->file(),
              absl::StrCat("extension ", wanted.extension_number(), " of ", wanted.containing_type()), response);
      break;
    }
    case ServerReflectionRequest::kAllExtensionNumbersOfType: {
      const Descriptor* type = pool.FindMessageTypeByName(request.all_extension_numbers_of_type());
      if (type == nullptr) {
        SetNotFound(request.all_extension_numbers_of_type(), response);
        break;
      }
      response.mutable_all_extension_numbers_response()->set_base_type_name(type->full_name());
      std::vector<const FieldDescriptor*> extensions;
      pool.FindAllExtensions(type, &extensions);
      for (const FieldDescriptor* extension : extensions) {
        response.mutable_all_extension_numbers_response()->add_extension_number(extension->number());
      }
      break;
    }
    case ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
      response.mutable_error_response()->set_error_message("the request asks for nothing");
      break;
  }
  return response;
}

// Reads a question, answers it, reads the next.
class ReflectionReactor final : public grpc::ServerGenericBidiReactor,
                                public DrainableStream,
                                public std::enable_shared_from_this<ReflectionReactor> {
 public:
  static ReflectionReactor* Start(std::shared_ptr<const std::vector<std::string>> services, StreamDrain& drain,
                                  std::string request_id) {
    std::shared_ptr<ReflectionReactor> stream(new ReflectionReactor(std::move(services), drain, std::move(request_id)));
    stream->self_ = stream;
    drain.Add(stream);
    stream->MaybeNext();
    return stream.get();
  }

  void Drain() override { End(ShuttingDown()); }
  void OnCancel() override { End(absl::CancelledError()); }
  void OnReadDone(bool ok) override {
    if (!ok) return End(absl::OkStatus());
    ServerReflectionRequest request;
    const RequestParser parser(ServerReflectionRequest::descriptor(), limits::kRequestBytesMax);
    if (absl::Status status = parser.Parse(question_, request); !status.ok()) return End(std::move(status));
    const ServerReflectionResponse response = Answer(request, *services_);
    std::lock_guard<std::mutex> lock(mutex_);
    if (finished_) return;
    Serialize(response, answer_);
    StartWrite(&answer_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return End(absl::CancelledError());
    MaybeNext();
  }
  void OnDone() override {
    drain_.Remove(this);
    self_.reset();
  }

 private:
  ReflectionReactor(std::shared_ptr<const std::vector<std::string>> services, StreamDrain& drain,
                    std::string request_id)
      : services_(std::move(services)), drain_(drain), request_id_(std::move(request_id)) {}

  void MaybeNext() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!finished_) StartRead(&question_);
  }
  void End(const absl::Status& status) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (finished_) return;
      finished_ = true;
    }
    Finish(ToGrpcStatus(status, request_id_));
  }

  const std::shared_ptr<const std::vector<std::string>> services_;
  StreamDrain& drain_;
  const std::string request_id_;
  std::shared_ptr<ReflectionReactor> self_;
  grpc::ByteBuffer question_;
  grpc::ByteBuffer answer_;
  std::mutex mutex_;
  bool finished_ = false;
};

}  // namespace

void AddReflectionMethods(RpcService& service, std::shared_ptr<const std::vector<std::string>> services,
                          StreamDrain& drain) {
  service.AddStream("ServerReflectionInfo",
                    [services = std::move(services), &drain](grpc::CallbackServerContext* context) {
                      return ReflectionReactor::Start(services, drain, RequestIdOf(*context));
                    });
}

}  // namespace throughline::api
