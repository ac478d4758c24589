// Everything the handlers work on, as references: made once by the program, or by a test.
// A plain struct; what it refers to is thread-safe and outlives every request.
#pragma once

#include "services/base/clock.h"
#include "services/base/executor.h"
#include "services/base/ids.h"
#include "services/journey/published_maps.h"
#include "throughline/catalog.h"
#include "throughline/events.h"

namespace throughline::api {

class EngineState;
class PageTokenCodec;

struct Backend {
  Catalog& catalog;
  EventStore& events;
  PublishedMaps& published_maps;
  const Clock& clock;
  IdSource& ids;
  // Runs what can wait for a disk or takes long; bounded.
  Executor& executor;
  const PageTokenCodec& page_tokens;
  // Where requests report failures of the engines.
  EngineState& engines;
};

}  // namespace throughline::api
