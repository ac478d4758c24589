// The journey questions: this engine and its peers, as ratios to one bare pass over the same data in the same run.
// README.md says what varies.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "services/base/clock.h"
#include "services/events/native/native_event_store.h"
#include "tests/bench/journeys/bare_pass.h"
#include "tests/bench/journeys/engine_questions.h"
#include "tests/bench/journeys/memory_meter.h"
#include "tests/support/files.h"
#include "tests/support/processes.h"

namespace throughline::bench {
namespace {

constexpr int kRounds = 7;
constexpr int kPeerRounds = 3;
constexpr int kThreads = 2;
// One event in so many is of a test account.
constexpr size_t kInternalShare = 100;

constexpr char kOneThread[] = ", 1 thread";

// Who answers, and in how many milliseconds (median), by question.
using Times = std::map<std::string, std::map<std::string, double>>;
// The most bytes that answering held, by who and question.
using PeakMemory = std::map<std::string, std::map<std::string, int64_t>>;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "bench_journeys: %s\n", what.c_str());
  std::exit(1);
}

// $THROUGHLINE_BENCH_CPU: the process's CPU time, for a machine that is busy with other things.
bool CountsCpuTime() { return std::getenv("THROUGHLINE_BENCH_CPU") != nullptr; }
double Milliseconds() {
  static const clockid_t clock = CountsCpuTime() ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// The median of each, asked in turns: what disturbs the machine meets all of them.
std::vector<double> MedianMilliseconds(const std::vector<std::function<void()>>& asks) {
  std::vector<std::vector<double>> times(asks.size());
  for (int round = -1; round < kRounds; ++round) {
    for (size_t i = 0; i < asks.size(); ++i) {
      const double start = Milliseconds();
      asks[i]();
      if (round >= 0) times[i].push_back(Milliseconds() - start);  // the first is to be warm
    }
  }
  std::vector<double> medians;
  for (std::vector<double>& of : times) {
    std::sort(of.begin(), of.end());
    medians.push_back(of[of.size() / 2]);
  }
  return medians;
}

// What recording leaves to be done in the background (compaction, merging of identities, sealing of columns) takes a
// processor for minutes after a hundred million events. Goes on when this process has hardly worked for a second.
void WaitForQuiet() {
  constexpr int kSecondsMax = 300;
  for (int second = 0; second < kSecondsMax; ++second) {
    const std::clock_t before = std::clock();
    std::this_thread::sleep_for(std::chrono::seconds(1));
    if (std::clock() - before < CLOCKS_PER_SEC / 20) return;
  }
  std::printf("the store's background work has not come to rest\n");
}

// `ask` with the threads of the run and with one, as two rows.
void MeasureThreads(const std::string& who, Question question, const std::function<void(int threads)>& ask,
                    Times& times) {
  const std::vector<double> medians = MedianMilliseconds({[&] { ask(kThreads); }, [&] { ask(1); }});
  times[who][NameOf(question)] = medians[0];
  times[who + kOneThread][NameOf(question)] = medians[1];
}

void RequireSame(const std::string& who, Question question, const Answer& expected, const Answer& actual) {
  if (expected == actual) return;
  for (size_t i = 0; i < std::max(expected.size(), actual.size()); ++i) {
    const std::string want = i < expected.size() ? expected[i] : "(nothing)";
    const std::string have = i < actual.size() ? actual[i] : "(nothing)";
    if (want != have) Fail(absl::StrCat(who, " answers ", NameOf(question), " with ", have, ", not ", want));
  }
}

// By customer and time, as the peers read it.
void WriteCsv(const JourneyEvents& events, const testing::TempDir& directory) {
  std::ofstream csv(directory / "events.csv");
  for (size_t customer = 0; customer < events.customers(); ++customer) {
    for (uint32_t i = events.offsets[customer]; i < events.offsets[customer + 1]; ++i) {
      csv << customer << ',' << events.times[i] << ',' << TouchpointNames()[events.touchpoints[i]] << ',';
      if (events.scores[i] != kNoScore) csv << static_cast<int>(events.scores[i]);
      csv << '\n';
    }
  }
  std::ofstream stages(directory / "stages.csv");
  for (int i = 0; i < kTouchpointCount; ++i) {
    stages << TouchpointNames()[i] << ',' << static_cast<int>(TouchpointStages()[i]) << '\n';
  }
  if (!csv.flush() || !stages.flush()) Fail("the data for the peers cannot be written");
}

Answer ReadAnswer(const std::string& path) {
  std::ifstream file(path);
  Answer rows;
  for (std::string line; std::getline(file, line);) rows.push_back(line);
  std::sort(rows.begin(), rows.end());
  return rows;
}

// Whoever of the peers is installed for `python`.
void MeasurePeers(const std::string& python, const JourneyEvents& events, const std::map<Question, Answer>& expected,
                  Times& times) {
  const testing::TempDir directory;
  WriteCsv(events, directory);
  const testing::ProgramResult result =
      testing::RunProgram({python, THROUGHLINE_PEERS, directory / "events.csv", directory.path(),
                           absl::StrCat(kThreads), absl::StrCat(kPeerRounds)},
                          {}, "", "", std::chrono::seconds(3600));
  std::fputs(result.error.c_str(), stderr);
  if (result.exit_code != 0) Fail("the peers failed");
  std::istringstream lines(result.out);
  std::string peer, question;
  for (double milliseconds = 0; lines >> peer >> question >> milliseconds;) {
    times[peer][question] = milliseconds;
    for (const auto& [asked, answer] : expected) {
      if (question != NameOf(asked)) continue;
      RequireSame(peer, asked, answer, ReadAnswer(directory / absl::StrCat(peer, ".", question)));
    }
  }
}

void Print(const Times& times, const PeakMemory& memory, size_t events) {
  const std::map<std::string, double>& limit = times.at("bare pass");
  for (const Question question : kQuestions) {
    const std::string name = NameOf(question);
    std::printf("%s\n", name.c_str());
    for (const auto& [who, of] : times) {
      const auto found = of.find(name);
      if (found == of.end()) continue;
      std::printf("  %-30s %10.2f ms  %8.2f ns/event  %8.2f x the bare pass", who.c_str(), found->second,
                  found->second * 1e6 / static_cast<double>(events), found->second / limit.at(name));
      // CPU time is the same on any number of threads.
      if (const auto one = times.find(who + kOneThread); one != times.end() && !CountsCpuTime()) {
        std::printf("  %5.2f x as fast as 1 thread", one->second.at(name) / found->second);
      }
      if (const auto peak = memory.find(who); peak != memory.end()) {
        std::printf("  %6.1f MB at its peak", static_cast<double>(peak->second.at(name)) / 1e6);
      }
      std::printf("\n");
    }
  }
}

// The longest that anyone who calls a question off waits for it to end, over moments spread evenly over its time.
double LongestWaitMilliseconds(const std::function<absl::Status(const Patience&)>& ask, double milliseconds) {
  constexpr int kMoments = 20;
  double longest = 0;
  for (int i = 0; i < kMoments; ++i) {
    const auto cancelled = std::make_shared<std::atomic<bool>>(false);
    std::atomic<bool> ended = false;
    std::thread asker([&] {
      Patience patience;
      patience.cancelled = cancelled;
      if (const absl::Status status = ask(patience); !status.ok() && !absl::IsCancelled(status)) {
        Fail(status.ToString());
      }
      ended = true;
    });
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(milliseconds * i / kMoments));
    const bool in_time = !ended;
    const double called_off = Milliseconds();
    *cancelled = true;
    asker.join();
    if (in_time) longest = std::max(longest, Milliseconds() - called_off);
  }
  return longest;
}

int Run(size_t event_count, const std::string& python) {
  const JourneyEvents events = MakeJourneyEvents(event_count);
  std::printf("%zu events of %zu customers, %d threads\n", events.events(), events.customers(), kThreads);
  Times times;
  PeakMemory memory;
  std::map<Question, Answer> expected;
  for (const Question question : kQuestions) {
    Answer& answer = expected[question];
    answer = BarePass(question, events, kThreads);
    MeasureThreads(
        "bare pass", question, [&](int threads) { BarePass(question, events, threads); }, times);
    RequireSame("one thread", question, answer, BarePass(question, events, 1));
  }
  MeasureThreads(
      "bare pass, sketch", Question::kTimeInStage, [&](int threads) { BareSketchPass(events, threads); }, times);
  {
    const testing::TempDir directory;
    NativeEventStoreOptions options;
    options.directory = directory / "events";
    options.clock = &SystemClock();
    auto store = NativeEventStore::Open(options);
    if (!store.ok()) Fail(store.status().ToString());
    std::printf("recorded %.0f events/s\n", RecordEvents(**store, events, /*internal=*/false));
    RecordEvents(**store, MakeJourneyEvents(event_count / kInternalShare, /*seed=*/2), /*internal=*/true);
    WaitForQuiet();
    const auto view = (*store)->View("bench");
    if (!view.ok()) Fail(view.status().ToString());
    for (const Question question : kQuestions) {
      RequireSame("the engine", question, expected[question], AskEngine(question, **view, kThreads));
      MeasureThreads(
          "engine", question, [&](int threads) { AskEngine(question, **view, threads); }, times);
      memory["engine"][NameOf(question)] = PeakBytes([&] { AskEngine(question, **view, kThreads); });
    }
    MeasureThreads(
        "engine, sketch", Question::kTimeInStage, [&](int threads) { SketchTimeInStage(**view, threads); }, times);
    const double scan = times["engine"][NameOf(Question::kTimeInStage)];
    const auto ask = [&](const std::string& property) {
      return [&, property](const Patience& patience) { return AskForStages(**view, kThreads, property, patience); };
    };
    std::printf("called off in its scan, a question ends within %.1f ms\n", LongestWaitMilliseconds(ask("plan"), scan));
    // No event has it: its column is read from the log, a piece in each of the questions.
    std::printf("called off while a column is read from the log, within %.1f ms\n",
                LongestWaitMilliseconds(ask("absent"), 10 * scan));
    memory["engine, sketch"][NameOf(Question::kTimeInStage)] = PeakBytes([&] { SketchTimeInStage(**view, kThreads); });
  }
  if (!python.empty()) MeasurePeers(python, events, expected, times);
  Print(times, memory, events.events());
  return 0;
}

}  // namespace
}  // namespace throughline::bench

// bench_journeys [EVENTS [PYTHON]]
int main(int argc, char** argv) {
  size_t events = 1'000'000;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &events) || events == 0)) {
    std::fprintf(stderr, "bench_journeys: \"%s\" is no number of events\n", argv[1]);
    return 2;
  }
  const char* python = std::getenv("THROUGHLINE_PEERS_PYTHON");
  return throughline::bench::Run(events, argc > 2 ? argv[2] : python == nullptr ? "" : python);
}
