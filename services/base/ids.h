// Fresh ids for resources that the caller did not name and for requests that carry none.
// Thread-safe.
#pragma once

#include <string>

namespace throughline {

class IdSource {
 public:
  virtual ~IdSource() = default;
  // A resource id that has never been given before: a letter and 19 letters or digits (95 random bits).
  virtual std::string NewResourceId() = 0;
  // An id for one request: 32 hexadecimal digits.
  virtual std::string NewRequestId() = 0;
};

// Ids from the operating system's random numbers; lives for ever.
IdSource& SystemIds();

}  // namespace throughline
