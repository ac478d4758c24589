// Ids that count up: id-1, id-2, …; request ids likewise.
// Thread-safe.
#pragma once

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/base/ids.h"

namespace throughline::testing {

class FakeIds : public IdSource {
 public:
  std::string NewResourceId() override { return absl::StrCat("id-", ++resources_); }
  std::string NewRequestId() override { return absl::StrCat("request-", ++requests_); }

 private:
  std::atomic<int> resources_{0};
  std::atomic<int> requests_{0};
};

}  // namespace throughline::testing
