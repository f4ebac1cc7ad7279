#pragma once

#include <string>
#include <string_view>

namespace aieb::engine {

/// libtorch's unpickler takes ordered dictionaries, which state dictionaries of modules are, for
/// nothing. Returns the stream with every empty OrderedDict made a plain dictionary, and without
/// the attributes (metadata) that are set on objects afterwards. Throws c10::Error for a stream
/// that torch.save does not write.
std::string with_plain_dictionaries(std::string_view pickle);

}  // namespace aieb::engine
