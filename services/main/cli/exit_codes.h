// What the program's exit code says; documented in `throughline --help`. Constants.
#pragma once

namespace throughline::cli {

enum ExitCode : int {
  kSuccess = 0,
  kFailure = 1,            // the server refused, or a file could not be opened
  kUsage = 2,              // the command line is wrong
  kSomeRowsLeftOut = 3,    // an import read its file to the end, but some of it was not recorded
  kFileIncomplete = 4,     // an import recorded what came before a place where the file is cut off or damaged
  kServerUnreachable = 5,  // no server, or it went away and did not come back
};

}  // namespace throughline::cli
