// The story of one customer of the demo company, told as events.
// Used by one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/main/demo/demo_random.h"
#include "throughline/v1/event.pb.h"

namespace throughline::demo {

inline constexpr int64_t kMinute = 60;
inline constexpr int64_t kHour = 3600;
inline constexpr int64_t kDay = 86'400;

class DemoStory {
 public:
  // Times are seconds since 1970. `begin` is the start of the whole simulation, `end` its last moment.
  DemoStory(int customer, uint64_t seed, int64_t begin, int64_t arrival, int64_t end);

  // Tells everything that happened until the end. Events are in the order of time.
  std::vector<v1::CustomerEvent> Tell();

 private:
  using Property = std::pair<const char*, std::string>;

  // Each part says what happens from `time` on; those that can end the story give whether it goes on.
  bool Discover(int64_t& time);
  bool Consider(int64_t& time);
  bool HandToSales(int64_t& time);
  void Order(int64_t& time);
  bool GetConnected(int64_t& time);
  void Rate(int64_t installed, int64_t lead_days, bool missed);
  void SettleIn(int64_t time);
  void Subscribe(int64_t activated);
  void Month(int64_t time, int number);
  void Bill(int64_t time, int number);
  void MaybeGrow(int64_t time);
  void MaybeAskForRecommendation(int64_t time, int number);
  void MaybeRecommend(int64_t time, int64_t score);
  int64_t CasePermille(int64_t time, int month) const;
  void GetHelp(int64_t time);
  int64_t Answer(int64_t time, const std::string& case_id, absl::string_view channel);
  bool Leaves(int64_t time, int month);
  void Cancel(int64_t time);

  // Adds an event. Its id depends on the story alone, so that telling it again gives the same event.
  v1::CustomerEvent& Add(int64_t time, const char* source, const char* name, absl::string_view channel,
                         const char* department, std::initializer_list<Property> properties = {});
  void AddHandOff(int64_t time, const char* name, const char* department, const char* from, const char* to,
                  v1::HandOff::State state, const char* reason = "");
  void AddCase(int64_t time, const char* name, absl::string_view channel, const std::string& case_id,
               const char* status, std::initializer_list<Property> properties = {});
  void AddSurvey(int64_t time, const char* name, const char* survey, absl::string_view channel, int64_t score,
                 int64_t score_max, const char* department, const std::string& case_id = "");
  void AddMoney(int64_t time, const char* name, absl::string_view channel, int64_t amount_minor,
                std::initializer_list<Property> properties = {});

  int Day(int64_t time) const { return static_cast<int>((time - begin_) / kDay); }
  bool Over(int64_t time) const { return time > end_; }
  // The same moment, or the morning after it: people sleep from midnight to seven.
  static int64_t Awake(int64_t time);
  // The same moment, or the next one at which people work: weekdays, eight to six.
  int64_t AtWork(int64_t time);
  // Satisfaction moves; it stays within ±300.
  void Feel(int64_t change);
  // A score from 0 to `max`, around the middle (in hundredths of a point) for a customer who feels neither way.
  int64_t Score(int64_t max, int64_t middle_hundredths);

  DemoRandom random_;
  const int64_t begin_;
  const int64_t arrival_;
  const int64_t end_;
  const bool business_;
  const int number_;
  std::string customer_id_;
  std::string region_;
  std::string plan_;
  int64_t price_minor_ = 0;
  int64_t satisfaction_ = 0;  // hundredths: −300 furious to +300 delighted
  int64_t installed_late_days_ = 0;
  int case_count_ = 0;
  int event_count_ = 0;
  bool left_ = false;
  std::vector<v1::CustomerEvent> events_;
};

}  // namespace throughline::demo
