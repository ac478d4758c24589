#include "tests/bench/stream_events/postgres_peer.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "absl/base/internal/endian.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/support/files.h"
#include "tests/support/processes.h"

namespace throughline::bench {
namespace {

constexpr char kPrograms[] = "/usr/lib/postgresql/15/bin/";
// It refuses to run as root.
constexpr char kUser[] = "postgres";
constexpr char kDatabaseUser[] = "bench";
constexpr std::chrono::seconds kStartTimeout{60};
// Seconds from 1970 to 2000, where PostgreSQL's times begin.
constexpr int64_t kPostgresEpoch = 946'684'800;

// Only what the same questions need: no index but that of the identities.
constexpr char kTable[] =
    "CREATE TABLE events (source text NOT NULL, id text NOT NULL, customer_id text NOT NULL, "
    "event_time timestamptz NOT NULL, event_name text NOT NULL, content bytea NOT NULL, PRIMARY KEY (source, id))";
constexpr char kInsert[] =
    "INSERT INTO events SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], "
    "$6::bytea[]) ON CONFLICT (source, id) DO NOTHING";
constexpr char kCopy[] = "COPY events FROM STDIN (FORMAT binary)";
constexpr size_t kColumns = 6;
constexpr std::array<uint32_t, kColumns> kColumnTypes = {25, 25, 25, 1184, 25, 17};  // pg_type.oid of their elements

struct FreeConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, FreeConnection>;
struct FreeResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, FreeResult>;

void AppendInt16(uint16_t value, std::string& out) {
  char bytes[sizeof(value)];
  absl::big_endian::Store16(bytes, value);
  out.append(bytes, sizeof(bytes));
}
void AppendInt32(uint32_t value, std::string& out) {
  char bytes[sizeof(value)];
  absl::big_endian::Store32(bytes, value);
  out.append(bytes, sizeof(bytes));
}
void AppendField(absl::string_view bytes, std::string& out) {
  AppendInt32(static_cast<uint32_t>(bytes.size()), out);
  out.append(bytes.data(), bytes.size());
}

// The columns of one event, as PostgreSQL's binary formats have them.
class Row {
 public:
  Row(const v1::CustomerEvent& event, const std::string& content)
      : fields_{event.source(), event.id(), event.customer_id(), "", event.event_name(), content} {
    const int64_t micros =
        (event.event_time().seconds() - kPostgresEpoch) * 1'000'000 + event.event_time().nanos() / 1000;
    absl::big_endian::Store64(time_.data(), static_cast<uint64_t>(micros));
    fields_[3] = absl::string_view(time_.data(), time_.size());
  }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;
  absl::string_view operator[](size_t column) const { return fields_[column]; }

 private:
  std::array<char, sizeof(int64_t)> time_;
  std::array<absl::string_view, kColumns> fields_;
};

class Writer {
 public:
  Writer(const std::string& connection_string, PostgresWay way) : connection_(PQconnectdb(connection_string.c_str())) {
    Check(PQstatus(connection_.get()) == CONNECTION_OK);
    if (way != PostgresWay::kInsert) return;
    Check(PQresultStatus(Result(PQprepare(connection_.get(), "insert", kInsert, 0, nullptr)).get()) ==
          PGRES_COMMAND_OK);
    Check(PQenterPipelineMode(connection_.get()) == 1);
  }

  // Returns how many rows were added.
  int64_t Insert(const ClientBatches& batches, int in_flight) {
    int64_t added = 0;
    int waiting = 0;
    size_t content = 0;
    for (const v1::StreamEventsRequest& request : batches.requests) {
      for (; waiting >= in_flight; --waiting) added += TakeInserted();
      SendInsert(request, &batches.contents[content]);
      content += static_cast<size_t>(request.events_size());
      ++waiting;
    }
    for (; waiting > 0; --waiting) added += TakeInserted();
    return added;
  }

  int64_t Copy(const ClientBatches& batches) {
    int64_t added = 0;
    size_t content = 0;
    for (const v1::StreamEventsRequest& request : batches.requests) {
      added += CopyOne(request, &batches.contents[content]);
      content += static_cast<size_t>(request.events_size());
    }
    return added;
  }

 private:
  void Check(bool condition) { Require(condition, absl::StrCat("PostgreSQL: ", PQerrorMessage(connection_.get()))); }

  void SendInsert(const v1::StreamEventsRequest& request, const std::string* contents) {
    for (size_t column = 0; column < kColumns; ++column) {
      std::string& array = arrays_[column];
      array.clear();
      AppendInt32(1, array);  // dimension
      AppendInt32(0, array);  // no nulls
      AppendInt32(kColumnTypes[column], array);
      AppendInt32(static_cast<uint32_t>(request.events_size()), array);
      AppendInt32(1, array);  // the first index
    }
    for (int i = 0; i < request.events_size(); ++i) {
      const Row row(request.events(i), contents[i]);
      for (size_t column = 0; column < kColumns; ++column) AppendField(row[column], arrays_[column]);
    }
    std::array<const char*, kColumns> values;
    std::array<int, kColumns> lengths, formats;
    for (size_t column = 0; column < kColumns; ++column) {
      values[column] = arrays_[column].data();
      lengths[column] = static_cast<int>(arrays_[column].size());
      formats[column] = 1;  // binary
    }
    Check(PQsendQueryPrepared(connection_.get(), "insert", kColumns, values.data(), lengths.data(), formats.data(), 1));
    // Ends the transaction as well, and sends. What waits for its answer fits into the socket's buffers, so that this
    // does not block both sides: answers are short.
    Check(PQpipelineSync(connection_.get()) == 1);
  }

  // The oldest statement in the pipeline: durable when its transaction is answered.
  int64_t TakeInserted() {
    const Result result(PQgetResult(connection_.get()));
    Check(PQresultStatus(result.get()) == PGRES_COMMAND_OK);
    const int64_t added = RowsOf(result.get());
    Check(PQgetResult(connection_.get()) == nullptr);
    Check(PQresultStatus(Result(PQgetResult(connection_.get())).get()) == PGRES_PIPELINE_SYNC);
    return added;
  }

  int64_t CopyOne(const v1::StreamEventsRequest& request, const std::string* contents) {
    std::string& data = arrays_[0];
    data.assign("PGCOPY\n\377\r\n\0", 11);
    AppendInt32(0, data);  // flags
    AppendInt32(0, data);  // no header extension
    for (int i = 0; i < request.events_size(); ++i) {
      AppendInt16(kColumns, data);
      const Row row(request.events(i), contents[i]);
      for (size_t column = 0; column < kColumns; ++column) AppendField(row[column], data);
    }
    AppendInt16(0xFFFF, data);  // the end
    Check(PQresultStatus(Result(PQexec(connection_.get(), kCopy)).get()) == PGRES_COPY_IN);
    Check(PQputCopyData(connection_.get(), data.data(), static_cast<int>(data.size())) == 1);
    Check(PQputCopyEnd(connection_.get(), nullptr) == 1);
    const Result result(PQgetResult(connection_.get()));
    Check(PQresultStatus(result.get()) == PGRES_COMMAND_OK);
    Check(PQgetResult(connection_.get()) == nullptr);
    return RowsOf(result.get());
  }

  static int64_t RowsOf(PGresult* result) {
    int64_t rows = 0;
    return absl::SimpleAtoi(PQcmdTuples(result), &rows) ? rows : 0;
  }

  const Connection connection_;
  std::array<std::string, kColumns> arrays_;  // of one statement, used again
};

// CPU time of a process so far, with that of its children that have ended.
double CpuSecondsOf(const std::string& pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::stringstream text;
  text << file.rdbuf();
  const std::string stat = text.str();
  const size_t end = stat.rfind(')');  // of the name, which may hold anything
  if (end == std::string::npos) return 0;
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(end + 2), ' ');
  double ticks = 0;
  for (size_t i = 11; i < 15 && i < fields.size(); ++i) {  // utime, stime, cutime, cstime
    double value = 0;
    if (absl::SimpleAtod(fields[i], &value)) ticks += value;
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

class Peer : public PostgresPeer {
 public:
  absl::Status Open() {
    if (!std::filesystem::exists(absl::StrCat(kPrograms, "postgres"))) {
      return absl::UnavailableError(absl::StrCat("PostgreSQL is not installed: there is no ", kPrograms, "postgres"));
    }
    // Ended with this program, whatever ends it.
    std::vector<std::string> prefix = {"setpriv", "--pdeathsig", "INT"};
    if (geteuid() == 0) {
      const passwd* const user = getpwnam(kUser);
      if (user == nullptr) return absl::UnavailableError(absl::StrCat("there is no user ", kUser));
      if (chown(directory_.path().c_str(), user->pw_uid, user->pw_gid) != 0) {
        return absl::UnavailableError("cannot give PostgreSQL its directory");
      }
      prefix.insert(prefix.end(), {"--reuid", kUser, "--regid", kUser, "--clear-groups"});
    }
    std::vector<std::string> make = prefix;
    make.insert(make.end(), {absl::StrCat(kPrograms, "initdb"), "-D", directory_ / "data", "-U", kDatabaseUser, "-A",
                             "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"});
    const testing::ProgramResult made = testing::RunProgram(make, {}, "", directory_.path());
    if (made.exit_code != 0) return absl::UnavailableError(absl::StrCat("initdb failed: ", made.error));

    std::vector<std::string> serve = prefix;
    serve.insert(serve.end(), {absl::StrCat(kPrograms, "postgres"), "-D", directory_ / "data"});
    for (const std::string& setting : Settings()) serve.insert(serve.end(), {"-c", setting});
    server_ = std::make_unique<testing::BackgroundProgram>(serve, directory_ / "log");
    return Prepare();
  }

  ~Peer() override {
    // Fast shutdown; its default waits for whoever is connected.
    if (server_ != nullptr) server_->Stop(SIGINT);
  }

  std::string version() const override { return version_; }

  Rate Write(PostgresWay way, absl::Span<const ClientBatches> clients, int in_flight) override {
    Ask("TRUNCATE events");
    Ask("CHECKPOINT");
    std::vector<std::unique_ptr<Writer>> writers;
    for (size_t i = 0; i < clients.size(); ++i) writers.push_back(std::make_unique<Writer>(ConnectionString(), way));
    size_t events = 0;
    for (const ClientBatches& batches : clients) events += batches.contents.size();
    std::atomic<int64_t> added{0};
    const double server_cpu = ServerCpuSeconds();
    const Stopwatch watch;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < clients.size(); ++i) {
      threads.emplace_back([&, i] {
        added += way == PostgresWay::kInsert ? writers[i]->Insert(clients[i], in_flight) : writers[i]->Copy(clients[i]);
      });
    }
    for (std::thread& thread : threads) thread.join();
    Rate rate = watch.Stop(events);
    rate.cpu_micros_per_event += (ServerCpuSeconds() - server_cpu) / static_cast<double>(events) * 1e6;
    Require(added == static_cast<int64_t>(events), absl::StrCat("PostgreSQL added only ", added.load()));
    Require(Ask("SELECT count(*) FROM events") == absl::StrCat(events), "rows are missing in PostgreSQL");
    return rate;
  }

 private:
  // Durable as by default, and otherwise at its best: no checkpoint and no vacuum while it is measured.
  static std::vector<std::string> SettingsForSpeed() {
    return {"shared_buffers=1GB", "max_wal_size=8GB",  "checkpoint_timeout=1h", "autovacuum=off",
            "wal_level=minimal",  "max_wal_senders=0", "wal_buffers=64MB",      "jit=off"};
  }
  std::vector<std::string> Settings() const {
    std::vector<std::string> out = SettingsForSpeed();
    out.insert(out.end(), {"fsync=on", "synchronous_commit=on", "full_page_writes=on",
                           "listen_addresses=", absl::StrCat("unix_socket_directories=", directory_.path())});
    return out;
  }

  std::string ConnectionString() const {
    return absl::StrCat("host=", directory_.path(), " user=", kDatabaseUser, " dbname=postgres");
  }

  absl::Status Prepare() {
    const auto end = SteadyClock::now() + kStartTimeout;
    while (PQping(ConnectionString().c_str()) != PQPING_OK) {
      if (SteadyClock::now() > end) return absl::UnavailableError("PostgreSQL does not start");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    Ask(kTable);
    version_ = Ask("SHOW server_version");
    for (const char* setting : {"fsync", "synchronous_commit", "full_page_writes"}) {
      Require(Ask(absl::StrCat("SHOW ", setting)) == "on", absl::StrCat("PostgreSQL runs without ", setting));
    }
    return absl::OkStatus();
  }

  // The first value of the answer, if there is one.
  std::string Ask(const std::string& statement) const {
    const Connection connection(PQconnectdb(ConnectionString().c_str()));
    const Result result(PQexec(connection.get(), statement.c_str()));
    const ExecStatusType status = PQresultStatus(result.get());
    Require(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK,
            absl::StrCat("PostgreSQL: ", PQerrorMessage(connection.get())));
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
  }

  double ServerCpuSeconds() const {
    const std::string pid = absl::StrCat(server_->pid());
    double seconds = CpuSecondsOf(pid);
    std::ifstream children(absl::StrCat("/proc/", pid, "/task/", pid, "/children"));
    for (std::string child; children >> child;) seconds += CpuSecondsOf(child);
    return seconds;
  }

  const testing::TempDir directory_;
  std::unique_ptr<testing::BackgroundProgram> server_;
  std::string version_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresPeer>> PostgresPeer::Start() {
  auto peer = std::make_unique<Peer>();
  if (absl::Status status = peer->Open(); !status.ok()) return status;
  return std::unique_ptr<PostgresPeer>(std::move(peer));
}

}  // namespace throughline::bench
