// A stored resource as the bytes of an answer.
// Stateless; any thread.
#pragma once

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"
#include "throughline/catalog.h"

namespace throughline::api {

// The bytes of ToResource(document): the stored payload, which moves into `bytes` uncopied and unparsed, and after it
// the fields that the document knows. By Protobuf's encoding a concatenation of two messages is their merge, and the
// payload lacks the fields that follow it. Parsing and writing again would take most of the time of a read. INTERNAL if
// the document is of another type than `prototype`.
absl::Status SerializeResource(Document document, const google::protobuf::Message& prototype, grpc::ByteBuffer& bytes);

}  // namespace throughline::api
