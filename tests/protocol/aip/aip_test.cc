// Rules of google.aip.dev for the API that buf does not know, checked on the descriptors with their comments.
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "google/api/annotations.pb.h"
#include "google/api/resource.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"

namespace throughline {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::MethodDescriptor;

class AipTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::ifstream file(testing::BuiltFile("proto/throughline.binpb"), std::ios::binary);
    google::protobuf::FileDescriptorSet set;
    ASSERT_TRUE(set.ParseFromIstream(&file)) << testing::BuiltFile("proto/throughline.binpb");
    pool_ = new google::protobuf::DescriptorPool();
    for (const auto& proto : set.file()) {
      const FileDescriptor* descriptor = pool_->BuildFile(proto);
      ASSERT_NE(descriptor, nullptr) << proto.name();
      if (descriptor->package() == "throughline.v1") files_.push_back(descriptor);
    }
    ASSERT_GT(files_.size(), 10u);
  }

  static std::vector<const MethodDescriptor*> Methods() {
    std::vector<const MethodDescriptor*> methods;
    for (const FileDescriptor* file : files_)
      for (int s = 0; s < file->service_count(); ++s)
        for (int m = 0; m < file->service(s)->method_count(); ++m) methods.push_back(file->service(s)->method(m));
    return methods;
  }

  static std::vector<const Descriptor*> Resources() {
    std::vector<const Descriptor*> resources;
    for (const FileDescriptor* file : files_)
      for (int i = 0; i < file->message_type_count(); ++i)
        if (file->message_type(i)->options().HasExtension(google::api::resource))
          resources.push_back(file->message_type(i));
    return resources;
  }

  static google::api::ResourceDescriptor Resource(const Descriptor* message) {
    return message->options().GetExtension(google::api::resource);
  }
  static google::api::HttpRule Http(const MethodDescriptor* method) {
    return method->options().GetExtension(google::api::http);
  }
  // The pattern of a resource as it stands in a path: "workspaces/*/journeyMaps/*".
  static std::string PathPattern(const Descriptor* resource) {
    std::vector<std::string> parts = absl::StrSplit(Resource(resource).pattern(0), '/');
    for (std::string& part : parts)
      if (absl::StartsWith(part, "{")) part = "*";
    std::string joined;
    for (const std::string& part : parts) absl::StrAppend(&joined, joined.empty() ? "" : "/", part);
    return joined;
  }
  static std::string SnakeCase(const std::string& camel) {
    std::string snake;
    for (char c : camel) {
      if (absl::ascii_isupper(c) && !snake.empty()) snake += '_';
      snake += absl::ascii_tolower(c);
    }
    return snake;
  }
  static bool IsString(const FieldDescriptor* field) {
    return field != nullptr && field->type() == FieldDescriptor::TYPE_STRING && !field->is_repeated();
  }

  static google::protobuf::DescriptorPool* pool_;
  static std::vector<const FileDescriptor*> files_;
};
google::protobuf::DescriptorPool* AipTest::pool_ = nullptr;
std::vector<const FileDescriptor*> AipTest::files_;

TEST_F(AipTest, EveryMethod_HasAnHttpRule_WhoseVariablesAreRequestFields) {
  for (const MethodDescriptor* method : Methods()) {
    SCOPED_TRACE(method->full_name());
    ASSERT_TRUE(method->options().HasExtension(google::api::http));
    const google::api::HttpRule rule = Http(method);
    const std::string path = absl::StrCat(rule.get(), rule.post(), rule.patch(), rule.delete_());
    EXPECT_TRUE(absl::StartsWith(path, "/v1/")) << path;
    EXPECT_NE(rule.pattern_case(), google::api::HttpRule::PATTERN_NOT_SET);
    const bool reads =
        rule.pattern_case() == google::api::HttpRule::kGet || rule.pattern_case() == google::api::HttpRule::kDelete;
    EXPECT_EQ(reads, rule.body().empty()) << "GET and DELETE carry no body, the others do";
    const size_t open = path.find('{');
    if (open == std::string::npos) continue;
    const std::string variable = path.substr(open + 1, path.find('=') - open - 1);
    const Descriptor* message = method->input_type();
    for (absl::string_view part : absl::StrSplit(variable, '.')) {
      ASSERT_NE(message, nullptr) << variable;
      const FieldDescriptor* field = message->FindFieldByName(std::string(part));
      ASSERT_NE(field, nullptr) << variable;
      message = field->message_type();
    }
  }
}

TEST_F(AipTest, EveryMethod_HasAGrpcurlLineThatNamesIt) {
  for (const MethodDescriptor* method : Methods()) {
    google::protobuf::SourceLocation location;
    ASSERT_TRUE(method->GetSourceLocation(&location)) << method->full_name();
    EXPECT_THAT(location.leading_comments, ::testing::HasSubstr("grpcurl -plaintext")) << method->full_name();
    EXPECT_THAT(location.leading_comments,
                ::testing::HasSubstr(absl::StrCat(method->service()->full_name(), "/", method->name())));
  }
}

TEST_F(AipTest, EveryResource_HasNameAndPatternOfItsType) {
  for (const Descriptor* resource : Resources()) {
    SCOPED_TRACE(resource->full_name());
    const google::api::ResourceDescriptor annotation = Resource(resource);
    EXPECT_EQ(annotation.type(), "throughline.dev/" + resource->name());
    ASSERT_EQ(annotation.pattern_size(), 1);
    const FieldDescriptor* name = resource->FindFieldByName("name");
    ASSERT_TRUE(IsString(name));
    EXPECT_EQ(name->number(), 1) << "AIP-122: name comes first";
    std::set<std::string> variables;
    for (absl::string_view part : absl::StrSplit(annotation.pattern(0), '/')) {
      if (absl::StartsWith(part, "{")) {
        EXPECT_TRUE(variables.insert(std::string(part)).second) << "variable twice: " << part;
      } else {
        EXPECT_TRUE(absl::ascii_islower(part[0])) << "AIP-122: collections are lowerCamelCase: " << part;
        EXPECT_THAT(std::string(part), ::testing::Not(::testing::HasSubstr("_")));
      }
    }
  }
}

TEST_F(AipTest, EveryMutableResource_HasEtagAndTimes) {
  std::set<const Descriptor*> mutable_resources;
  for (const MethodDescriptor* method : Methods())
    if (absl::StartsWith(method->name(), "Create")) mutable_resources.insert(method->output_type());
  ASSERT_GE(mutable_resources.size(), 8u);
  for (const Descriptor* resource : mutable_resources) {
    SCOPED_TRACE(resource->full_name());
    EXPECT_TRUE(resource->options().HasExtension(google::api::resource));
    EXPECT_TRUE(IsString(resource->FindFieldByName("etag")));
    for (const char* field : {"create_time", "update_time", "delete_time"}) {
      const FieldDescriptor* time = resource->FindFieldByName(field);
      ASSERT_NE(time, nullptr) << field;
      EXPECT_EQ(time->message_type()->full_name(), "google.protobuf.Timestamp");
    }
  }
}

TEST_F(AipTest, StandardMethods_HaveTheShapeOfAip131To164) {
  std::map<std::string, int> seen;
  for (const MethodDescriptor* method : Methods()) {
    const std::string& name = method->name();
    const Descriptor* request = method->input_type();
    const google::api::HttpRule rule = Http(method);
    for (const Descriptor* resource : Resources()) {
      SCOPED_TRACE(method->full_name());
      const std::string& type = resource->name();
      const std::string pattern = PathPattern(resource);
      if (name == "Get" + type) {
        ++seen["Get"];
        EXPECT_EQ(method->output_type(), resource);
        EXPECT_TRUE(IsString(request->FindFieldByName("name")));
        EXPECT_EQ(rule.get(), absl::StrCat("/v1/{name=", pattern, "}"));
      } else if (name == "Create" + type) {
        ++seen["Create"];
        EXPECT_EQ(method->output_type(), resource);
        EXPECT_TRUE(IsString(request->FindFieldByName(SnakeCase(type) + "_id"))) << "AIP-133: client-chosen ids";
        EXPECT_EQ(rule.body(), SnakeCase(type));
        ASSERT_NE(request->FindFieldByName(rule.body()), nullptr);
        EXPECT_EQ(request->FindFieldByName(rule.body())->message_type(), resource);
      } else if (name == "Update" + type) {
        ++seen["Update"];
        EXPECT_EQ(method->output_type(), resource);
        const FieldDescriptor* mask = request->FindFieldByName("update_mask");
        ASSERT_NE(mask, nullptr);
        EXPECT_EQ(mask->message_type()->full_name(), "google.protobuf.FieldMask");
        EXPECT_EQ(rule.patch(), absl::StrCat("/v1/{", SnakeCase(type), ".name=", pattern, "}"));
        EXPECT_EQ(rule.body(), SnakeCase(type));
      } else if (name == "Delete" + type || name == "Undelete" + type) {
        ++seen["Delete"];
        EXPECT_EQ(method->output_type(), resource) << "AIP-164: soft delete returns the resource";
        EXPECT_TRUE(IsString(request->FindFieldByName("name")));
        EXPECT_TRUE(IsString(request->FindFieldByName("etag")));
      }
    }
  }
  EXPECT_GE(seen["Get"], 9);
  EXPECT_GE(seen["Create"], 8);
  EXPECT_GE(seen["Update"], 8);
  EXPECT_GE(seen["Delete"], 16);
}

TEST_F(AipTest, EveryList_PagesAsAip158Says) {
  int lists = 0;
  for (const MethodDescriptor* method : Methods()) {
    if (!absl::StartsWith(method->name(), "List")) continue;
    ++lists;
    SCOPED_TRACE(method->full_name());
    const FieldDescriptor* page_size = method->input_type()->FindFieldByName("page_size");
    ASSERT_NE(page_size, nullptr);
    EXPECT_EQ(page_size->type(), FieldDescriptor::TYPE_INT32);
    EXPECT_TRUE(IsString(method->input_type()->FindFieldByName("page_token")));
    EXPECT_TRUE(IsString(method->output_type()->FindFieldByName("next_page_token")));
    ASSERT_GE(method->output_type()->field_count(), 2);
    const FieldDescriptor* page = method->output_type()->field(0);
    EXPECT_TRUE(page->is_repeated());
    EXPECT_EQ(page->number(), 1) << "AIP-158: the page is field 1";
  }
  EXPECT_GE(lists, 12);
}

TEST_F(AipTest, FieldNames_FollowAip140And142) {
  for (const FileDescriptor* file : files_) {
    // A file format of the command line, not part of the API: its fields are templates for fields of events.
    if (absl::EndsWith(file->name(), "/import_mapping.proto")) continue;
    for (int i = 0; i < file->message_type_count(); ++i) {
      const Descriptor* message = file->message_type(i);
      for (int f = 0; f < message->field_count(); ++f) {
        const FieldDescriptor* field = message->field(f);
        SCOPED_TRACE(field->full_name());
        const bool is_time =
            field->message_type() != nullptr && field->message_type()->full_name() == "google.protobuf.Timestamp";
        if (is_time) {
          EXPECT_TRUE(absl::EndsWith(field->name(), "_time")) << "AIP-142";
        }
        if (absl::EndsWith(field->name(), "_time")) {
          EXPECT_TRUE(is_time) << "AIP-142";
        }
        EXPECT_FALSE(absl::EndsWith(field->name(), "_url")) << "AIP-140: uri";
        EXPECT_FALSE(absl::StartsWith(field->name(), "is_")) << "AIP-140: no is_ prefix";
      }
    }
  }
}

}  // namespace
}  // namespace throughline
