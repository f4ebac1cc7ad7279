#pragma once

#include "core/json.h"
#include "engine/spec/config_reader.h"
#include "engine/spec/model_spec.h"

namespace aieb::engine {

/// What a family assumes where a configuration is silent.
struct RopeDefaults {
  double theta = 10000;
  double partial = 1;  ///< share of the head that is rotated
};

/// The rotary embedding of a configuration with one set of parameters, in either generation of
/// keys (rope_theta + rope_scaling, or rope_parameters).
RopeSpec read_rope(const ConfigReader& config, int64_t head_dim, const RopeDefaults& defaults = {});

/// The same for the parameters of one layer type. `parameters` may be empty.
RopeSpec read_rope(const ConfigReader& config, const Json& parameters, int64_t head_dim,
                   const RopeDefaults& defaults);

/// What DeepSeek multiplies queries and keys by under yarn: a function of factor and
/// mscale_all_dim; 1 without.
double yarn_attention_magnitude(const ConfigReader& config, const RopeSpec& rope);

/// rope_parameters or rope_scaling; an empty object when there is neither.
Json rope_parameters(const ConfigReader& config);

}  // namespace aieb::engine
