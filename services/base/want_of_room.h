// Which errors of the system mean that there is no room: a full disk, a quota, or the process's own limit on the size
// of files. Pure; any thread.
#pragma once

#include <cerrno>

namespace throughline {

inline bool IsWantOfRoom(int system_error) {
  return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

}  // namespace throughline
