#pragma once

#include <string>

/// Small tokenizer.json texts, written by hand.
namespace aieb::test {

/// Byte-level BPE over the letters of "hello world" and the bytes of "é" (two tokens: Ã, ©).
inline std::string byte_level_json() {
  return R"({
    "version": "1.0", "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst",
                                     "stride": 0},
    "padding": null,
    "added_tokens": [{"id": 0, "content": "<s>", "single_word": false, "lstrip": false,
                      "rstrip": false, "normalized": false, "special": true}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                      "use_regex": true},
    "post_processor": null,
    "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                "use_regex": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
              "end_of_word_suffix": "", "fuse_unk": false, "byte_fallback": false,
              "vocab": {"<s>": 0, "h": 1, "e": 2, "l": 3, "o": 4, "w": 5, "r": 6, "d": 7, "Ġ": 8,
                        "he": 9, "ll": 10, "hell": 11, "hello": 12, "Ã": 13, "©": 14, "!": 15},
              "merges": ["h e", "l l", "he ll", "hell o"]}})";
}

/// WordPiece whose decoder puts a space before every word.
inline std::string word_piece_json() {
  return R"({
    "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null,
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": false},
    "model": {"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100,
              "vocab": {"?": 0, "do": 1, "n": 2, "'": 3, "t": 4, "stop": 5, ".": 6, ",": 7}}})";
}

}  // namespace aieb::test
