#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "core/error.h"
#include "reporters/ai_energy_score.h"
#include "reporters/boamps.h"
#include "reporters/ml_energy.h"
#include "reporters/reporter.h"
#include "reporters/sample_results.h"
#include "reporters/temporary_folder.h"
#include "reporters/write.h"

namespace aieb {
namespace {
using testing::bare_results;
using testing::sample_results;
using testing::TemporaryFolder;

Json boamps(const Results& r) { return Json::parse(boamps_report(r)); }

TEST(Boamps, energy_is_in_kwh) {
  const Json measure = boamps(sample_results())["measures"][0];
  EXPECT_DOUBLE_EQ(measure["powerConsumption"], 4410 / 3.6e6);
  EXPECT_EQ(measure["measurementDuration"], 10);
  EXPECT_EQ(measure["measurementDateTime"], "2026-01-31 12:34:56");
  EXPECT_EQ(measure["gpuTrackingMode"], "nvml");
}

TEST(Boamps, quality_is_the_class_of_the_uncertainty) {
  Results r = sample_results();
  EXPECT_EQ(boamps(r)["quality"], "high");
  r.measure.total.gross.systematic = 0.2 * 4410;
  EXPECT_EQ(boamps(r)["quality"], "medium");
  r.measure.total.gross.systematic = 0.3 * 4410;
  EXPECT_EQ(boamps(r)["quality"], "low");
}

TEST(Boamps, has_nothing_to_say_without_energy) {
  EXPECT_THROW(boamps_report(bare_results()), DataError);
}

TEST(MlEnergy, counts_the_gpus_alone_and_divides_by_tokens) {
  const Json json = Json::parse(ml_energy_report(sample_results()));
  EXPECT_EQ(json["steady_state_energy"], 3600);
  EXPECT_DOUBLE_EQ(json["steady_state_energy_per_token"], 3600.0 / 128);
  EXPECT_DOUBLE_EQ(json["results"][0]["energy"], 3600.0 / 128 * 64);
  EXPECT_EQ(json["entire_benchmark_measurement"]["gpu_energy"]["0"], 3600);
  EXPECT_EQ(json["gpu_model"], "NVIDIA H100 80GB HBM3");
  EXPECT_NEAR(json["median_ttft_ms"], 45, 1e-9);
  EXPECT_EQ(json["results"][2]["success"], false);
  EXPECT_EQ(json["timeline"]["power"]["device_instant"]["0"].size(), 3U);
}

TEST(MlEnergy, unknown_energy_is_null) {
  const Json json = Json::parse(ml_energy_report(bare_results()));
  EXPECT_EQ(json["steady_state_energy"], nullptr);
  EXPECT_EQ(json["gpu_model"], nullptr);
}

TEST(AiEnergyScore, divides_the_gpus_energy_at_the_first_tokens) {
  const Json json = Json::parse(ai_energy_score_report(sample_results()));
  EXPECT_EQ(json["units"], "Wh");
  EXPECT_DOUBLE_EQ(json["total"], 1);
  EXPECT_NEAR(json["preprocess_wh"], 43.0 / 4343, 1e-6);
  EXPECT_NEAR(json["prefill_wh"], 400.0 / 4343, 1e-6);
  EXPECT_NEAR(json["decode_wh"], 3900.0 / 4343, 1e-6);
}

TEST(AiEnergyScore, says_nothing_of_preprocessing_that_a_server_does) {
  Results results = sample_results();
  results.preprocessing = Quantity::missing("J", "a server does it");
  const Json json = Json::parse(ai_energy_score_report(results));
  EXPECT_EQ(json["preprocess_wh"], nullptr);
  EXPECT_NEAR(json["prefill_wh"], 400.0 / 4300, 1e-6);
  EXPECT_NEAR(json["decode_wh"], 3900.0 / 4300, 1e-6);
}

TEST(AiEnergyScore, writes_the_total_beside_the_summary) {
  const TemporaryFolder folder;
  write_report(find_reporter("ai_energy_score"), sample_results(),
               folder / "GPU_ENERGY_SUMMARY.json");
  std::ifstream in(folder / "GPU_ENERGY_WH.txt");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "1.00\n");
}

TEST(AiEnergyScore, has_nothing_to_say_without_a_gpu) {
  EXPECT_THROW(ai_energy_score_report(bare_results()), DataError);
}

}  // namespace
}  // namespace aieb
