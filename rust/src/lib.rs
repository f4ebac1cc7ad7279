//! Static library behind `include/aieb_bridge.h`, which holds the contracts of every function.
//! One module per service; each keeps its C functions at the end of its file.

mod ffi;
mod generation_tags;
mod python_json;
mod python_methods;
mod python_time;
mod table;
mod template;
mod tokenizer;
