#include "services/api/resource_bytes.h"

#include <string>
#include <utility>

#include "google/protobuf/arena.h"
#include "grpcpp/support/slice.h"
#include "services/base/status_macros.h"
#include "services/catalog/resource_document.h"

namespace throughline::api {
namespace {

// Takes the string over.
grpc::Slice MakeSlice(std::string bytes) {
  auto* owned = new std::string(std::move(bytes));
  return grpc::Slice(
      owned->data(), owned->size(), [](void* string) { delete static_cast<std::string*>(string); }, owned);
}

}  // namespace

absl::Status SerializeResource(Document document, const google::protobuf::Message& prototype, grpc::ByteBuffer& bytes) {
  RETURN_IF_ERROR(document.CheckType(*prototype.GetDescriptor()));
  google::protobuf::Arena arena;
  google::protobuf::Message& derived = *prototype.New(&arena);
  SetDerivedFields(document, derived);
  const grpc::Slice slices[] = {MakeSlice(std::move(document.payload)), MakeSlice(derived.SerializeAsString())};
  grpc::ByteBuffer made(slices, 2);
  bytes.Swap(&made);
  return absl::OkStatus();
}

}  // namespace throughline::api
