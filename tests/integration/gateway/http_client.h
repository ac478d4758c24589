// A plain socket that speaks HTTP/1.1 as the test dictates, byte by byte; kinder clients would hide the wrong cases.
// For tests; one thread at a time.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace throughline::testing {

struct HttpAnswer {
  int status = 0;                              // 0: the connection ended without an answer
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
};

class HttpClient {
 public:
  explicit HttpClient(int port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0) << strerror(errno);
  }
  ~HttpClient() { Close(); }
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  // False when the server has closed.
  bool Send(const std::string& bytes) {
    for (size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<size_t>(n);
    }
    return true;
  }

  // The next answer; `head`: it has no body although it states a length.
  HttpAnswer Receive(bool head = false) {
    HttpAnswer answer;
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!Fill()) return answer;
    }
    const size_t end = buffer_.find("\r\n\r\n");
    const std::vector<std::string> lines = absl::StrSplit(buffer_.substr(0, end), "\r\n");
    buffer_.erase(0, end + 4);
    EXPECT_TRUE(absl::SimpleAtoi(lines[0].substr(9, 3), &answer.status)) << lines[0];
    for (size_t i = 1; i < lines.size(); ++i) {
      const size_t colon = lines[i].find(':');
      answer.headers[absl::AsciiStrToLower(lines[i].substr(0, colon))] =
          std::string(absl::StripAsciiWhitespace(lines[i].substr(colon + 1)));
    }
    size_t length = 0;
    if (head || answer.headers.count("content-length") == 0) return answer;
    EXPECT_TRUE(absl::SimpleAtoi(answer.headers["content-length"], &length));
    while (buffer_.size() < length) {
      if (!Fill()) break;
    }
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return answer;
  }

  HttpAnswer Call(const std::string& method, const std::string& target, const std::string& body = "",
                  const std::string& headers = "") {
    std::string request = absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: localhost\r\n", headers);
    if (!body.empty())
      absl::StrAppend(&request, "Content-Type: application/json\r\nContent-Length: ", body.size(), "\r\n");
    Send(absl::StrCat(request, "\r\n", body));
    return Receive(method == "HEAD");
  }

  // Whether the server closes within ten seconds, nothing more having come.
  bool ClosedByServer() { return buffer_.empty() && !Fill() && !timed_out_; }

 private:
  bool Fill() {
    pollfd poll_fd = {fd_, POLLIN, 0};
    timed_out_ = ::poll(&poll_fd, 1, 10'000) != 1;
    if (timed_out_) return false;
    char chunk[65536];
    const ssize_t n = ::recv(fd_, chunk, sizeof(chunk), 0);
    if (n <= 0) return false;
    buffer_.append(chunk, static_cast<size_t>(n));
    return true;
  }

  int fd_ = -1;
  std::string buffer_;
  bool timed_out_ = false;
};

}  // namespace throughline::testing
