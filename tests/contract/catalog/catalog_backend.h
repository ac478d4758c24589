// The promises of include/throughline/catalog.h, one test each, run against every engine. An engine joins by
// instantiating CatalogContractTest with a factory (sqlite_backend_test.cc shows how).
// Used by one thread; the catalog itself by many.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"
#include "tests/support/matchers.h"
#include "throughline/catalog.h"
#include "throughline/v1/workspace.pb.h"

namespace throughline::testing {

// One empty store of an engine. Opening it again, after the last catalog has gone, finds what was written.
class CatalogBackend {
 public:
  virtual ~CatalogBackend() = default;
  // Times of changes come from `clock`.
  virtual absl::StatusOr<std::unique_ptr<Catalog>> Open(const Clock& clock) = 0;
};

struct CatalogBackendFactory {
  std::string name;
  std::function<std::unique_ptr<CatalogBackend>()> make;
};
inline std::ostream& operator<<(std::ostream& out, const CatalogBackendFactory& factory) { return out << factory.name; }

inline v1::Department MakeDepartment(const std::string& display_name) {
  v1::Department department;
  department.set_display_name(display_name);
  return department;
}

class CatalogContractTest : public ::testing::TestWithParam<CatalogBackendFactory> {
 protected:
  void SetUp() override {
    backend_ = GetParam().make();
    Reopen();
  }

  void Reopen() {
    catalog_.reset();
    auto opened = backend_->Open(clock_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    catalog_ = *std::move(opened);
  }

  // One transaction that puts one department.
  Revision Put(const std::string& name, const std::string& display_name) {
    return Commit([&](WriteTransaction& t) { return t.Put(name, MakeDepartment(display_name)); });
  }
  Revision Delete(const std::string& name) {
    return Commit([&](WriteTransaction& t) { return t.Delete(name); });
  }
  Revision Purge(const std::string& name) {
    return Commit([&](WriteTransaction& t) { return t.Purge(name); });
  }
  Revision Commit(Catalog::WriteFunction function) {
    auto revision = catalog_->Write(std::move(function));
    EXPECT_TRUE(revision.ok()) << revision.status();
    return revision.ok() ? *revision : Revision{-1};
  }

  // The display name as of a revision: "-" absent, "(x)" deleted.
  std::string At(const std::string& name, Revision as_of = {}) {
    auto reader = catalog_->Read(as_of);
    if (!reader.ok()) return reader.status().ToString();
    return Describe((*reader)->Find(name));
  }
  std::string Latest(const std::string& name) { return Describe(catalog_->FindLatest(name)); }
  static std::string Describe(const absl::StatusOr<std::optional<Document>>& found) {
    if (!found.ok()) return found.status().ToString();
    if (!found->has_value()) return "-";
    auto department = (*found)->Parse<v1::Department>();
    if (!department.ok()) return department.status().ToString();
    return (*found)->deleted() ? "(" + department->display_name() + ")" : department->display_name();
  }

  std::vector<std::string> ListNames(const std::string& collection, Revision as_of = {}, bool include_deleted = false) {
    ListOptions options;
    options.collection = collection;
    options.limit = 1000;
    options.include_deleted = include_deleted;
    auto reader = catalog_->Read(as_of);
    EXPECT_TRUE(reader.ok()) << reader.status();
    if (!reader.ok()) return {};
    return Names((*reader)->List(options));
  }
  static std::vector<std::string> Names(const absl::StatusOr<std::vector<Document>>& documents) {
    EXPECT_TRUE(documents.ok()) << documents.status();
    std::vector<std::string> names;
    if (documents.ok()) {
      for (const Document& document : *documents) names.push_back(document.name);
    }
    return names;
  }
  // "3 created workspaces/w/departments/a"
  std::vector<std::string> ChangeTexts(Revision after = {}, int limit = 100000);

  FakeClock clock_;
  std::unique_ptr<CatalogBackend> backend_;
  std::unique_ptr<Catalog> catalog_;
};

std::string ChangeText(const Change& change);

}  // namespace throughline::testing
