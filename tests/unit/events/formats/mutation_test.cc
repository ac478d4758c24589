// Feeds each parser thousands of damaged files. What it must not do is crash, hang, or return an event without UTF-8
// texts; a sanitizer sees the rest. The seed is printed on failure.
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/base/text.h"
#include "services/events/csv_reader.h"
#include "services/events/import_mapping.h"
#include "services/events/json_lines_reader.h"
#include "services/events/xes_reader.h"
#include "tests/support/mutate.h"
#include "tests/unit/events/formats/read_all.h"

namespace throughline {
namespace {

using testing::Mutate;

constexpr char kCsv[] =
    "id,who,what,when,score\n1,c1,placed,2018-01-31 13:45:10,5\n2,\"c \"\"2\"\"\",paid,2018-03-25T02:30:00+01:00,4\r\n"
    "3,\"c\n3\",\xC3\xA9t\xC3\xA9,,1\n";
constexpr char kMapping[] = R"json({"source": "s", "timeZone": "Europe/Berlin", "events": [
  {"eventName": "{what}", "id": "{id}:{{x}}", "customerId": "{who}", "eventTime": "{when}", "sequence": "{id}",
   "properties": [{"name": "p", "number": "{score}"}], "surveyResponse": {"score": "{score}"}},
  {"eventName": "m", "id": "{id}", "customerId": "{who}", "eventTime": "{when}",
   "moneyMovement": {"amount": "{score}", "currencyCode": "EUR"}}]})json";
constexpr char kXes[] =
    "<?xml version=\"1.0\"?><log><trace><string key=\"concept:name\" value=\"t\"/><event>"
    "<string key=\"concept:name\" value=\"a\"/><date key=\"time:timestamp\" value=\"2012-03-25T03:00:01.000+02:00\"/>"
    "<float key=\"f\" value=\"1.5\"/><list key=\"l\"><values/></list></event></trace></log>";
constexpr char kJson[] =
    "{\"id\":\"1\",\"customerId\":\"c\",\"eventTime\":\"2020-01-01T00:00:00Z\",\"properties\":{\"a\":[1,{\"b\":null}]}}"
    "\n"
    "{\"id\":\"2\",\"surveyResponse\":{\"score\":1e3}}\n";

void Check(uint32_t seed, const std::string& file,
           const std::function<std::unique_ptr<EventReader>(std::string)>& open) {
  constexpr int kRounds = 3000;
  std::mt19937 random(seed);
  for (int round = 0; round < kRounds; ++round) {
    const bool packed = round % 4 == 0;
    const std::string bytes = packed ? Mutate(Gzip(file), random) : Mutate(file, random);
    const std::unique_ptr<EventReader> reader = open(bytes);
    if (reader == nullptr) continue;
    const ReadFile read = ReadAll(*reader);
    for (const v1::CustomerEvent& event : read.events) {
      std::string wire;
      ASSERT_TRUE(event.SerializeToString(&wire)) << "seed " << seed << " round " << round;
      ASSERT_TRUE(IsValidUtf8(event.id())) << "seed " << seed << " round " << round;
    }
    ASSERT_LT(read.events.size() + read.problems.size(), 1000u) << "seed " << seed << " round " << round;
  }
}

TEST(Mutation, DamagedCsv_NeverCrashes) {
  const v1::ImportMapping mapping = *ParseImportMapping(kMapping);
  Check(20260101, kCsv, [&](std::string bytes) -> std::unique_ptr<EventReader> {
    absl::StatusOr<std::unique_ptr<ByteSource>> source = MakeByteSource(std::move(bytes));
    if (!source.ok()) return nullptr;
    absl::StatusOr<std::unique_ptr<EventReader>> reader = MakeCsvEventReader(*std::move(source), mapping, ".");
    return reader.ok() ? *std::move(reader) : nullptr;
  });
}

TEST(Mutation, DamagedMapping_NeverCrashes) {
  std::mt19937 random(20260102);
  for (int round = 0; round < 3000; ++round) {
    const absl::StatusOr<v1::ImportMapping> mapping = ParseImportMapping(Mutate(kMapping, random));
    if (!mapping.ok()) continue;
    absl::StatusOr<std::unique_ptr<EventReader>> reader = MakeCsvEventReader(Bytes(kCsv), *mapping, ".");
    if (reader.ok()) ReadAll(**reader);
  }
}

TEST(Mutation, DamagedXes_NeverCrashes) {
  XesOptions options;
  options.source = "s";
  Check(20260103, kXes, [&](std::string bytes) -> std::unique_ptr<EventReader> {
    absl::StatusOr<std::unique_ptr<ByteSource>> source = MakeByteSource(std::move(bytes));
    return source.ok() ? MakeXesEventReader(*std::move(source), options) : nullptr;
  });
}

TEST(Mutation, DamagedJsonLines_NeverCrash) {
  Check(20260104, kJson, [](std::string bytes) -> std::unique_ptr<EventReader> {
    absl::StatusOr<std::unique_ptr<ByteSource>> source = MakeByteSource(std::move(bytes));
    return source.ok() ? MakeJsonLinesEventReader(*std::move(source), "s") : nullptr;
  });
}

}  // namespace
}  // namespace throughline
