#include "services/base/ids.h"

#include <mutex>
#include <random>

namespace throughline {
namespace {

class RandomIds : public IdSource {
 public:
  std::string NewResourceId() override {
    // Without vowels and look-alikes: no words by accident, and readable aloud.
    static constexpr char kLetters[] = "bcdfghjkmnpqrstvwxz";
    static constexpr char kLettersAndDigits[] = "bcdfghjkmnpqrstvwxz23456789";
    std::lock_guard<std::mutex> lock(mutex_);
    std::string id(1, kLetters[Below(sizeof(kLetters) - 1)]);
    while (id.size() < 20) id.push_back(kLettersAndDigits[Below(sizeof(kLettersAndDigits) - 1)]);
    return id;
  }

  std::string NewRequestId() override {
    static constexpr char kHex[] = "0123456789abcdef";
    std::lock_guard<std::mutex> lock(mutex_);
    std::string id;
    while (id.size() < 32) id.push_back(kHex[Below(16)]);
    return id;
  }

 private:
  size_t Below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }

  std::mutex mutex_;
  std::random_device random_;
};

}  // namespace

IdSource& SystemIds() {
  static RandomIds* const ids = new RandomIds;
  return *ids;
}

}  // namespace throughline
