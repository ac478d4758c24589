// One table of cases, each through every transport: the same request gives the same answer, or the same code, reason
// and field path, whichever way it comes in.
#include "tests/protocol/transports/transports.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/processes.h"
#include "throughline/errors.h"

namespace throughline::testing {
namespace {

using google::protobuf::Message;
using ::testing::HasSubstr;

// "$W" stands for the workspace that each test gets: with a persona "anna" (etag $E), a map "order" and two events.
struct Case {
  const char* name;
  Request request;
  // Of an answer: fields that it must have, as the response's JSON.
  const char* expected = "";
  absl::StatusCode code = absl::StatusCode::kOk;
  const char* reason = "";
  const char* field = "";
};

std::vector<Case> Answers() {
  return {
      {"GetWorkspace",
       {"throughline.v1.WorkspaceService/GetWorkspace", R"({"name": "workspaces/$W"})", "GET", "/v1/workspaces/$W", ""},
       R"({"name": "workspaces/$W", "displayName": "Test", "timeZone": "UTC"})"},
      {"GetPersona",
       {"throughline.v1.PersonaService/GetPersona", R"({"name": "workspaces/$W/personas/anna"})", "GET",
        "/v1/workspaces/$W/personas/anna", ""},
       R"({"name": "workspaces/$W/personas/anna", "displayName": "Anna", "etag": "$E"})"},
      {"CreatePersona",
       {"throughline.v1.PersonaService/CreatePersona",
        R"({"parent": "workspaces/$W", "personaId": "ben", "persona": {"displayName": "Ben", "goals": ["Ä\"\n"]}})",
        "POST", "/v1/workspaces/$W/personas?personaId=ben", R"({"displayName": "Ben", "goals": ["Ä\"\n"]})"},
       R"({"name": "workspaces/$W/personas/ben", "displayName": "Ben", "goals": ["Ä\"\n"]})"},
      {"ListPersonas",
       {"throughline.v1.PersonaService/ListPersonas",
        R"({"parent": "workspaces/$W", "pageSize": 5, "filter": "display_name = \"Anna\""})", "GET",
        "/v1/workspaces/$W/personas?pageSize=5&filter=display_name%20%3D%20%22Anna%22", ""},
       R"({"personas": [{"name": "workspaces/$W/personas/anna", "displayName": "Anna", "etag": "$E"}]})"},
      {"UpdatePersona_WithMask",
       {"throughline.v1.PersonaService/UpdatePersona",
        R"({"persona": {"name": "workspaces/$W/personas/anna", "displayName": "Cleo", "description": "ignored"},
            "updateMask": "displayName"})",
        "PATCH", "/v1/workspaces/$W/personas/anna?updateMask=displayName",
        R"({"displayName": "Cleo", "description": "ignored"})",
        R"({"persona": {"name": "workspaces/$W/personas/anna", "displayName": "Cleo", "description": "ignored"},
            "updateMask": {"paths": ["display_name"]}})"},
       R"({"name": "workspaces/$W/personas/anna", "displayName": "Cleo"})"},
      {"DeletePersona",
       {"throughline.v1.PersonaService/DeletePersona", R"({"name": "workspaces/$W/personas/anna", "etag": "$E"})",
        "DELETE", "/v1/workspaces/$W/personas/anna?etag=$E", ""},
       R"({"name": "workspaces/$W/personas/anna", "displayName": "Anna"})"},
      {"ExportJourneyMap",
       {"throughline.v1.JourneyMapService/ExportJourneyMap",
        R"({"name": "workspaces/$W/journeyMaps/order", "format": "MERMAID"})", "GET",
        "/v1/workspaces/$W/journeyMaps/order:export?format=MERMAID", ""},
       "{}"},
      {"PublishJourneyMap",
       {"throughline.v1.JourneyMapService/PublishJourneyMap", R"({"name": "workspaces/$W/journeyMaps/order"})", "POST",
        "/v1/workspaces/$W/journeyMaps/order:publish", "{}"},
       R"({"name": "workspaces/$W/journeyMaps/order", "displayName": "Order",
           "publishedVersion": "workspaces/$W/journeyMaps/order/versions/1"})"},
      {"GetEventStatistics",
       {"throughline.v1.EventService/GetEventStatistics", R"({"name": "workspaces/$W/eventStatistics"})", "GET",
        "/v1/workspaces/$W/eventStatistics", ""},
       R"({"name": "workspaces/$W/eventStatistics", "eventCount": "2", "customerCount": "1"})"},
      {"RecordEvents",
       {"throughline.v1.EventService/RecordEvents",
        R"({"parent": "workspaces/$W", "events": [{"id": "e1", "source": "shop", "customerId": "c/1",
            "eventTime": "2025-01-01T00:00:00Z", "eventName": "placed"}]})",
        "POST", "/v1/workspaces/$W/events:record",
        R"({"events": [{"id": "e1", "source": "shop", "customerId": "c/1", "eventTime": "2025-01-01T00:00:00Z",
            "eventName": "placed"}]})"},
       R"({"results": [{"outcome": "DUPLICATE"}], "duplicateCount": 1})"},
      {"RecordEvents_BadOnesAmongGood",
       {"throughline.v1.EventService/RecordEvents", R"({"parent": "workspaces/$W", "events": $V})", "POST",
        "/v1/workspaces/$W/events:record", R"({"events": $V})"},
       R"({"results": [
            {"outcome": "RECORDED"},
            {"index": 1, "outcome": "REJECTED", "error": {"code": 3, "message": "survey_response.score: must be a finite number"}},
            {"index": 2, "outcome": "REJECTED", "error": {"code": 3, "message": "id: must not contain control characters"}},
            {"index": 3, "outcome": "REJECTED", "error": {"code": 3, "message": "event_time: must not lie before 1970-01-01T00:00:00Z"}},
            {"index": 4, "outcome": "REJECTED", "error": {"code": 3}},
            {"index": 5, "outcome": "REJECTED", "error": {"code": 6}},
            {"index": 6, "outcome": "RECORDED"}],
           "recordedCount": 2, "rejectedCount": 5})"},
      {"GetCustomer_EncodedName",
       {"throughline.v1.CustomerService/GetCustomer", R"({"name": "workspaces/$W/customers/c%2F1"})", "GET",
        "/v1/workspaces/$W/customers/c%2F1", ""},
       R"({"name": "workspaces/$W/customers/c%2F1", "customerId": "c/1", "eventCount": "2"})"},
      {"QueryFunnel",
       {"throughline.v1.AnalysisService/QueryFunnel",
        R"({"parent": "workspaces/$W", "steps": [{"eventNames": ["placed"]}, {"eventNames": ["paid"]}],
            "window": "3600s"})",
        "POST", "/v1/workspaces/$W:queryFunnel",
        R"({"steps": [{"eventNames": ["placed"]}, {"eventNames": ["paid"]}], "window": "3600s"})"},
       R"({"steps": [{"count": "1"}, {"count": "1", "conversion": 1}], "instanceCount": "1", "dataWatermark": "2"})"},
      {"QueryFunnel_ByChannel",
       {"throughline.v1.AnalysisService/QueryFunnel",
        R"({"parent": "workspaces/$W", "steps": [{"eventNames": ["placed"]}, {"eventNames": ["paid"]}], "order": "STRICT", "stepRules": [{}, {"within": "60s"}], "breakdown": [{"field": "channel"}]})",
        "POST", "/v1/workspaces/$W:queryFunnel",
        R"({"steps": [{"eventNames": ["placed"]}, {"eventNames": ["paid"]}], "order": "STRICT", "stepRules": [{}, {"within": "60s"}], "breakdown": [{"field": "channel"}]})"},
       R"({"steps": [{"count": "1"}, {"count": "1", "medianSeconds": 60, "p90Seconds": 60}], "groups": [{"values": [{"kind": "MISSING"}], "steps": [{"count": "1"}, {"count": "1"}], "instanceCount": "1"}]})"},
      {"QueryTransitionGraph",
       {"throughline.v1.AnalysisService/QueryTransitionGraph",
        R"({"parent": "workspaces/$W", "alphabet": {"field": "event_name"}})", "POST",
        "/v1/workspaces/$W:queryTransitionGraph", R"({"alphabet": {"field": "event_name"}})"},
       R"({"edges": [{"fromEventName": "placed", "toEventName": "paid", "count": "1", "meanSeconds": 60, "p90Seconds": 60}], "eventCount": "2"})"},
      {"QueryVariants",
       {"throughline.v1.AnalysisService/QueryVariants", R"({"parent": "workspaces/$W", "length": 5})", "POST",
        "/v1/workspaces/$W:queryVariants", R"({"length": 5})"},
       R"({"variants": [{"symbols": ["placed", "paid"], "instanceCount": "1", "share": 1}], "instanceCount": "1"})"},
      {"QueryCohorts",
       {"throughline.v1.AnalysisService/QueryCohorts",
        R"({"parent": "workspaces/$W", "entry": {"eventNames": ["placed"]}, "period": {"unit": "WEEK", "timeZone": "Europe/Berlin"}, "periodCount": 1})",
        "POST", "/v1/workspaces/$W:queryCohorts",
        R"({"entry": {"eventNames": ["placed"]}, "period": {"unit": "WEEK", "timeZone": "Europe/Berlin"}, "periodCount": 1})"},
       R"({"cohorts": [{"startDay": "2024-12-30", "customerCount": "1", "cells": [{"customerCount": "1", "retention": 1}]}]})"},
      {"QueryStageTimes",
       {"throughline.v1.AnalysisService/QueryStageTimes",
        R"({"parent": "workspaces/$W", "stages": [{"eventNames": ["placed"]}, {"filter": "event_name = \"paid\""}]})",
        "POST", "/v1/workspaces/$W:queryStageTimes",
        R"({"stages": [{"eventNames": ["placed"]}, {"filter": "event_name = \"paid\""}]})"},
       R"({"stages": [{"enteredCount": "1", "endedCount": "1", "medianSeconds": 60}, {"enteredCount": "1", "insideCount": "1"}], "instanceCount": "1"})"},
      {"QueryScores",
       {"throughline.v1.AnalysisService/QueryScores",
        R"({"parent": "workspaces/$W", "events": [{"eventNames": ["placed"]}], "respondentPolicy": "LATEST"})", "POST",
        "/v1/workspaces/$W:queryScores", R"({"events": [{"eventNames": ["placed"]}], "respondentPolicy": "LATEST"})"},
       R"({"histogram": {"missingCount": "1"}, "dataWatermark": "2"})"},
      {"QueryVolume",
       {"throughline.v1.AnalysisService/QueryVolume",
        R"({"parent": "workspaces/$W", "knownAt": "1", "breakdown": [{"calendar": {"unit": "DAY"}}]})", "POST",
        "/v1/workspaces/$W:queryVolume", R"({"knownAt": "1", "breakdown": [{"calendar": {"unit": "DAY"}}]})"},
       R"({"eventCount": "1", "customerCount": "1", "dataWatermark": "1", "groups": [{"values": [{"kind": "VALUE", "value": "2025-01-01"}], "eventCount": "1"}]})"},
      {"QueryRevenueMovements",
       {"throughline.v1.AnalysisService/QueryRevenueMovements",
        R"({"parent": "workspaces/$W", "currencyCode": "EUR", "firstMonth": "2025-01", "monthCount": 1})", "POST",
        "/v1/workspaces/$W:queryRevenueMovements",
        R"({"currencyCode": "EUR", "firstMonth": "2025-01", "monthCount": 1})"},
       R"({"months": [{"month": "2025-01"}]})"},
      {"QueryPurchases",
       {"throughline.v1.AnalysisService/QueryPurchases",
        R"({"parent": "workspaces/$W", "purchase": {"eventNames": ["paid"]}, "interval": {"endTime": "2025-01-03T00:00:00Z"}})",
        "POST", "/v1/workspaces/$W:queryPurchases",
        R"({"purchase": {"eventNames": ["paid"]}, "interval": {"endTime": "2025-01-03T00:00:00Z"}})"},
       R"({"customerCount": "1", "sampledCustomerCount": "1", "rows": [{"customer": "workspaces/$W/customers/c%2F1", "ageDays": "1"}]})"},
      {"QueryLifetimeValue",
       {"throughline.v1.AnalysisService/QueryLifetimeValue",
        R"({"parent": "workspaces/$W", "purchase": {"eventNames": ["paid"]}, "currencyCode": "EUR", "horizonDays": 30})",
        "POST", "/v1/workspaces/$W:queryLifetimeValue",
        R"({"purchase": {"eventNames": ["paid"]}, "currencyCode": "EUR", "horizonDays": 30})"},
       R"({"purchaseModel": {"n": "1", "timeUnitDays": 7, "problem": "Nobody bought a second time: nothing tells how often."}, "expectedPurchases": {"state": "UNDEFINED"}, "rows": [{"purchases": {"customer": "workspaces/$W/customers/c%2F1"}}], "customerCount": "1"})"},
      {"QuerySurvival",
       {"throughline.v1.AnalysisService/QuerySurvival",
        R"({"parent": "workspaces/$W", "start": {"eventNames": ["placed"]}, "end": {"eventNames": ["paid"]}, "groupField": "event_name", "restrictedTo": "60s"})",
        "POST", "/v1/workspaces/$W:querySurvival",
        R"({"start": {"eventNames": ["placed"]}, "end": {"eventNames": ["paid"]}, "groupField": "event_name", "restrictedTo": "60s"})"},
       R"({"curves": [{"group": {"kind": "VALUE", "value": "placed"}, "n": "1", "eventCount": "1", "medianSeconds": {"state": "OK", "value": 60}, "restrictedMeanSeconds": {"value": 60}, "steps": [{"seconds": 60, "atRiskCount": "1", "eventCount": "1"}]}], "logRank": {"state": "UNDEFINED"}, "read": {"visitCount": "2"}})"},
      {"QueryAttribution",
       {"throughline.v1.AnalysisService/QueryAttribution",
        R"({"parent": "workspaces/$W", "conversion": {"eventNames": ["paid"]}, "field": "event_name", "rules": ["LINEAR", "MARKOV"], "lookback": "60s"})",
        "POST", "/v1/workspaces/$W:queryAttribution",
        R"({"conversion": {"eventNames": ["paid"]}, "field": "event_name", "rules": ["LINEAR", "MARKOV"], "lookback": "60s"})"},
       R"({"attributions": [{"rule": "LINEAR", "channels": [{"channel": "placed", "conversions": 1, "share": 1}]}, {"rule": "MARKOV", "channels": [{"channel": "placed", "conversions": 1, "share": 1, "removalEffect": 1}]}], "conversionCount": "1"})"},
      {"QueryHandoffs",
       {"throughline.v1.AnalysisService/QueryHandoffs", R"({"parent": "workspaces/$W", "field": "event_name"})", "POST",
        "/v1/workspaces/$W:queryHandoffs", R"({"field": "event_name"})"},
       R"({"handoffShare": {"state": "OK", "value": 1, "n": "1"}, "handoffs": [{"from": "placed", "to": "paid", "count": "1", "waitingSeconds": {"value": 60}}], "read": {"visitCount": "2"}})"},
      {"QueryWhatIf",
       {"throughline.v1.AnalysisService/QueryWhatIf",
        R"({"parent": "workspaces/$W", "goal": "paid", "changes": [{"from": "placed", "to": "paid", "meanSeconds": 30}]})",
        "POST", "/v1/workspaces/$W:queryWhatIf",
        R"({"goal": "paid", "changes": [{"from": "placed", "to": "paid", "meanSeconds": 30}]})"},
       R"({"conversion": {"before": {"value": 1}}, "seconds": {"before": {"value": 60}, "after": {"value": 30}, "difference": {"value": -30}}, "instanceCount": "1"})"},
      {"QueryCellCustomers",
       {"throughline.v1.AnalysisService/QueryCellCustomers",
        R"({"parent": "workspaces/$W", "funnel": {"steps": [{"eventNames": ["placed"]}, {"eventNames": ["paid"]}]}, "funnelCell": {"step": 2}})",
        "POST", "/v1/workspaces/$W:queryCellCustomers",
        R"({"funnel": {"steps": [{"eventNames": ["placed"]}, {"eventNames": ["paid"]}]}, "funnelCell": {"step": 2}})"},
       R"({"customers": [{"customer": "workspaces/$W/customers/c%2F1", "eventCount": "2"}], "dataWatermark": "2"})"},
      {"QueryValues",
       {"throughline.v1.AnalysisService/QueryValues",
        R"({"parent": "workspaces/$W", "field": "event_name", "limit": 1})", "POST", "/v1/workspaces/$W:queryValues",
        R"({"field": "event_name", "limit": 1})"},
       R"({"values": [{"value": "paid", "eventCount": "1"}], "valueCount": "2"})"},
      {"QueryDrivers",
       {"throughline.v1.AnalysisService/QueryDrivers",
        R"({"parent": "workspaces/$W", "events": {"eventNames": ["placed"]}, "drivers": ["properties.wait"]})", "POST",
        "/v1/workspaces/$W:queryDrivers", R"({"events": {"eventNames": ["placed"]}, "drivers": ["properties.wait"]})"},
       R"({"rSquared": {"state": "UNDEFINED", "excluded": {"incomplete": "1"}}, "read": {"visitCount": "1", "dataWatermark": "2"}})"},
      {"QueryEffect",
       {"throughline.v1.AnalysisService/QueryEffect",
        R"({"parent": "workspaces/$W", "events": {"eventNames": ["placed"]}, "changeTime": "2025-01-01T00:00:00Z"})",
        "POST", "/v1/workspaces/$W:queryEffect",
        R"({"events": {"eventNames": ["placed"]}, "changeTime": "2025-01-01T00:00:00Z"})"},
       R"({"effect": {"state": "UNDEFINED", "excluded": {"no_outcome": "1"}}, "noControl": true, "read": {"visitCount": "1"}})"},
  };
}

std::vector<Case> Errors() {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  return {
      {"Absent",
       {"throughline.v1.PersonaService/GetPersona", R"({"name": "workspaces/$W/personas/none"})", "GET",
        "/v1/workspaces/$W/personas/none", ""},
       "",
       absl::StatusCode::kNotFound,
       "RESOURCE_NOT_FOUND"},
      {"Conformance_MapNotPublished",
       {"throughline.v1.AnalysisService/QueryConformance",
        R"({"parent": "workspaces/$W", "journeyMap": "workspaces/$W/journeyMaps/order"})", "POST",
        "/v1/workspaces/$W:queryConformance", R"({"journeyMap": "workspaces/$W/journeyMaps/order"})"},
       "",
       absl::StatusCode::kFailedPrecondition,
       "JOURNEY_MAP_NOT_PUBLISHED"},
      {"BadName",
       {"throughline.v1.PersonaService/GetPersona", R"({"name": "workspaces/$W/personas/A_B"})", "GET",
        "/v1/workspaces/$W/personas/A_B", ""},
       "",
       kInvalid,
       "INVALID_RESOURCE_NAME",
       "name"},
      {"BadId",
       {"throughline.v1.PersonaService/CreatePersona",
        R"({"parent": "workspaces/$W", "personaId": "B B", "persona": {"displayName": "B"}})", "POST",
        "/v1/workspaces/$W/personas?personaId=B%20B", R"({"displayName": "B"})"},
       "",
       kInvalid,
       "INVALID_RESOURCE_ID",
       "persona_id"},
      {"DuplicateId",
       {"throughline.v1.PersonaService/CreatePersona",
        R"({"parent": "workspaces/$W", "personaId": "anna", "persona": {"displayName": "B"}})", "POST",
        "/v1/workspaces/$W/personas?personaId=anna", R"({"displayName": "B"})"},
       "",
       absl::StatusCode::kAlreadyExists,
       "RESOURCE_ALREADY_EXISTS"},
      {"MissingDisplayName",
       {"throughline.v1.PersonaService/CreatePersona",
        R"({"parent": "workspaces/$W", "persona": {"description": "D"}})", "POST", "/v1/workspaces/$W/personas",
        R"({"description": "D"})"},
       "",
       kInvalid,
       "INVALID_FIELD",
       "persona.display_name"},
      {"StaleEtag",
       {"throughline.v1.PersonaService/UpdatePersona",
        R"({"persona": {"name": "workspaces/$W/personas/anna", "displayName": "C", "etag": "1"}})", "PATCH",
        "/v1/workspaces/$W/personas/anna", R"({"displayName": "C", "etag": "1"})"},
       "",
       absl::StatusCode::kAborted,
       "STALE_ETAG"},
      {"OutputOnlyMask",
       {"throughline.v1.PersonaService/UpdatePersona",
        R"({"persona": {"name": "workspaces/$W/personas/anna"}, "updateMask": "createTime"})", "PATCH",
        "/v1/workspaces/$W/personas/anna?updateMask=createTime", "{}",
        R"({"persona": {"name": "workspaces/$W/personas/anna"}, "updateMask": {"paths": ["create_time"]}})"},
       "",
       kInvalid,
       "INVALID_FIELD_MASK",
       "update_mask"},
      {"TooManyPathsInMask",
       {"throughline.v1.PersonaService/UpdatePersona",
        R"({"persona": {"name": "workspaces/$W/personas/anna", "displayName": "C"}, "updateMask": "$M"})", "PATCH",
        "/v1/workspaces/$W/personas/anna?updateMask=$M", R"({"displayName": "C"})",
        R"({"persona": {"name": "workspaces/$W/personas/anna", "displayName": "C"}, "updateMask": {"paths": [$P]}})"},
       "",
       kInvalid,
       "INVALID_FIELD_MASK",
       "update_mask"},
      {"FilterOfTenThousandTerms",
       {"throughline.v1.JourneyMapService/DiscoverJourneyMap", R"({"parent": "workspaces/$W", "filter": "$F"})", "POST",
        "/v1/workspaces/$W/journeyMaps:discover", R"({"filter": "$F"})"},
       "",
       kInvalid,
       "INVALID_FILTER",
       "filter"},
      {"FilterOfAThousandBrackets",
       {"throughline.v1.PersonaService/ListPersonas", R"({"parent": "workspaces/$W", "filter": "$B"})", "GET",
        "/v1/workspaces/$W/personas?filter=$B", ""},
       "",
       kInvalid,
       "INVALID_FILTER",
       "filter"},
      {"PageTokenOfAnotherList",
       {"throughline.v1.SegmentService/ListSegments", R"({"parent": "workspaces/$W", "pageToken": "$T"})", "GET",
        "/v1/workspaces/$W/segments?pageToken=$T", ""},
       "",
       kInvalid,
       "INVALID_PAGE_TOKEN",
       "page_token"},
      {"BadFilter",
       {"throughline.v1.PersonaService/ListPersonas", R"({"parent": "workspaces/$W", "filter": "age > 3"})", "GET",
        "/v1/workspaces/$W/personas?filter=age%20%3E%203", ""},
       "",
       kInvalid,
       "INVALID_FILTER",
       "filter"},
      {"BadPageToken",
       {"throughline.v1.PersonaService/ListPersonas", R"({"parent": "workspaces/$W", "pageToken": "x"})", "GET",
        "/v1/workspaces/$W/personas?pageToken=x", ""},
       "",
       kInvalid,
       "INVALID_PAGE_TOKEN",
       "page_token"},
      {"NegativePageSize",
       {"throughline.v1.PersonaService/ListPersonas", R"({"parent": "workspaces/$W", "pageSize": -1})", "GET",
        "/v1/workspaces/$W/personas?pageSize=-1", ""},
       "",
       kInvalid,
       "INVALID_FIELD",
       "page_size"},
      {"FutureRevision",
       {"throughline.v1.JourneyMapService/GetJourneyMap", R"({"name": "workspaces/$W/journeyMaps/order@99999999"})",
        "GET", "/v1/workspaces/$W/journeyMaps/order@99999999", ""},
       "",
       absl::StatusCode::kOutOfRange,
       "REVISION_IN_FUTURE"},
      {"NaN",
       {"throughline.v1.JourneyMapService/CreateJourneyMap",
        R"({"parent": "workspaces/$W", "journeyMap": {"displayName": "N", "phases": [{"id": "p", "displayName": "P"}],
            "touchpoints": [{"id": "t", "phase": "p", "displayName": "T", "emotions": [{"level": "NaN"}]}]}})",
        "POST", "/v1/workspaces/$W/journeyMaps",
        R"({"displayName": "N", "phases": [{"id": "p", "displayName": "P"}],
            "touchpoints": [{"id": "t", "phase": "p", "displayName": "T", "emotions": [{"level": "NaN"}]}]})"},
       "",
       kInvalid,
       "INVALID_FIELD",
       "journey_map.touchpoints[0].emotions[0].level"},
      {"NotPublished",
       {"throughline.v1.CustomerService/GetJourneyMapPositions",
        R"({"name": "workspaces/$W/journeyMaps/order/positions"})", "GET",
        "/v1/workspaces/$W/journeyMaps/order/positions", ""},
       "",
       absl::StatusCode::kFailedPrecondition,
       "JOURNEY_MAP_NOT_PUBLISHED"},
      {"TooManyFunnelSteps",
       {"throughline.v1.AnalysisService/QueryFunnel", R"({"parent": "workspaces/$W", "steps": [{}]})", "POST",
        "/v1/workspaces/$W:queryFunnel", R"({"steps": [{}]})"},
       "",
       kInvalid,
       "INVALID_FIELD",
       "steps[0]"},
      {"UnknownBreakdownField",
       {"throughline.v1.AnalysisService/QueryVolume",
        R"({"parent": "workspaces/$W", "breakdown": [{"field": "colour"}]})", "POST", "/v1/workspaces/$W:queryVolume",
        R"({"breakdown": [{"field": "colour"}]})"},
       "",
       kInvalid,
       "INVALID_FIELD",
       "breakdown[0].field"},
      {"FilterOverAnUnknownField",
       {"throughline.v1.AnalysisService/QueryValues",
        R"({"parent": "workspaces/$W", "field": "channel", "filter": "colour = 3"})", "POST",
        "/v1/workspaces/$W:queryValues", R"({"field": "channel", "filter": "colour = 3"})"},
       "",
       kInvalid,
       "INVALID_FILTER",
       "filter"},
      {"WatermarkOfTheFuture",
       {"throughline.v1.AnalysisService/QueryTransitionGraph", R"({"parent": "workspaces/$W", "knownAt": "3"})", "POST",
        "/v1/workspaces/$W:queryTransitionGraph", R"({"knownAt": "3"})"},
       "",
       absl::StatusCode::kOutOfRange,
       "WATERMARK_OUT_OF_RANGE"},
  };
}

// Good and bad in turn: no score, no id, no time, a time that is not yet, an id that is taken.
constexpr char kEvents[] = R"([
  {"id": "v0", "source": "shop", "customerId": "c/1", "eventTime": "2025-01-02T00:00:00Z", "eventName": "placed"},
  {"id": "v1", "source": "shop", "customerId": "c/1", "eventTime": "2025-01-02T00:00:00Z", "eventName": "rated",
   "surveyResponse": {"score": "NaN"}},
  {"id": "v\u0001", "source": "shop", "customerId": "c/1", "eventTime": "2025-01-02T00:00:00Z", "eventName": "placed"},
  {"id": "v3", "source": "shop", "customerId": "c/1", "eventTime": "0001-01-01T00:00:00Z", "eventName": "placed"},
  {"id": "v4", "source": "shop", "customerId": "c/1", "eventTime": "9999-12-31T23:59:59Z", "eventName": "placed"},
  {"id": "e1", "source": "shop", "customerId": "c/1", "eventTime": "2025-01-02T00:00:00Z", "eventName": "other"},
  {"id": "v6", "source": "shop", "customerId": "c/1", "eventTime": "2025-01-02T00:00:00Z", "eventName": "paid",
   "surveyResponse": {"score": -0.0}}])";

class TransportsTest : public ::testing::TestWithParam<std::tuple<size_t, Case>> {
 protected:
  void SetUp() override {
    const std::string why_not = transport().unavailable();
    if (!why_not.empty()) {
      // Where Go is, the set-up script installs grpcurl, so its absence is a mistake there.
      const bool has_go = std::system("command -v go >/dev/null 2>&1") == 0;
      if (std::getenv("CI") != nullptr && has_go) {
        GTEST_FAIL() << why_not;
      }
      GTEST_SKIP() << why_not;
    }
    static int count = 0;
    workspace_ = absl::StrCat("w", ++count);
    Make("WorkspaceService/CreateWorkspace", R"({"workspaceId": "$W", "workspace": {"displayName": "Test"}})");
    std::unique_ptr<Message> persona =
        Make("PersonaService/CreatePersona",
             R"({"parent": "workspaces/$W", "personaId": "anna", "persona": {"displayName": "Anna"}})");
    const auto* etag = persona->GetDescriptor()->FindFieldByName("etag");
    etag_ = persona->GetReflection()->GetString(*persona, etag);
    Make("JourneyMapService/CreateJourneyMap", R"({"parent": "workspaces/$W", "journeyMapId": "order", "journeyMap":
         {"displayName": "Order", "phases": [{"id": "buy", "displayName": "Buy"}], "touchpoints": [
          {"id": "pay", "phase": "buy", "displayName": "Pay", "eventBinding": {"eventNames": ["paid"]}}]}})");
    Make("EventService/RecordEvents", R"({"parent": "workspaces/$W", "events": [
         {"id": "e1", "source": "shop", "customerId": "c/1", "eventTime": "2025-01-01T00:00:00Z", "eventName": "placed"},
         {"id": "e2", "source": "shop", "customerId": "c/1", "eventTime": "2025-01-01T00:01:00Z", "eventName": "paid"}
         ]})");
  }
  Transport& transport() const { return *Transports()[std::get<0>(GetParam())]; }
  std::string Fill(const std::string& text) {
    // Long, or made by a call: only where they are asked for. Inputs of grpcurl fit into a pipe, so that the filter has
    // the shortest terms.
    std::string filled = text;
    const auto fill = [&](const char* mark, auto&& value) {
      if (absl::StrContains(filled, mark)) filled = absl::StrReplaceAll(filled, {{mark, value()}});
    };
    fill("$V", [] { return std::string(kEvents); });
    fill("$M", [] { return RepeatedText("displayName", ",", 101); });
    fill("$P", [] { return RepeatedText("\"display_name\"", ",", 101); });
    fill("$F", [] { return RepeatedText("a=1", " ", 10'000); });
    fill("$B", [] { return std::string(1000, '('); });
    fill("$T", [this] { return TokenOfPersonas(); });
    return absl::StrReplaceAll(filled, {{"$W", workspace_}, {"$E", etag_}});
  }
  static std::string RepeatedText(const std::string& text, const char* separator, size_t count) {
    return absl::StrJoin(std::vector<std::string>(count, text), separator);
  }
  std::string TokenOfPersonas() {
    Make("PersonaService/CreatePersona", R"({"parent": "workspaces/$W", "persona": {"displayName": "B"}})");
    const std::unique_ptr<Message> page =
        Make("PersonaService/ListPersonas", R"({"parent": "workspaces/$W", "pageSize": 1})");
    const std::string token =
        page->GetReflection()->GetString(*page, page->GetDescriptor()->FindFieldByName("next_page_token"));
    EXPECT_NE(token, "");
    return token;
  }
  // One call through the plain gRPC client, for what the case needs.
  std::unique_ptr<Message> Make(const std::string& method, const std::string& json) {
    const std::string full = "throughline.v1." + method;
    std::unique_ptr<Message> response = NewResponse(full);
    EXPECT_OK(Transports()[0]->Call({full, Fill(json), "", "", "", ""}, *response));
    return response;
  }

  std::string workspace_;
  std::string etag_;
};

// Whether every field that `expected` sets is the same in `actual`; lists element by element.
bool Includes(const Message& expected, const Message& actual) {
  const auto& reflection = *expected.GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(expected, &fields);
  for (const auto* field : fields) {
    if (field->is_repeated() && field->message_type() != nullptr) {
      const int size = reflection.FieldSize(expected, field);
      if (size != reflection.FieldSize(actual, field)) return false;
      for (int i = 0; i < size; ++i) {
        if (!Includes(reflection.GetRepeatedMessage(expected, field, i),
                      reflection.GetRepeatedMessage(actual, field, i))) {
          return false;
        }
      }
    } else if (field->message_type() != nullptr) {
      if (!Includes(reflection.GetMessage(expected, field), reflection.GetMessage(actual, field))) return false;
    } else {
      google::protobuf::util::MessageDifferencer differencer;
      if (!differencer.CompareWithFields(expected, actual, {field}, {field})) return false;
    }
  }
  return true;
}

TEST_P(TransportsTest, Case_HasTheSameAnswerEverywhere) {
  const Case& one = std::get<1>(GetParam());
  Request request = one.request;
  for (std::string* text : {&request.json, &request.path, &request.body, &request.grpcurl_json}) *text = Fill(*text);
  std::unique_ptr<Message> response = NewResponse(request.method);
  const absl::Status status = transport().Call(request, *response);
  if (one.code != absl::StatusCode::kOk) {
    EXPECT_THAT(status, StatusIs(one.code, HasReason(one.reason)));
    if (*one.field != '\0') {
      EXPECT_THAT(status, HasFieldViolation(one.field));
    }
    return;
  }
  ASSERT_OK(status);
  std::unique_ptr<Message> expected = NewResponse(request.method);
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(Fill(one.expected), expected.get()).ok());
  EXPECT_TRUE(Includes(*expected, *response)) << "expected\n"
                                              << expected->DebugString() << "in\n"
                                              << response->DebugString();
}

std::string CaseName(const ::testing::TestParamInfo<std::tuple<size_t, Case>>& info) {
  constexpr const char* kTransports[] = {"grpc", "grpcurl", "http"};
  return absl::StrCat(std::get<1>(info.param).name, "_", kTransports[std::get<0>(info.param)]);
}

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

INSTANTIATE_TEST_SUITE_P(Answers, TransportsTest,
                         ::testing::Combine(::testing::Values(0u, 1u, 2u), ::testing::ValuesIn(Answers())), CaseName);
INSTANTIATE_TEST_SUITE_P(Errors, TransportsTest,
                         ::testing::Combine(::testing::Values(0u, 1u, 2u), ::testing::ValuesIn(Errors())), CaseName);

// Over what takes any size: the client and HTTP.
TEST(BigInputTest, TenMegabyteText_IsRefusedInWords_AndTheServerGoesOn) {
  const std::string text(10'000'000, 'x');
  for (const size_t i : {size_t{0}, size_t{2}}) {
    Transport& transport = *Transports()[i];
    const std::string workspace = absl::StrCat("big-", transport.name());
    std::unique_ptr<Message> response = NewResponse("throughline.v1.WorkspaceService/CreateWorkspace");
    const absl::Status status = transport.Call(
        {"throughline.v1.WorkspaceService/CreateWorkspace",
         absl::StrCat("{\"workspaceId\": \"", workspace, "\", \"workspace\": {\"displayName\": \"", text, "\"}}"),
         "POST", absl::StrCat("/v1/workspaces?workspaceId=", workspace),
         absl::StrCat("{\"displayName\": \"", text, "\"}")},
        *response);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, HasReason("LIMIT_EXCEEDED"))) << workspace;
    EXPECT_OK(
        transport.Call({"throughline.v1.WorkspaceService/CreateWorkspace",
                        absl::StrCat("{\"workspaceId\": \"", workspace, "\", \"workspace\": {\"displayName\": \"B\"}}"),
                        "POST", absl::StrCat("/v1/workspaces?workspaceId=", workspace), R"({"displayName": "B"})"},
                       *response))
        << workspace;
  }
}

// ---- What only grpcurl shows ----------------------------------------------------------------------------------------

class GrpcurlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string why_not = Transports()[1]->unavailable();
    if (why_not.empty()) return;
    const bool has_go = std::system("command -v go >/dev/null 2>&1") == 0;
    if (std::getenv("CI") != nullptr && has_go) {
      GTEST_FAIL() << why_not;
    }
    GTEST_SKIP() << why_not;
  }
  // Runs grpcurl against the server; the words come after the address.
  ProgramResult Run(const std::vector<std::string>& words, const std::vector<std::string>& flags = {}) {
    std::vector<std::string> arguments = {FindGrpcurl(), "-plaintext"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    arguments.push_back(ServerUnderTest::Get().grpc_address());
    arguments.insert(arguments.end(), words.begin(), words.end());
    return RunProgram(arguments);
  }
};

TEST_F(GrpcurlTest, List_NamesEveryService) {
  const ProgramResult result = Run({"list"});
  EXPECT_EQ(result.exit_code, 0) << result.error;
  EXPECT_EQ(result.out,
            "grpc.health.v1.Health\n"
            "grpc.reflection.v1.ServerReflection\n"
            "grpc.reflection.v1alpha.ServerReflection\n"
            "throughline.v1.AnalysisService\n"
            "throughline.v1.CustomerService\n"
            "throughline.v1.EventService\n"
            "throughline.v1.JourneyMapService\n"
            "throughline.v1.MetricService\n"
            "throughline.v1.PersonaService\n"
            "throughline.v1.SegmentService\n"
            "throughline.v1.WorkspaceService\n");
}

TEST_F(GrpcurlTest, Describe_KnowsServicesMessagesAndOptions) {
  for (const char* symbol : {"throughline.v1.JourneyMapService", "throughline.v1.JourneyMap", "grpc.health.v1.Health",
                             "throughline.v1.EventService.StreamEvents", "google.rpc.Status"}) {
    const ProgramResult result = Run({"describe", symbol});
    EXPECT_EQ(result.exit_code, 0) << symbol << ": " << result.error;
    EXPECT_THAT(result.out, HasSubstr(symbol));
  }
  EXPECT_THAT(Run({"describe", "throughline.v1.JourneyMapService.GetJourneyMap"}).out,
              HasSubstr("get: \"/v1/{name=workspaces/*/journeyMaps/*}\""));
}

TEST_F(GrpcurlTest, Reflection_AnswersInBothVersions) {
  for (const char* version : {"v1", "v1alpha"}) {
    const ProgramResult result =
        Run({absl::StrCat("grpc.reflection.", version, ".ServerReflection/ServerReflectionInfo")},
            {"-d", R"({"list_services": ""})"});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    EXPECT_THAT(result.out, HasSubstr("throughline.v1.JourneyMapService"));
  }
}

TEST_F(GrpcurlTest, Health_IsServing) {
  const ProgramResult result = Run({"grpc.health.v1.Health/Check"});
  EXPECT_THAT(result.out, HasSubstr("SERVING"));
}

TEST_F(GrpcurlTest, ErrorDetails_ArePrinted) {
  const ProgramResult result = Run({"throughline.v1.PersonaService/GetPersona"}, {"-d", R"({"name": "anna"})"});
  EXPECT_NE(result.exit_code, 0);
  for (const char* words : {"InvalidArgument", "google.rpc.ErrorInfo", "INVALID_RESOURCE_NAME", "google.rpc.BadRequest",
                            "workspaces/{workspace}/personas/{persona}"}) {
    EXPECT_THAT(result.error, HasSubstr(words));
  }
}

TEST_F(GrpcurlTest, Stream_IsAcknowledged) {
  std::unique_ptr<Message> response = NewResponse("throughline.v1.WorkspaceService/CreateWorkspace");
  ASSERT_OK(Transports()[0]->Call({"throughline.v1.WorkspaceService/CreateWorkspace",
                                   R"({"workspaceId": "stream", "workspace": {"displayName": "S"}})", "", "", ""},
                                  *response));
  const ProgramResult result =
      Run({"throughline.v1.EventService/StreamEvents"},
          {"-d", R"({"parent": "workspaces/stream", "batch_id": 1, "events": [{"id": "e1", "source": "shop",
                 "customer_id": "c1", "event_time": "2026-01-01T10:00:00Z", "event_name": "order_placed"}]}
                {"batch_id": 2, "events": [{"id": "e1", "source": "shop",
                 "customer_id": "c1", "event_time": "2026-01-01T10:00:00Z", "event_name": "order_placed"}]})"});
  EXPECT_EQ(result.exit_code, 0) << result.error;
  EXPECT_THAT(result.out, HasSubstr("\"recorded_count\": 1"));
  EXPECT_THAT(result.out, HasSubstr("\"duplicate_count\": 1"));
}

// ---- The program itself ---------------------------------------------------------------------------------------------

TEST(Program, DataDirectoryInUse_ExitsWithWords) {
  const std::string command = ThroughlinedBinary();
  ServerUnderTest& server = ServerUnderTest::Get();
  const ProgramResult result =
      RunProgram({command, "--data-dir", server.data_directory(), "--grpc-address", "127.0.0.1:0", "--http-address="});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error, HasSubstr("DATA_DIRECTORY_IN_USE"));
  EXPECT_THAT(result.error, HasSubstr(server.data_directory()));
}

TEST(Program, AddressInUse_ExitsWithWords) {
  const TempDir directory;
  const ProgramResult result = RunProgram({ThroughlinedBinary(), "--data-dir", directory / "data", "--grpc-address",
                                           ServerUnderTest::Get().grpc_address(), "--http-address="});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error, HasSubstr(ServerUnderTest::Get().grpc_address()));
}

TEST(Program, DamagedCatalog_ExitsWithWordsAndTouchesNothing) {
  const TempDir directory;
  WriteFile(directory / "data/catalog.db", "this is no database, and never was one");
  const ProgramResult result = RunProgram(
      {ThroughlinedBinary(), "--data-dir", directory / "data", "--grpc-address", "127.0.0.1:0", "--http-address="});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.error, HasSubstr("catalog"));
  EXPECT_EQ(ReadFile(directory / "data/catalog.db"), "this is no database, and never was one");
}

TEST(Program, WrongFlags_ExitWithTwo) {
  EXPECT_EQ(RunProgram({ThroughlinedBinary()}).exit_code, 2);
  const ProgramResult result = RunProgram({ThroughlinedBinary(), "--data-dir=x", "--tea"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.error, HasSubstr("--tea"));
}

TEST(Program, Help_ListsTheFlags) {
  const ProgramResult result = RunProgram({ThroughlinedBinary(), "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("--data-dir"));
}

}  // namespace
}  // namespace throughline::testing
