#include "services/catalog/sqlite/document_cache.h"

#include "absl/strings/str_cat.h"
#include "tests/support/matchers.h"

namespace throughline {
namespace {

DocumentCache::Value Make(const std::string& name, int64_t revision, size_t payload_bytes = 10) {
  auto document = std::make_shared<Document>();
  document->name = name;
  document->revision = Revision{revision};
  document->payload = std::string(payload_bytes, 'x');
  return document;
}

TEST(DocumentCacheTest, Find_AfterFill_GivesTheDocument) {
  DocumentCache cache(1 << 20);
  const auto miss = cache.Find("a");
  EXPECT_FALSE(miss.value.has_value());
  cache.Fill("a", miss.ticket, Make("a", 1));
  const auto hit = cache.Find("a");
  ASSERT_TRUE(hit.value.has_value());
  EXPECT_EQ((*hit.value)->revision, Revision{1});
}

TEST(DocumentCacheTest, Find_AfterFillWithNothing_KnowsThatThereIsNone) {
  DocumentCache cache(1 << 20);
  cache.Fill("a", cache.Find("a").ticket, nullptr);
  const auto hit = cache.Find("a");
  ASSERT_TRUE(hit.value.has_value());
  EXPECT_EQ(*hit.value, nullptr);
}

TEST(DocumentCacheTest, Fill_AfterACommitTouchedTheName_IsForgotten) {
  DocumentCache cache(1 << 20);
  const auto miss = cache.Find("a");
  cache.Commit(Revision{2}, {{"a", Make("a", 2)}});
  cache.Fill("a", miss.ticket, Make("a", 1));
  EXPECT_EQ((*cache.Find("a").value)->revision, Revision{2});
  EXPECT_EQ(cache.revision(), Revision{2});
}

TEST(DocumentCacheTest, Fill_AfterACommitThatWasEvicted_IsForgotten) {
  DocumentCache cache(5000);
  const auto miss = cache.Find("a");
  cache.Commit(Revision{2}, {{"a", Make("a", 2)}});
  cache.Commit(Revision{3}, {{"b", Make("b", 3, 4000)}, {"c", Make("c", 3, 4000)}});
  cache.Fill("a", miss.ticket, Make("a", 1));
  EXPECT_FALSE(cache.Find("a").value.has_value());
}

TEST(DocumentCacheTest, Fill_AfterACompactionOrReset_IsForgotten) {
  DocumentCache cache(1 << 20);
  auto miss = cache.Find("a");
  cache.Compact(Revision{2});
  cache.Fill("a", miss.ticket, Make("a", 1));
  miss = cache.Find("a");
  EXPECT_FALSE(miss.value.has_value());
  cache.Reset(Revision{3}, Revision{2});
  cache.Fill("a", miss.ticket, Make("a", 1));
  EXPECT_FALSE(cache.Find("a").value.has_value());
  EXPECT_EQ(cache.revision(), Revision{3});
  EXPECT_EQ(cache.horizon(), Revision{2});
}

TEST(DocumentCacheTest, Fill_BySecondReaderOfTheSameName_IsLeftToTheFirst) {
  DocumentCache cache(1 << 20);
  const auto first = cache.Find("a");
  const auto second = cache.Find("a");
  EXPECT_NE(first.ticket, second.ticket);
  cache.Fill("a", second.ticket, Make("a", 1));
  EXPECT_FALSE(cache.Find("a").value.has_value());
  cache.Fill("a", first.ticket, Make("a", 1));
  EXPECT_TRUE(cache.Find("a").value.has_value());
}

TEST(DocumentCacheTest, Abandon_LetsTheNextReaderTry) {
  DocumentCache cache(1 << 20);
  const auto first = cache.Find("a");
  cache.Abandon("a", first.ticket);
  const auto second = cache.Find("a");
  EXPECT_NE(second.ticket, 0u);
  cache.Fill("a", second.ticket, Make("a", 1));
  EXPECT_TRUE(cache.Find("a").value.has_value());
}

TEST(DocumentCacheTest, Compact_ForgetsDeletedDocumentsOnly) {
  DocumentCache cache(1 << 20);
  auto deleted = std::make_shared<Document>(*Make("a", 1));
  deleted->delete_time = absl::UnixEpoch();
  cache.Commit(Revision{1}, {{"a", deleted}, {"b", Make("b", 1)}});
  cache.Compact(Revision{1});
  EXPECT_FALSE(cache.Find("a").value.has_value());
  EXPECT_TRUE(cache.Find("b").value.has_value());
}

TEST(DocumentCacheTest, Commit_OverTheBound_ForgetsTheLeastRecentlyUsed) {
  DocumentCache cache(20'000);
  for (int i = 0; i < 100; ++i) {
    cache.Commit(Revision{i + 1}, {{absl::StrCat("d", i), Make(absl::StrCat("d", i), i + 1, 1000)}});
    cache.Find("d0");
    EXPECT_LE(cache.bytes(), 20'000u);
  }
  EXPECT_TRUE(cache.Find("d0").value.has_value());
  EXPECT_TRUE(cache.Find("d99").value.has_value());
  EXPECT_FALSE(cache.Find("d1").value.has_value());
  // Larger than everything: not kept, and nothing breaks.
  cache.Commit(Revision{200}, {{"large", Make("large", 200, 100'000)}});
  EXPECT_FALSE(cache.Find("large").value.has_value());
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(DocumentCacheTest, Commit_OfTheSameNameTwice_KeepsTheLastAndCountsItsBytesOnce) {
  DocumentCache cache(1 << 20);
  cache.Commit(Revision{1}, {{"a", Make("a", 1, 1000)}, {"a", Make("a", 1, 10)}});
  EXPECT_EQ((*cache.Find("a").value)->payload.size(), 10u);
  EXPECT_LT(cache.bytes(), 1000u);
}

}  // namespace
}  // namespace throughline
