// A catalog in a temporary directory, with a workspace to refer to. For tests; one thread.
#pragma once

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "services/catalog/resource_document.h"
#include "services/catalog/sqlite/sqlite_catalog.h"
#include "tests/support/fake_clock.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "throughline/catalog.h"

namespace throughline::testing {

class CatalogFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    SqliteCatalogOptions options;
    options.path = directory_ / "catalog";
    options.clock = &clock_;
    absl::StatusOr<std::unique_ptr<SqliteCatalog>> opened = SqliteCatalog::Open(options);
    ASSERT_OK(opened);
    catalog_ = *std::move(opened);
  }

  // Stores one message under a name.
  void Put(const std::string& name, const google::protobuf::Message& message) {
    ASSERT_OK(catalog_->Write([&](WriteTransaction& transaction) { return transaction.Put(name, message); }));
  }
  void Delete(const std::string& name) {
    ASSERT_OK(catalog_->Write([&](WriteTransaction& transaction) { return transaction.Delete(name); }));
  }

  FakeClock clock_;
  TempDir directory_;
  std::unique_ptr<Catalog> catalog_;
};

}  // namespace throughline::testing
