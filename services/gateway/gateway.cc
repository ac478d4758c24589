// The only translation unit that includes Boost.Beast, which compiles slowly.
#include "services/gateway/gateway.h"

#include <sys/socket.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>  // Boost.Asio's coroutines need it before them with g++ 12
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/channel.h"
#include "services/base/log.h"
#include "services/base/status_macros.h"
#include "services/gateway/api_handler.h"
#include "services/gateway/http_message.h"
#include "services/gateway/static_files.h"
#include "throughline/errors.h"

namespace throughline {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// Two: while one turns a large answer into JSON the other serves everybody else.
constexpr int kThreadCount = 2;
// After a refusal, what the client is still sending is read and dropped for a moment; closing at once would make the
// kernel reset the connection, and the client might never see the answer.
constexpr absl::Duration kDrainTimeout = absl::Seconds(2);
constexpr size_t kDrainBytesMax = 16 * 1024 * 1024;
constexpr absl::Duration kAcceptRetryDelay = absl::Milliseconds(100);

// What one connection needs of its gateway.
struct Shared {
  // Shared with the threads of gRPC: one that has just resumed a connection may let go of its executor after that
  // connection has ended and the gateway is gone.
  std::shared_ptr<asio::io_context> context = std::make_shared<asio::io_context>(kThreadCount);
  GatewayLimits limits;
  std::unique_ptr<ApiHandler> api;
  StaticFiles files;
};

std::chrono::nanoseconds Chrono(absl::Duration duration) { return absl::ToChronoNanoseconds(duration); }

template <typename Message>
void SetHeaders(Message& message, const HttpResponse& response, bool keep_alive) {
  for (const auto& [name, value] : response.headers) message.insert(name, value);
  message.set(http::field::server, "throughline");
  message.set(http::field::date, absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", absl::Now(), absl::UTCTimeZone()));
  message.set("X-Content-Type-Options", "nosniff");
  message.set("Referrer-Policy", "same-origin");
  message.reason(HttpReason(response.status));
  message.keep_alive(keep_alive);
  // 204 and 304 have no body, and no length of one.
  if (response.status != 204 && response.status != 304) message.content_length(response.body.size());
}

// Where a finished call resumes its connection. The members end in reverse order: the executor, then its context.
struct Resumer {
  std::shared_ptr<asio::io_context> context;
  asio::any_io_executor executor;
};

// One connection. Everything runs on the strand of its stream.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Shared& shared) : shared_(shared), stream_(std::move(socket)) {}

  asio::any_io_executor executor() { return stream_.get_executor(); }

  // Serves requests until either side closes.
  asio::awaitable<void> Run() {
    error_code ignored;
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    while (!stopping_ && co_await ServeOne()) {
    }
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    if (drain_) co_await Drain();
    stream_.close();
  }

  // For a connection too many: one answer, whatever it asks.
  asio::awaitable<void> RefuseForLimit() {
    co_await Write(HttpRequest(), ErrorResponse(Overloaded("the gateway", limits::kRetryAfterDefault), 503), 11, false);
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.close();
  }

  // Closes when the request that is running has been answered; with `now`, at once.
  void Stop(bool now) {
    asio::post(executor(), [self = shared_from_this(), now] {
      self->stopping_ = true;
      if (now && self->call_ != nullptr) self->call_->Cancel();
      if (now || self->idle_) self->stream_.close();
    });
  }

 private:
  using Parser = http::request_parser<http::string_body>;

  // One request and its answer; whether the connection stays open.
  asio::awaitable<bool> ServeOne() {
    error_code error;
    if (buffer_.size() == 0) {
      idle_ = true;
      stream_.expires_after(Chrono(shared_.limits.idle_timeout));
      const size_t read =
          co_await stream_.async_read_some(buffer_.prepare(4096), asio::redirect_error(asio::use_awaitable, error));
      idle_ = false;
      if (error) co_return false;
      buffer_.commit(read);
    }
    Parser parser;
    parser.header_limit(static_cast<uint32_t>(shared_.limits.header_bytes_max));
    parser.body_limit(shared_.limits.body_bytes_max);
    stream_.expires_after(Chrono(shared_.limits.read_timeout));
    co_await http::async_read_header(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
    if (!error && absl::EqualsIgnoreCase(View(parser.get()[http::field::expect]), "100-continue")) {
      static constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(stream_, asio::buffer(kContinue.data(), kContinue.size()),
                                 asio::redirect_error(asio::use_awaitable, error));
    }
    if (!error) {
      co_await http::async_read(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
    }
    if (error) co_return co_await RefuseBroken(error);
    const bool keep_alive = parser.keep_alive();
    const unsigned version = parser.get().version();
    const HttpRequest request = Take(parser.release());
    const HttpResponse response = co_await Answer(request, version);
    co_return co_await Write(request, response, version, keep_alive && !stopping_);
  }

  static absl::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

  static HttpRequest Take(http::request<http::string_body> message) {
    HttpRequest request;
    request.method = std::string(View(message.method_string()));
    request.target = std::string(View(message.target()));
    for (const auto& field : message) request.headers.emplace_back(View(field.name_string()), View(field.value()));
    request.body = std::move(message.body());
    return request;
  }

  // A request that could not be read: says why where the client can still hear it.
  asio::awaitable<bool> RefuseBroken(error_code error) {
    static const auto& http_errors = http::make_error_code(http::error::bad_method).category();
    const bool gone = error == http::error::end_of_stream || error == http::error::partial_message;
    if (error.category() != http_errors || gone) co_return false;
    HttpResponse response;
    if (error == http::error::body_limit) {
      const auto limit = static_cast<int64_t>(shared_.limits.body_bytes_max);
      response = ErrorResponse(LimitExceeded("the body of the request", limit, "bytes"), 413);
    } else if (error == http::error::header_limit) {
      const auto limit = static_cast<int64_t>(shared_.limits.header_bytes_max);
      response = ErrorResponse(LimitExceeded("the header of the request", limit, "bytes"), 431);
    } else {
      response = ErrorResponse(MalformedRequest(absl::StrCat("the request is not HTTP/1.1: ", error.message())));
    }
    drain_ = true;
    co_return co_await Write(HttpRequest(), response, 11, /*keep_alive=*/false);
  }

  asio::awaitable<HttpResponse> Answer(const HttpRequest& request, unsigned version) {
    if (request.target.size() > limits::kHttpTargetBytesMax) {
      co_return ErrorResponse(LimitExceeded("the address", limits::kHttpTargetBytesMax, "bytes"), 414);
    }
    if (version == 11 && request.Header("host").empty()) {
      co_return ErrorResponse(MalformedRequest("the Host header is missing"));
    }
    if (!ApiHandler::IsApiPath(request.Path())) co_return shared_.files.Serve(request);
    HttpResponse response;
    call_ = shared_.api->Prepare(request, response);
    if (call_ == nullptr) co_return response;
    stream_.expires_never();
    CancelWhenClosed();
    co_await Call();
    error_code ignored;
    stream_.socket().cancel(ignored);
    response = call_->Finish();
    call_.reset();
    co_return response;
  }

  asio::awaitable<void> Call() {
    const auto initiate = [this](auto handler) {
      // std::function wants what can be copied.
      auto shared_handler = std::make_shared<decltype(handler)>(std::move(handler));
      call_->Start([shared_handler, call = call_, resumer = Resumer{shared_.context, executor()}] {
        asio::post(resumer.executor, [shared_handler] { std::move (*shared_handler)(); });
      });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(initiate, asio::use_awaitable);
  }

  // Nothing is read while a call runs; a client that goes away then should not keep the server working.
  void CancelWhenClosed() {
    stream_.socket().async_wait(tcp::socket::wait_read, [self = shared_from_this(), call = call_](error_code error) {
      if (error || !self->stream_.socket().is_open()) return;
      char byte = 0;
      const ssize_t peeked = ::recv(self->stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      if (peeked == 0) call->Cancel();
    });
  }

  asio::awaitable<bool> Write(const HttpRequest& request, const HttpResponse& response, unsigned version,
                              bool keep_alive) {
    error_code error;
    stream_.expires_after(Chrono(shared_.limits.write_timeout));
    const auto status = static_cast<http::status>(response.status);
    if (request.method == "HEAD") {
      http::response<http::empty_body> message(status, version);
      SetHeaders(message, response, keep_alive);
      co_await http::async_write(stream_, message, asio::redirect_error(asio::use_awaitable, error));
    } else {
      http::response<http::span_body<const char>> message(status, version);
      message.body() = {response.body.data(), response.body.size()};
      SetHeaders(message, response, keep_alive);
      co_await http::async_write(stream_, message, asio::redirect_error(asio::use_awaitable, error));
    }
    co_return !error && keep_alive;
  }

  asio::awaitable<void> Drain() {
    error_code error;
    std::vector<char> sink(64 * 1024);
    stream_.expires_after(Chrono(kDrainTimeout));
    for (size_t total = 0; !error && total < kDrainBytesMax;) {
      total += co_await stream_.async_read_some(asio::buffer(sink), asio::redirect_error(asio::use_awaitable, error));
    }
  }

  Shared& shared_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::shared_ptr<ApiCall> call_;  // while one runs
  bool idle_ = false;              // waits for a request to begin
  bool stopping_ = false;
  bool drain_ = false;
};

class GatewayImpl : public Gateway {
 public:
  explicit GatewayImpl(Shared shared)
      : shared_(std::move(shared)),
        context_(*shared_.context),
        work_(asio::make_work_guard(context_)),
        acceptor_(context_) {}
  ~GatewayImpl() override { Shutdown(absl::Seconds(5)); }

  absl::Status Listen(const std::string& address, int port) {
    error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) return InvalidField("http_address", absl::StrCat("\"", address, "\" is not a numeric address"));
    if (port < 0 || port > 65535) return InvalidField("http_address", absl::StrCat(port, " is not a port"));
    const tcp::endpoint endpoint(ip, static_cast<uint16_t>(port));
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return AddressUnusable(absl::StrCat(address, ":", port), error.message());
    port_ = acceptor_.local_endpoint(error).port();
    return absl::OkStatus();
  }

  void Serve() {
    asio::co_spawn(acceptor_.get_executor(), Accept(), [](std::exception_ptr) {});
    for (int i = 0; i < kThreadCount; ++i) threads_.emplace_back([this] { RunThread(); });
  }

  int port() const override { return port_; }

  void Shutdown(absl::Duration grace) override {
    std::lock_guard<std::mutex> shutdown_lock(shutdown_mutex_);
    if (threads_.empty()) return;
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    {
      std::unique_lock<std::mutex> lock(mutex_);
      stopping_ = true;
      StopSessions(/*now=*/false);
      const auto none_left = [this] { return sessions_.empty(); };
      if (!ended_.wait_for(lock, Chrono(grace), none_left)) {
        StopSessions(/*now=*/true);
        ended_.wait(lock, none_left);  // soon: every call has been cancelled and every socket closed
      }
    }
    work_.reset();
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void RunThread() {
    while (true) {
      try {
        context_.run();
        return;
      } catch (const std::exception& error) {
        LogError("a gateway handler threw", {{"what", error.what()}});
      }
    }
  }

  // mutex_ must be held.
  void StopSessions(bool now) {
    for (const auto& [session, owner] : sessions_) owner->Stop(now);
  }

  asio::awaitable<void> Accept() {
    while (acceptor_.is_open()) {
      error_code error;
      tcp::socket socket = co_await acceptor_.async_accept(asio::make_strand(context_),
                                                           asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {
        // Out of file descriptors, most likely; they come back as connections end.
        LogWarning("cannot accept a connection", {{"error", error.message()}});
        asio::steady_timer timer(context_, Chrono(kAcceptRetryDelay));
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      Admit(std::move(socket));
    }
  }

  void Admit(tcp::socket socket) {
    auto session = std::make_shared<Session>(std::move(socket), shared_);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return;
      if (sessions_.size() >= static_cast<size_t>(shared_.limits.connection_count_max)) {
        asio::co_spawn(session->executor(), session->RefuseForLimit(), [session](std::exception_ptr) {});
        return;
      }
      sessions_[session.get()] = session;
    }
    asio::co_spawn(session->executor(), session->Run(), [this, session](std::exception_ptr failure) {
      if (failure) LogError("a connection ended by an exception");
      std::lock_guard<std::mutex> lock(mutex_);
      sessions_.erase(session.get());
      ended_.notify_all();
    });
  }

  Shared shared_;
  asio::io_context& context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  int port_ = 0;
  std::mutex shutdown_mutex_;  // before mutex_
  std::mutex mutex_;
  std::condition_variable ended_;
  std::map<Session*, std::shared_ptr<Session>> sessions_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(const GatewayOptions& options,
                                                        std::shared_ptr<grpc::Channel> channel) {
  Shared shared;
  shared.limits = options.limits;
  ASSIGN_OR_RETURN(shared.api, ApiHandler::Make(std::move(channel), options.limits.call_timeout));
  ASSIGN_OR_RETURN(shared.files, StaticFiles::Make(options.web_root));
  auto gateway = std::make_unique<GatewayImpl>(std::move(shared));
  RETURN_IF_ERROR(gateway->Listen(options.address, options.port));
  gateway->Serve();
  return gateway;
}

}  // namespace throughline
