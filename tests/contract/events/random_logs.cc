#include "tests/contract/events/random_logs.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/contract/events/event_builder.h"

namespace throughline::testing {
namespace {

int Below(Random& random, int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); }
bool Chance(Random& random, int percent) { return Below(random, 100) < percent; }

template <typename T>
const T& OneOf(Random& random, const std::vector<T>& values) {
  return values[static_cast<size_t>(Below(random, static_cast<int>(values.size())))];
}

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) std::abort();  // the machine lacks its time zones
  return zone;
}

struct Era {
  const char* zone;
  absl::CivilSecond at;  // local
};

const std::vector<Era>& Eras() {
  static const std::vector<Era> eras = {
      {"UTC", absl::CivilSecond(2026, 1, 1)},
      {"UTC", absl::CivilSecond(1970, 1, 1)},               // both sides of zero
      {"UTC", absl::CivilSecond(1931, 5, 31, 23, 59, 58)},  // before it
      {"Europe/Berlin", absl::CivilSecond(1968, 12, 31, 23, 59, 59)},
      {"UTC", absl::CivilSecond(2024, 2, 29, 12)},  // a month that has one more day
      {"America/New_York", absl::CivilSecond(2023, 12, 31, 23, 30)},
      {"Europe/Berlin", absl::CivilSecond(2024, 3, 31, 1, 30)},   // forward …
      {"Europe/Berlin", absl::CivilSecond(2024, 10, 27, 2, 30)},  // … and back
      {"America/New_York", absl::CivilSecond(2024, 3, 10, 1, 30)},
      {"America/New_York", absl::CivilSecond(2024, 11, 3, 1, 30)},
      {"Pacific/Apia", absl::CivilSecond(2011, 12, 29, 23, 30)},  // the next day is the 31st
      {"America/St_Johns",
       absl::CivilSecond(2006, 10, 28, 23, 30)},  // at a minute past midnight back to the day before
  };
  return eras;
}

absl::Duration RandomSpan(Random& random) {
  return OneOf<absl::Duration>(random, {absl::ZeroDuration(), absl::Seconds(40), absl::Hours(5), absl::Hours(50),
                                        absl::Hours(24 * 40), absl::Hours(24 * 500)});
}

absl::Time Floor(absl::Time time, absl::Duration unit) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), unit);
}

// A few moments, so that many events share one.
std::vector<absl::Time> RandomMoments(Random& random, absl::Time start, absl::Duration span) {
  const bool whole = Chance(random, 65);
  std::vector<absl::Time> out;
  for (int i = 1 + Below(random, 12); i > 0; --i) {
    absl::Time time = start + span * (Below(random, 1001) / 1000.0);
    // Hours, for local midnights; whole days later than the start, for periods of the same length.
    if (span > absl::Hours(1) && Chance(random, 40)) time = Floor(time, absl::Minutes(30));
    if (span > absl::Hours(24) && Chance(random, 20)) time = start + absl::Floor(time - start, absl::Hours(24));
    time = Floor(time, whole ? absl::Seconds(1) : absl::Microseconds(1));
    out.push_back(!whole && Chance(random, 50) ? time + absl::Microseconds(Below(random, 3)) : time);
  }
  return out;
}

void Dress(Random& random, v1::CustomerEvent& event) {
  if (event.has_money_movement()) {
    event.mutable_money_movement()->set_amount_minor(OneOf<int64_t>(random, {0, -5, -300, 1, 5, 5, 300, 1000}));
    if (Chance(random, 25)) event.mutable_money_movement()->set_currency_code("USD");
  }
  if (Chance(random, 20)) {
    (*event.mutable_properties())["ratio"].set_number_value(
        OneOf<double>(random, {1234567, 1234568, 1e6, -0.0, 0, 0.1, 1.0 / 3, 1e21, 2.5e-7, -1234567890}));
  }
  if (Chance(random, 5)) (*event.mutable_properties())["plan"].set_string_value("");
  if (Chance(random, 3)) (*event.mutable_properties())["plan"].set_null_value(google::protobuf::NULL_VALUE);
}

}  // namespace

RandomLog MakeRandomLog(Random& random, const std::string& prefix) {
  RandomLog out;
  const Era& era = OneOf(random, Eras());
  out.zone = Zone(era.zone);
  out.span = RandomSpan(random);
  absl::Time start = absl::FromCivil(era.at, out.zone);
  if (Chance(random, 50)) start -= out.span / 2;
  out.moments = RandomMoments(random, start, out.span);
  const int customers = 1 + Below(random, 7);
  const int count = Chance(random, 6) ? 0 : Chance(random, 8) ? 1 : 1 + Below(random, std::min(28, 9 * customers));
  const bool each_its_own = Chance(random, 8);
  out.events = RandomEvents(random, count);
  for (size_t i = 0; i < out.events.size(); ++i) {
    v1::CustomerEvent& event = out.events[i];
    event.set_customer_id(absl::StrCat(prefix, each_its_own ? static_cast<int>(i) : Below(random, customers)));
    const absl::Time time = OneOf(random, out.moments);
    const int64_t micros = absl::ToUnixMicros(time), seconds = absl::ToUnixSeconds(time);
    event.mutable_event_time()->set_seconds(seconds);
    event.mutable_event_time()->set_nanos(static_cast<int32_t>(micros - seconds * 1'000'000) * 1000);
    // Money is rare among RandomEvents, and half of what is asked is about it.
    if (!event.has_survey_response() && Chance(random, 40)) event.mutable_money_movement()->set_currency_code("EUR");
    Dress(random, event);
  }
  return out;
}

}  // namespace throughline::testing
