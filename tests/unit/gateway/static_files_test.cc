#include "services/gateway/static_files.h"

#include <filesystem>

#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

using ::testing::HasSubstr;
using throughline::testing::HasFieldViolation;
using throughline::testing::IsOk;
using throughline::testing::TempDir;
using throughline::testing::WriteFile;

class StaticFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WriteFile(dir_ / "secret.txt", "secret");
    WriteFile(dir_ / "web/index.html", "<html>app</html>");
    WriteFile(dir_ / "web/favicon.svg", "<svg/>");
    WriteFile(dir_ / "web/.hidden", "hidden");
    WriteFile(dir_ / "web/assets/index-abc123.js", "code()");
    WriteFile(dir_ / "webother/x.txt", "sibling");
    std::filesystem::create_symlink(dir_ / "secret.txt", dir_ / "web/link.txt");
    std::filesystem::create_directory_symlink(dir_.path(), dir_ / "web/up");
    std::filesystem::create_symlink("favicon.svg", dir_ / "web/icon.svg");
    absl::StatusOr<StaticFiles> files = StaticFiles::Make(dir_ / "web");
    ASSERT_THAT(files, IsOk());
    files_ = *files;
  }
  HttpResponse Get(const std::string& target, HttpHeaders headers = {}, const std::string& method = "GET") {
    return files_.Serve({method, target, std::move(headers), ""});
  }
  static std::string Header(const HttpResponse& response, const std::string& name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return value;
    }
    return "";
  }

  TempDir dir_;
  StaticFiles files_;
};

TEST_F(StaticFilesTest, Files_ComeWithTypeAndCaching) {
  const HttpResponse icon = Get("/favicon.svg?v=1");
  EXPECT_EQ(icon.status, 200);
  EXPECT_EQ(icon.body, "<svg/>");
  EXPECT_EQ(Header(icon, "Content-Type"), "image/svg+xml");
  EXPECT_EQ(Header(icon, "Cache-Control"), "no-cache");
  const HttpResponse asset = Get("/assets/index-abc123.js");
  EXPECT_EQ(Header(asset, "Content-Type"), "text/javascript; charset=utf-8");
  EXPECT_THAT(Header(asset, "Cache-Control"), HasSubstr("immutable"));
  EXPECT_THAT(Header(asset, "Content-Security-Policy"), HasSubstr("script-src 'self'"));
  EXPECT_EQ(Get("/icon.svg").body, "<svg/>");  // a link that stays inside
}

TEST_F(StaticFilesTest, AddressesOfTheApp_GetItsIndex) {
  for (const char* target :
       {"/", "/maps", "/workspaces/demo/maps/m", "/customers/anna@example.com", "/index.html", "/maps/"}) {
    const HttpResponse response = Get(target);
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_EQ(response.body, "<html>app</html>") << target;
    EXPECT_EQ(Header(response, "Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(Header(response, "Cache-Control"), "no-cache");
  }
}

TEST_F(StaticFilesTest, MissingFiles_AreMissing) {
  for (const char* target :
       {"/assets/old-123.js", "/assets/", "/assets/x", "/robots.txt", "/missing.png", "/a/b.css"}) {
    EXPECT_EQ(Get(target).status, 404) << target;
  }
}

TEST_F(StaticFilesTest, NothingOutsideTheRoot_IsServed) {
  for (const char* target : {"/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt",
                             "/assets/%2e%2e%2f%2e%2e%2fsecret.txt", "/link.txt", "/up/secret.txt",
                             "/up/webother/x.txt", "/..%5csecret.txt", "/../webother/x.txt", "/.hidden", "/%2Ehidden",
                             "//etc/passwd", "/%00", "/secret.txt%00.html", "/%", "secret.txt", ""}) {
    const HttpResponse response = Get(target);
    EXPECT_TRUE(response.status == 404 || response.body == "<html>app</html>") << target << " " << response.body;
    EXPECT_EQ(response.body.find("secret\"") == std::string::npos && response.body != "secret" &&
                  response.body != "sibling" && response.body != "hidden",
              true)
        << target;
  }
  EXPECT_EQ(Get("/link.txt").status, 404);
  EXPECT_EQ(Get("/up/secret.txt").status, 404);
  EXPECT_EQ(Get("/../secret.txt").status, 404);
}

TEST_F(StaticFilesTest, KnownTag_IsNotModified) {
  const std::string tag = Header(Get("/favicon.svg"), "ETag");
  const HttpResponse again = Get("/favicon.svg", {{"If-None-Match", tag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(Header(again, "ETag"), tag);
  WriteFile(dir_ / "web/favicon.svg", "<svg>new</svg>");
  EXPECT_EQ(Get("/favicon.svg", {{"If-None-Match", tag}}).status, 200);
}

TEST_F(StaticFilesTest, OtherMethods_AreNotAllowed) {
  const HttpResponse response = Get("/", {}, "POST");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(Header(response, "Allow"), "GET, HEAD");
}

TEST(StaticFilesRootTest, WithoutARoot_NothingIsThere_AndAWrongRootIsAnError) {
  ASSERT_OK_AND_ASSIGN(const StaticFiles none, StaticFiles::Make(""));
  EXPECT_EQ(none.Serve({"GET", "/", {}, ""}).status, 404);
  EXPECT_THAT(StaticFiles::Make("/nonexistent/x"), HasFieldViolation("web_root"));
}

}  // namespace
}  // namespace throughline
