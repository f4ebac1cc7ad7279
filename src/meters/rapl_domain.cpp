#include "meters/rapl_domain.h"

namespace aieb {
namespace {

constexpr int64_t kUpdatePeriod = 1'000'000;
/// One step of the register is 15.3 µJ to 61 µJ, by CPU.
constexpr double kRegisterStep = 61e-6;

}  // namespace

Domain rapl_domain(const RaplQuantity& quantity, const std::string& meter, const std::string& name,
                   int index) {
  Domain domain;
  domain.meter = meter;
  domain.component = quantity.component;
  domain.index = index;
  domain.name = name;
  domain.kind = DomainKind::kCounter;
  domain.unit = "J";
  domain.resolution = kRegisterStep;
  domain.update_period_ns = kUpdatePeriod;
  domain.gain_uncertainty = quantity.gain_uncertainty;
  domain.note = quantity.note;
  return domain;
}

}  // namespace aieb
