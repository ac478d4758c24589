// From bytes to a valid request, and from an answer to bytes.
// Immutable after construction; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"

namespace throughline::api {

class RequestParser {
 public:
  RequestParser(const google::protobuf::Descriptor* request_type, size_t bytes_max);

  // Size, bytes, and what the descriptor says about every request:
  // RESOURCE_EXHAUSTED (LIMIT_EXCEEDED) above `bytes_max`; INVALID_ARGUMENT: MALFORMED_REQUEST if there is no message,
  // it does not parse or holds invalid UTF-8; UNKNOWN_FIELD, with the path, for a field that this server does not know:
  // dropping it would lose what the client said; INVALID_FIELD for each required field of the request that is empty.
  absl::Status Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message& request) const;

  // The first two checks of Parse alone.
  absl::Status ParseBytes(const grpc::ByteBuffer& bytes, google::protobuf::Message& request) const;

 private:
  const google::protobuf::Descriptor* const request_type_;
  const size_t bytes_max_;
  std::vector<const google::protobuf::FieldDescriptor*> required_;
};

// Whether any message in it, at any depth, has a field that this server does not know; its path then, ending in the
// field's number. Empty: none.
std::string FindUnknownField(const google::protobuf::Message& message);

// Into one slice.
void Serialize(const google::protobuf::Message& message, grpc::ByteBuffer& bytes);

}  // namespace throughline::api
