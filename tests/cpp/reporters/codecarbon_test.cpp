#include "reporters/codecarbon.h"

#include <map>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "reporters/approvals.h"
#include "reporters/sample_results.h"

namespace aieb {
namespace {

using testing::bare_results;
using testing::expect_approved;
using testing::sample_results;

/// Column → cell of a table with one row and without quoted cells.
std::map<std::string, std::string> cells(const std::string& table) {
  std::istringstream in(table);
  std::string header;
  std::string row;
  std::getline(in, header);
  std::getline(in, row);
  row += ',';
  std::map<std::string, std::string> out;
  std::istringstream names(header);
  std::istringstream values(row);
  for (std::string name, value; std::getline(names, name, ',');) {
    std::getline(values, value, ',');
    out[name] = value;
  }
  return out;
}

TEST(Codecarbon, is_as_approved) {
  expect_approved("emissions.csv", codecarbon_report(sample_results()));
}

TEST(Codecarbon, has_38_columns) {
  EXPECT_EQ(cells(codecarbon_report(sample_results())).size(), 38);
}

TEST(Codecarbon, multiplies_energy_and_power_by_the_pue) {
  const auto row = cells(codecarbon_report(sample_results()));
  EXPECT_DOUBLE_EQ(std::stod(row.at("gpu_energy")), 3600 / 3.6e6 * 1.2);
  EXPECT_DOUBLE_EQ(std::stod(row.at("gpu_power")), 360 * 1.2);
  EXPECT_DOUBLE_EQ(std::stod(row.at("energy_consumed")), 4410 / 3.6e6 * 1.2);
}

TEST(Codecarbon, counts_water_on_the_energy_after_the_pue) {
  const auto row = cells(codecarbon_report(sample_results()));
  EXPECT_DOUBLE_EQ(std::stod(row.at("water_consumed")), 4410 / 3.6e6 * 1.2 * 1.8);
}

TEST(Codecarbon, gives_emissions_in_kg_and_their_rate_per_second) {
  const auto row = cells(codecarbon_report(sample_results()));
  EXPECT_DOUBLE_EQ(std::stod(row.at("emissions")), 0.08232e-3);
  EXPECT_DOUBLE_EQ(std::stod(row.at("emissions_rate")), 0.08232e-4);
  // The file agrees with itself: energy after PUE times the intensity of the place.
  EXPECT_NEAR(std::stod(row.at("energy_consumed")) * 0.056, std::stod(row.at("emissions")), 1e-12);
}

TEST(Codecarbon, leaves_what_is_unknown_empty) {
  const auto row = cells(codecarbon_report(bare_results()));
  for (const char* column :
       {"emissions", "emissions_rate", "cpu_energy", "gpu_energy", "ram_energy", "cpu_power",
        "energy_consumed", "water_consumed", "country_name"}) {
    EXPECT_EQ(row.at(column), "") << column;
  }
}

}  // namespace
}  // namespace aieb
