#include "services/catalog/sqlite/sqlite_catalog.h"
#include "tests/contract/catalog/catalog_backend.h"
#include "tests/support/files.h"

namespace throughline::testing {
namespace {

class SqliteBackend : public CatalogBackend {
 public:
  absl::StatusOr<std::unique_ptr<Catalog>> Open(const Clock& clock) override {
    SqliteCatalogOptions options;
    options.path = directory_ / "catalog.db";
    options.clock = &clock;
    return SqliteCatalog::Open(options);
  }

 private:
  TempDir directory_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, CatalogContractTest,
                         ::testing::Values(CatalogBackendFactory{"Sqlite",
                                                                 [] { return std::make_unique<SqliteBackend>(); }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace throughline::testing
