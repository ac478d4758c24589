// The ways in to one running server, behind one interface: a request as JSON, an answer as a message or
// google.rpc.Status. For tests; one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace throughline::testing {

// The server under test: the real program on free ports, started once for all tests.
class ServerUnderTest {
 public:
  static ServerUnderTest& Get();

  const std::string& grpc_address() const { return grpc_address_; }
  const std::string& http_address() const { return http_address_; }
  std::string data_directory() const;

 private:
  ServerUnderTest();
  ~ServerUnderTest();
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string grpc_address_;
  std::string http_address_;
};

struct Request {
  std::string method;  // "throughline.v1.PersonaService/GetPersona"
  std::string json;    // the request message
  // The same over HTTP; the body is empty where there is none.
  std::string verb;
  std::string path;
  std::string body;
  // For grpcurl, where it differs: it takes a FieldMask as the message that it is.
  std::string grpcurl_json = "";
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::string name() const = 0;
  // Empty, or why it cannot be used here.
  virtual std::string unavailable() const { return ""; }
  // The answer into `response`, a message of the method's type; else the error with its details as payloads.
  virtual absl::Status Call(const Request& request, google::protobuf::Message& response) = 0;
};

// A C++ client, grpcurl by reflection, and HTTP through the gateway.
const std::vector<std::unique_ptr<Transport>>& Transports();

// Where grpcurl is: $THROUGHLINE_GRPCURL, or on PATH; empty: nowhere.
std::string FindGrpcurl();

// An empty answer message of a method.
std::unique_ptr<google::protobuf::Message> NewResponse(const std::string& method);

}  // namespace throughline::testing
