#include "reporters/html.h"

#include <cmath>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reporters/html_data.h"
#include "reporters/html_text.h"
#include "reporters/sample_results.h"

namespace aieb {
namespace {
using testing::bare_results;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::sample_results;

constexpr const char* kDataBegin = "<script id=\"data\" type=\"application/json\">";

/// What a browser takes for the data: everything up to the first end of a script element.
std::string data_of(const std::string& page) {
  const size_t begin = page.find(kDataBegin) + std::string(kDataBegin).size();
  return page.substr(begin, page.find("</script", begin) - begin);
}

TEST(Html, embeds_the_data_as_json) {
  const Json data = Json::parse(data_of(html_report(sample_results())));
  EXPECT_EQ(data, html_data(sample_results()));
}

TEST(Html, hostile_answers_names_and_errors_cannot_leave_the_data) {
  const std::string attack =
      "</script><script>alert(1)</script><!--<script> {{data}} \xE2\x80\xA8 \xFF";
  Results r = sample_results();
  r.name = attack;
  r.model = attack;
  r.requests[0].record.text = attack;
  r.requests[2].record.error = attack;
  r.config["backend"] = {{"headers", {{attack, attack}}}};
  const std::string page = html_report(r);
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  const Json data = Json::parse(data_of(page));
  EXPECT_THAT(data["prompts"]["text"][0].get<std::string>(),
              HasSubstr("</script><script>alert(1)"));
}

TEST(Html, asks_nothing_of_the_network) {
  const std::string page = html_report(sample_results());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  for (const char* outside :
       {"src=\"http", "href=\"http", "@import", "url(", "fetch(", "import("}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
}

TEST(Html, says_why_a_value_is_unknown_instead_of_0) {
  const Json data = html_data(bare_results());
  for (const Json& card : data["cards"]) EXPECT_FALSE(card.contains("value")) << card.dump();
  EXPECT_EQ(data["cards"][0]["reason"], "RAPL is readable by root only");
  EXPECT_THAT(data["lead"].get<std::string>(), HasSubstr("RAPL is readable by root only"));
  EXPECT_THAT(data["power_absent"].get<std::string>(), HasSubstr("RAPL is readable by root only"));
  EXPECT_EQ(data["energy"][0]["parts"][0]["joules"], nullptr);
}

TEST(Html, leads_with_what_was_done_and_what_it_cost) {
  const std::string lead = html_data(sample_results())["lead"];
  EXPECT_THAT(lead, HasSubstr("2 of 3 prompts were answered in 10.0 s"));
  EXPECT_THAT(lead, HasSubstr("1.225 ± 0.052 Wh"));
  EXPECT_THAT(lead, HasSubstr("for each output token"));
}

TEST(Html, shows_small_and_large_numbers_in_a_unit_people_can_read) {
  const auto wh = [](double value) {
    return readable_text({value, 0.05 * value, 0, "Wh", Source::kMeasuredCounter, ""});
  };
  EXPECT_EQ(wh(0.00012), "0.1200 ± 0.0060 mWh");
  EXPECT_EQ(wh(12), "12.00 ± 0.60 Wh");
  EXPECT_EQ(wh(12345), "12.35 ± 0.62 kWh");
}

TEST(Html, an_hour_of_10000_prompts_on_8_gpus_stays_below_2_mb) {
  Results r = sample_results();
  const RequestResult one = r.requests[0];
  r.requests.clear();
  for (int i = 0; i < 10'000; ++i) {
    r.requests.push_back(one);
    RequestResult& q = r.requests.back();
    q.record.prompt_index = i;
    q.record.text = std::string(2000, 'x');
    q.start_s = 0.36 * i + 1.0 / 3;
    q.latency_s = 1 + 0.1 * std::sin(i);
    q.energy.value = 100 * std::sqrt(2.0) + i;
  }
  r.power.clear();
  for (int device = 0; device < 12; ++device) {
    PowerSeries series{
        "nvml/gpu-" + std::to_string(device), Component::kGpu, device, "counter", {}, {}};
    for (int i = 0; i < 1200; ++i) {
      series.t_s.push_back(3 * i + 1.0 / 3);
      series.power_w.push_back(400 + 100 * std::sin(i));
    }
    r.power.push_back(series);
  }
  EXPECT_LT(html_report(r).size(), 2'000'000U);
}

TEST(Html, cuts_long_answers_between_characters) {
  Results r = sample_results();
  r.requests[0].record.text.clear();
  for (int i = 0; i < 500; ++i) r.requests[0].record.text += "é";
  r.requests[0].record.text.insert(0, "x");
  EXPECT_NO_THROW((void)html_data(r).dump());
}

}  // namespace
}  // namespace aieb
