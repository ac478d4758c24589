// Reads a whole file for a test, and packs bytes. For tests; one thread.
#pragma once

#include <zlib.h>

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/events/byte_source.h"
#include "services/events/event_reader.h"

namespace throughline {

struct ReadFile {
  std::vector<v1::CustomerEvent> events;
  std::vector<int64_t> lines;  // of the events
  std::vector<RowProblem> problems;
  std::vector<std::string> notes;
  int64_t rows = 0;

  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const v1::CustomerEvent& event : events) ids.push_back(event.id());
    return ids;
  }
};

inline ReadFile ReadAll(EventReader& reader) {
  ReadFile result;
  v1::CustomerEvent event;
  RowProblem problem;
  while (true) {
    const EventReader::Outcome outcome = reader.Next(event, problem);
    if (outcome == EventReader::Outcome::kEnd) break;
    if (outcome == EventReader::Outcome::kEvent) {
      result.events.push_back(event);
      result.lines.push_back(reader.line());
    } else {
      EXPECT_GT(problem.line, 0);
      EXPECT_FALSE(problem.kind.empty());
      EXPECT_FALSE(problem.message.empty());
      result.problems.push_back(problem);
    }
  }
  EXPECT_EQ(reader.Next(event, problem), EventReader::Outcome::kEnd) << "the end is for ever";
  result.notes = reader.Notes();
  result.rows = reader.rows_read();
  return result;
}

inline std::unique_ptr<ByteSource> Bytes(std::string bytes) { return *MakeByteSource(std::move(bytes)); }

inline std::string Gzip(const std::string& plain) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, plain.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// Text that does not compress, so that cutting the packed bytes cuts many rows.
inline std::string Noise(int length, uint32_t& state) {
  std::string text;
  for (int i = 0; i < length; ++i) {
    state = state * 1664525 + 1013904223;
    text.push_back(static_cast<char>('a' + (state >> 16) % 26));
  }
  return text;
}

}  // namespace throughline
