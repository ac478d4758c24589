// The standard methods through a real server and stubs: the rules hold for every resource, shown on personas, which
// have nothing special; then what each resource adds.
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/integration/api/api_fixture.h"

namespace throughline::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Matches;
using ::testing::SizeIs;

using Personas = v1::PersonaService::Stub;

class StandardMethodsTest : public ApiFixture {
 protected:
  absl::StatusOr<v1::Persona> Create(const std::string& id, const std::string& persona = "display_name: 'Anna'") {
    auto request = ParseProto<v1::CreatePersonaRequest>(R"pb(parent: "workspaces/w")pb");
    request.set_persona_id(id);
    *request.mutable_persona() = ParseProto<v1::Persona>(persona);
    return Call(personas_, &Personas::CreatePersona, request);
  }
  absl::StatusOr<v1::Persona> Get(const std::string& name) {
    v1::GetPersonaRequest request;
    request.set_name(name);
    return Call(personas_, &Personas::GetPersona, request);
  }
  absl::StatusOr<v1::Persona> Update(const std::string& text) {
    return Call(personas_, &Personas::UpdatePersona, ParseProto<v1::UpdatePersonaRequest>(text));
  }
  absl::StatusOr<v1::Persona> Delete(const std::string& name, const std::string& etag = "") {
    v1::DeletePersonaRequest request;
    request.set_name(name);
    request.set_etag(etag);
    return Call(personas_, &Personas::DeletePersona, request);
  }
  absl::StatusOr<v1::Persona> Undelete(const std::string& name) {
    v1::UndeletePersonaRequest request;
    request.set_name(name);
    return Call(personas_, &Personas::UndeletePersona, request);
  }
  absl::StatusOr<v1::ListPersonasResponse> List(const std::string& text) {
    return Call(personas_, &Personas::ListPersonas, ParseProto<v1::ListPersonasRequest>(text));
  }
  static std::vector<std::string> Ids(const v1::ListPersonasResponse& response) {
    std::vector<std::string> ids;
    for (const v1::Persona& persona : response.personas()) ids.push_back(persona.name().substr(22));
    return ids;
  }
};

TEST_F(StandardMethodsTest, Create_ShowsWhatGetShows) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona created, Create("anna", R"pb(display_name: "Anna" goals: "Buy fast")pb"));
  EXPECT_EQ(created.name(), "workspaces/w/personas/anna");
  EXPECT_EQ(created.goals(0), "Buy fast");
  EXPECT_NE(created.etag(), "");
  EXPECT_EQ(created.create_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(created.update_time().seconds(), absl::ToUnixSeconds(clock_.Now()));
  EXPECT_FALSE(created.has_delete_time());
  EXPECT_THAT(Get(created.name()), IsOkAndHolds(EqualsProto(created)));
}

TEST_F(StandardMethodsTest, Create_WithoutId_ChoosesOne) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona one, Create(""));
  ASSERT_OK_AND_ASSIGN(const v1::Persona two, Create(""));
  EXPECT_NE(one.name(), two.name());
  EXPECT_OK(Get(one.name()));
}

TEST_F(StandardMethodsTest, Create_IgnoresNameAndOutputOnlyFields) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona created, Create("anna", R"pb(name: "workspaces/x/personas/y"
                                                                      etag: "77"
                                                                      display_name: "A"
                                                                      create_time { seconds: 1 }
                                                                      delete_time { seconds: 1 })pb"));
  EXPECT_EQ(created.name(), "workspaces/w/personas/anna");
  EXPECT_FALSE(created.has_delete_time());
  EXPECT_NE(created.create_time().seconds(), 1);
}

TEST_F(StandardMethodsTest, Create_DuplicateId_IsAlreadyExists) {
  ASSERT_OK(Create("anna"));
  EXPECT_THAT(Create("anna"), StatusIs(absl::StatusCode::kAlreadyExists, HasReason("RESOURCE_ALREADY_EXISTS")));
}

TEST_F(StandardMethodsTest, Create_IdOfADeletedOne_IsAlreadyExists) {
  ASSERT_OK(Create("anna"));
  ASSERT_OK(Delete("workspaces/w/personas/anna"));
  EXPECT_THAT(Create("anna"), StatusIs(absl::StatusCode::kAlreadyExists, HasReason("RESOURCE_ALREADY_EXISTS")));
}

TEST_F(StandardMethodsTest, Create_BadId_IsInvalidArgument) {
  for (const std::string& id : {std::string("Anna"), std::string("-a"), std::string("a-"), std::string("a b"),
                                std::string("a/b"), std::string(64, 'a'), std::string("1a")}) {
    EXPECT_THAT(Create(id), AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_RESOURCE_ID")),
                                  HasFieldViolation("persona_id")))
        << id;
  }
}

TEST_F(StandardMethodsTest, Create_InAnAbsentWorkspace_IsNotFound) {
  EXPECT_THAT(Call(personas_, &Personas::CreatePersona,
                   ParseProto<v1::CreatePersonaRequest>(R"pb(parent: "workspaces/x"
                                                             persona { display_name: "A" })pb")),
              StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
}

TEST_F(StandardMethodsTest, Create_InvalidResource_NamesEveryField) {
  EXPECT_THAT(Create("anna", R"pb(goals: "" segment: "nonsense")pb"),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("persona.display_name"),
                    HasFieldViolation("persona.goals[0]"), HasFieldViolation("persona.segment")));
}

TEST_F(StandardMethodsTest, Create_AbsentReference_IsFailedPrecondition) {
  EXPECT_THAT(Create("anna", R"pb(display_name: "A" segment: "workspaces/w/segments/none")pb"),
              AllOf(StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("REFERENCE_NOT_FOUND")),
                    HasFieldViolation("persona.segment")));
}

TEST_F(StandardMethodsTest, Get_Absent_IsNotFound) {
  EXPECT_THAT(Get("workspaces/w/personas/none"),
              StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
}

TEST_F(StandardMethodsTest, Get_BadName_IsInvalidArgument) {
  for (const char* name : {"workspaces/w/persona/anna", "anna", "workspaces/w/personas/", "workspaces/w/personas/a/b",
                           "workspaces/W/personas/a", "workspaces//personas/a", "/workspaces/w/personas/a"}) {
    EXPECT_THAT(Get(name), AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_RESOURCE_NAME")),
                                 HasFieldViolation("name")))
        << name;
  }
  EXPECT_THAT(Get(""), AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("name")));
}

TEST_F(StandardMethodsTest, Update_MakesANewEtagAndTime) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona created, Create("anna"));
  clock_.Advance(absl::Seconds(5));
  ASSERT_OK_AND_ASSIGN(const v1::Persona updated,
                       Update(R"pb(persona { name: "workspaces/w/personas/anna" display_name: "Ben" })pb"));
  EXPECT_EQ(updated.display_name(), "Ben");
  EXPECT_NE(updated.etag(), created.etag());
  EXPECT_EQ(updated.create_time().seconds(), created.create_time().seconds());
  EXPECT_EQ(updated.update_time().seconds(), created.update_time().seconds() + 5);
  EXPECT_THAT(Get(created.name()), IsOkAndHolds(EqualsProto(updated)));
}

TEST_F(StandardMethodsTest, Update_ThatChangesNothing_KeepsTheEtag) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona created, Create("anna"));
  EXPECT_THAT(Update(R"pb(persona { name: "workspaces/w/personas/anna" display_name: "Anna" })pb"),
              IsOkAndHolds(EqualsProto(created)));
}

TEST_F(StandardMethodsTest, Update_CurrentEtag_IsAccepted) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona created, Create("anna"));
  EXPECT_OK(Update(
      absl::StrCat("persona { name: 'workspaces/w/personas/anna' display_name: 'B' etag: '", created.etag(), "' }")));
}

TEST_F(StandardMethodsTest, Update_StaleEtag_IsAborted) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona created, Create("anna"));
  ASSERT_OK(Update(R"pb(persona { name: "workspaces/w/personas/anna" display_name: "Ben" })pb"));
  EXPECT_THAT(Update(absl::StrCat("persona { name: 'workspaces/w/personas/anna' display_name: 'C' etag: '",
                                  created.etag(), "' }")),
              StatusIs(absl::StatusCode::kAborted, HasReason("STALE_ETAG")));
  ASSERT_OK_AND_ASSIGN(const v1::Persona now, Get(created.name()));
  EXPECT_EQ(now.display_name(), "Ben");
}

TEST_F(StandardMethodsTest, Update_BadMask_IsInvalidArgumentAndChangesNothing) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona created, Create("anna"));
  EXPECT_THAT(Update(R"pb(persona { name: "workspaces/w/personas/anna" display_name: "B" }
                          update_mask { paths: "display_name" paths: "age" })pb"),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason("INVALID_FIELD_MASK")),
                    HasFieldViolation("update_mask")));
  EXPECT_THAT(Get(created.name()), IsOkAndHolds(EqualsProto(created)));
}

TEST_F(StandardMethodsTest, Update_ClearingARequiredField_IsInvalidArgument) {
  ASSERT_OK(Create("anna"));
  EXPECT_THAT(Update(R"pb(persona { name: "workspaces/w/personas/anna" }
                          update_mask { paths: "display_name" })pb"),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("persona.display_name")));
}

TEST_F(StandardMethodsTest, Update_Absent_IsNotFound) {
  EXPECT_THAT(Update(R"pb(persona { name: "workspaces/w/personas/none" display_name: "B" })pb"),
              StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
}

TEST_F(StandardMethodsTest, Update_BadName_NamesTheNestedField) {
  EXPECT_THAT(Update(R"pb(persona { name: "anna" display_name: "B" })pb"),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("persona.name")));
}

TEST_F(StandardMethodsTest, Delete_IsSoft) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona created, Create("anna"));
  ASSERT_OK_AND_ASSIGN(const v1::Persona deleted, Delete(created.name(), created.etag()));
  EXPECT_TRUE(deleted.has_delete_time());
  EXPECT_THAT(Get(created.name()), IsOkAndHolds(EqualsProto(deleted)));
  EXPECT_THAT(List(R"pb(parent: "workspaces/w")pb")->personas(), SizeIs(0));
  EXPECT_THAT(List(R"pb(parent: "workspaces/w" show_deleted: true)pb")->personas(), SizeIs(1));
  EXPECT_THAT(Update(R"pb(persona { name: "workspaces/w/personas/anna" display_name: "B" })pb"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("RESOURCE_DELETED")));
  EXPECT_THAT(Delete(created.name()), StatusIs(absl::StatusCode::kNotFound, HasReason("RESOURCE_NOT_FOUND")));
}

TEST_F(StandardMethodsTest, Delete_StaleEtag_IsAborted) {
  ASSERT_OK(Create("anna"));
  EXPECT_THAT(Delete("workspaces/w/personas/anna", "1"), StatusIs(absl::StatusCode::kAborted, HasReason("STALE_ETAG")));
}

TEST_F(StandardMethodsTest, Undelete_BringsItBackAsItWas) {
  ASSERT_OK_AND_ASSIGN(const v1::Persona created, Create("anna"));
  EXPECT_THAT(Undelete(created.name()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("RESOURCE_NOT_DELETED")));
  ASSERT_OK(Delete(created.name()));
  ASSERT_OK_AND_ASSIGN(v1::Persona back, Undelete(created.name()));
  EXPECT_FALSE(back.has_delete_time());
  EXPECT_NE(back.etag(), created.etag());
  EXPECT_THAT(Get(created.name()), IsOkAndHolds(EqualsProto(back)));
  back.set_etag(created.etag());
  *back.mutable_update_time() = created.update_time();
  EXPECT_THAT(back, EqualsProto(created));
  EXPECT_THAT(Undelete("workspaces/w/personas/none"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(StandardMethodsTest, DeletedWorkspace_CanBeReadBelowButNotWritten) {
  ASSERT_OK(Create("anna"));
  v1::DeleteWorkspaceRequest request;
  request.set_name("workspaces/w");
  ASSERT_OK(Call(workspaces_, &v1::WorkspaceService::Stub::DeleteWorkspace, request));
  EXPECT_OK(Get("workspaces/w/personas/anna"));
  EXPECT_THAT(List(R"pb(parent: "workspaces/w")pb")->personas(), SizeIs(1));
  const auto is_deleted = StatusIs(absl::StatusCode::kFailedPrecondition, HasReason("RESOURCE_DELETED"));
  EXPECT_THAT(Create("ben"), is_deleted);
  EXPECT_THAT(Update(R"pb(persona { name: "workspaces/w/personas/anna" display_name: "B" })pb"), is_deleted);
  EXPECT_THAT(Delete("workspaces/w/personas/anna"), is_deleted);
}

// ---- Lists ----------------------------------------------------------------------------------------------------------

TEST_F(StandardMethodsTest, List_PagesInTheOrderOfNames) {
  for (const char* id : {"e", "b", "d", "a", "c"}) ASSERT_OK(Create(id));
  ASSERT_OK_AND_ASSIGN(const auto first, List(R"pb(parent: "workspaces/w" page_size: 2)pb"));
  EXPECT_THAT(Ids(first), ElementsAre("a", "b"));
  ASSERT_OK_AND_ASSIGN(const auto second, List(absl::StrCat("parent: 'workspaces/w' page_size: 2 page_token: '",
                                                            first.next_page_token(), "'")));
  EXPECT_THAT(Ids(second), ElementsAre("c", "d"));
  ASSERT_OK_AND_ASSIGN(const auto third, List(absl::StrCat("parent: 'workspaces/w' page_size: 2 page_token: '",
                                                           second.next_page_token(), "'")));
  EXPECT_THAT(Ids(third), ElementsAre("e"));
  EXPECT_EQ(third.next_page_token(), "");
}

TEST_F(StandardMethodsTest, List_ExactlyOnePage_HasNoNext) {
  for (const char* id : {"a", "b"}) ASSERT_OK(Create(id));
  ASSERT_OK_AND_ASSIGN(const auto page, List(R"pb(parent: "workspaces/w" page_size: 2)pb"));
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(StandardMethodsTest, List_AcrossPages_IsOneState) {
  for (const char* id : {"a", "c", "e"}) ASSERT_OK(Create(id));
  ASSERT_OK_AND_ASSIGN(const auto first, List(R"pb(parent: "workspaces/w" page_size: 1)pb"));
  ASSERT_OK(Create("d"));
  ASSERT_OK(Delete("workspaces/w/personas/e"));
  ASSERT_OK(Update(R"pb(persona { name: "workspaces/w/personas/c" display_name: "Changed" })pb"));
  ASSERT_OK_AND_ASSIGN(const auto rest, List(absl::StrCat("parent: 'workspaces/w' page_size: 10 page_token: '",
                                                          first.next_page_token(), "'")));
  EXPECT_THAT(Ids(rest), ElementsAre("c", "e"));
  EXPECT_EQ(rest.personas(0).display_name(), "Anna");
}

TEST_F(StandardMethodsTest, List_MoreThanOneChunk_IsComplete) {
  std::set<std::string> expected;
  for (int i = 0; i < 100; ++i) {
    ASSERT_OK(Create(absl::StrCat("p", i)));
    expected.insert(absl::StrCat("p", i));
  }
  ASSERT_OK_AND_ASSIGN(const auto page, List(R"pb(parent: "workspaces/w" page_size: 5000)pb"));
  const std::vector<std::string> ids = Ids(page);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()), expected);
  EXPECT_EQ(page.next_page_token(), "");
  ASSERT_OK_AND_ASSIGN(const auto default_page, List(R"pb(parent: "workspaces/w")pb"));
  EXPECT_THAT(default_page.personas(), SizeIs(limits::kPageSizeDefault));
}

TEST_F(StandardMethodsTest, List_LargeDocuments_EndsThePageBeforeTheMessageLimit) {
  std::string texts;
  for (int i = 0; i < 50; ++i)
    absl::StrAppend(&texts, "goals: '", std::string(1000, 'g'), "' frustrations: '", std::string(1000, 'f'), "' ");
  for (int i = 0; i < 30; ++i) ASSERT_OK(Create(absl::StrCat("p", i), absl::StrCat("display_name: 'L' ", texts)));
  std::string token;
  int count = 0;
  int pages = 0;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page,
                         List(absl::StrCat("parent: 'workspaces/w' page_size: 100 page_token: '", token, "'")));
    EXPECT_LT(page.ByteSizeLong(), 4u << 20);
    count += page.personas_size();
    token = page.next_page_token();
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(count, 30);
  EXPECT_GT(pages, 1);
}

TEST_F(StandardMethodsTest, List_Filter_FindsAcrossPages) {
  for (int i = 0; i < 40; ++i) {
    ASSERT_OK(Create(absl::StrCat("p", 10 + i), i % 20 == 0 ? "display_name: 'Rare'" : "display_name: 'Common'"));
  }
  ASSERT_OK_AND_ASSIGN(const auto page, List(R"pb(parent: "workspaces/w" filter: "display_name = \"Rare\"")pb"));
  EXPECT_THAT(Ids(page), ElementsAre("p10", "p30"));
}

TEST_F(StandardMethodsTest, List_BadArguments_AreInvalidArgument) {
  ASSERT_OK(Create("a"));
  ASSERT_OK(Create("b"));
  const auto invalid = [](const char* reason, const char* field) {
    return AllOf(StatusIs(absl::StatusCode::kInvalidArgument, HasReason(reason)), HasFieldViolation(field));
  };
  EXPECT_THAT(List(R"pb(parent: "workspaces/w" page_size: -1)pb"), invalid("INVALID_FIELD", "page_size"));
  EXPECT_THAT(List(R"pb(parent: "workspaces/w" page_token: "abc")pb"), invalid("INVALID_PAGE_TOKEN", "page_token"));
  EXPECT_THAT(List(R"pb(parent: "workspaces/w" filter: "age > 3")pb"), invalid("INVALID_FILTER", "filter"));
  EXPECT_THAT(List(R"pb(parent: "nowhere")pb"), invalid("INVALID_RESOURCE_NAME", "parent"));
  EXPECT_THAT(List(R"pb(parent: "workspaces/none")pb"), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const auto page, List(R"pb(parent: "workspaces/w" page_size: 1)pb"));
  EXPECT_THAT(
      List(absl::StrCat("parent: 'workspaces/w' show_deleted: true page_token: '", page.next_page_token(), "'")),
      invalid("INVALID_PAGE_TOKEN", "page_token"));
}

// ---- What the others add --------------------------------------------------------------------------------------------

using Workspaces = v1::WorkspaceService::Stub;

TEST_F(StandardMethodsTest, Workspace_HasADefaultTimeZoneAndRefusesOthersThanIana) {
  v1::GetWorkspaceRequest get;
  get.set_name("workspaces/w");
  ASSERT_OK_AND_ASSIGN(const v1::Workspace workspace, Call(workspaces_, &Workspaces::GetWorkspace, get));
  EXPECT_EQ(workspace.time_zone(), "UTC");
  for (const char* zone : {"Mars/Base", "/etc/passwd", "../zone", "localtime", "Europe/Berlin ", "+01:00"}) {
    v1::CreateWorkspaceRequest create;
    create.mutable_workspace()->set_display_name("W");
    create.mutable_workspace()->set_time_zone(zone);
    EXPECT_THAT(Call(workspaces_, &Workspaces::CreateWorkspace, create),
                AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("workspace.time_zone")))
        << zone;
  }
}

TEST_F(StandardMethodsTest, Workspaces_AreListedWithoutAParent) {
  ASSERT_OK_AND_ASSIGN(const auto page, Call(workspaces_, &Workspaces::ListWorkspaces, v1::ListWorkspacesRequest()));
  ASSERT_THAT(page.workspaces(), SizeIs(1));
  EXPECT_EQ(page.workspaces(0).name(), "workspaces/w");
}

TEST_F(StandardMethodsTest, Department_BadColor_IsInvalidArgument) {
  for (const char* color : {"red", "#12345", "#12345g", "123456#"}) {
    auto request = ParseProto<v1::CreateDepartmentRequest>(R"pb(parent: "workspaces/w"
                                                                department { display_name: "Sales" })pb");
    request.mutable_department()->set_color(color);
    EXPECT_THAT(Call(workspaces_, &Workspaces::CreateDepartment, request),
                AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("department.color")))
        << color;
  }
}

class LifecycleStageTest : public StandardMethodsTest {
 protected:
  absl::StatusOr<v1::LifecycleStage> CreateStage(const std::string& id, const std::string& stage) {
    auto request = ParseProto<v1::CreateLifecycleStageRequest>(R"pb(parent: "workspaces/w")pb");
    request.set_lifecycle_stage_id(id);
    *request.mutable_lifecycle_stage() = ParseProto<v1::LifecycleStage>(stage);
    return Call(workspaces_, &Workspaces::CreateLifecycleStage, request);
  }
};

TEST_F(LifecycleStageTest, Position_IsUniqueAmongTheLiving) {
  ASSERT_OK(CreateStage("one", "display_name: 'One' position: 10"));
  EXPECT_THAT(CreateStage("two", "display_name: 'Two' position: 10"),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("lifecycle_stage.position")));
  v1::DeleteLifecycleStageRequest remove;
  remove.set_name("workspaces/w/lifecycleStages/one");
  ASSERT_OK(Call(workspaces_, &Workspaces::DeleteLifecycleStage, remove));
  ASSERT_OK(CreateStage("two", "display_name: 'Two' position: 10"));
  v1::UndeleteLifecycleStageRequest undelete;
  undelete.set_name(remove.name());
  EXPECT_THAT(Call(workspaces_, &Workspaces::UndeleteLifecycleStage, undelete),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("lifecycle_stage.position")));
  // The failed undelete has left it deleted.
  v1::GetLifecycleStageRequest get;
  get.set_name(remove.name());
  EXPECT_TRUE(Call(workspaces_, &Workspaces::GetLifecycleStage, get)->has_delete_time());
}

TEST_F(LifecycleStageTest, Update_KeepsItsOwnPosition) {
  ASSERT_OK(CreateStage("one", "display_name: 'One' position: 10"));
  EXPECT_OK(Call(workspaces_, &Workspaces::UpdateLifecycleStage,
                 ParseProto<v1::UpdateLifecycleStageRequest>(
                     R"pb(lifecycle_stage { name: "workspaces/w/lifecycleStages/one" display_name: "New" })pb")));
}

TEST_F(LifecycleStageTest, BadFields_AreAllNamed) {
  EXPECT_THAT(CreateStage("one", R"pb(display_name: "One"
                                      position: 1001
                                      department: "sales"
                                      entry_rule { event_names: "" filter: "colour = 1" })pb"),
              AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("lifecycle_stage.position"),
                    HasFieldViolation("lifecycle_stage.department"),
                    HasFieldViolation("lifecycle_stage.entry_rule.event_names[0]"),
                    HasFieldViolation("lifecycle_stage.entry_rule.filter")));
}

TEST_F(StandardMethodsTest, Segment_BadOrMissingFilter_IsInvalidArgument) {
  for (const char* filter : {"", "event_count >", "colour = 1"}) {
    auto request = ParseProto<v1::CreateSegmentRequest>(R"pb(parent: "workspaces/w"
                                                             segment { display_name: "S" })pb");
    request.mutable_segment()->set_filter(filter);
    EXPECT_THAT(Call(segments_, &v1::SegmentService::Stub::CreateSegment, request),
                AllOf(StatusIs(absl::StatusCode::kInvalidArgument), HasFieldViolation("segment.filter")))
        << filter;
  }
}

}  // namespace
}  // namespace throughline::testing
