// The demo's maps and metrics are written as protobuf text, which people can read and change without C++.
// Pure functions; any thread.
#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/text_format.h"

namespace throughline::demo {

// The parts, one after the other, with "W/ at the beginning of a string replaced by the workspace's name. The texts are
// constants of this library, and a test parses each of them: what does not parse is our mistake and comes out empty.
template <typename T>
T ParseDemoText(std::initializer_list<const char*> parts, absl::string_view workspace_name) {
  std::string text;
  for (const char* part : parts) absl::StrAppend(&text, part);
  text = absl::StrReplaceAll(text, {{"\"W/", absl::StrCat("\"", workspace_name, "/")}});
  T message;
  if (!google::protobuf::TextFormat::ParseFromString(text, &message)) message.Clear();
  return message;
}

}  // namespace throughline::demo
