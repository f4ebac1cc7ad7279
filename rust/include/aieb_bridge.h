/* C interface of the Rust crate in rust/: Hugging Face tokenizers, chat templates (minijinja),
 * Parquet and Arrow files.
 *
 * Rules that hold for every function:
 * - Text is UTF-8, counted by length and not NUL-terminated. Bytes that are not UTF-8 are an error,
 *   never undefined behaviour.
 * - A view borrows: the callee keeps no pointer into it after it returns.
 * - Every function that can fail returns an aieb_text: `data` is NULL on success, else the message.
 *   Outputs are written on success only.
 * - What the callee hands out (aieb_text, aieb_ids, aieb_column, handles) belongs to the caller,
 *   who gives it back to the matching _free function. Freeing NULL or an empty value is allowed.
 * - Rust panics never cross this border: they are returned as errors.
 * - Handles marked const may be used from several threads at once. */
#ifndef AIEB_BRIDGE_H
#define AIEB_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  const char* data; /* may be NULL when size is 0 */
  size_t size;
} aieb_view;

typedef struct {
  char* data; /* never NULL for a value or an error; NULL means "no error" */
  size_t size;
} aieb_text;

typedef struct {
  uint32_t* data;
  size_t size;
} aieb_ids;

void aieb_text_free(aieb_text text);
void aieb_ids_free(aieb_ids ids);

/* ---- Tokenizer ------------------------------------------------------------------------------ */

typedef struct aieb_tokenizer aieb_tokenizer;

/* `json`: the content of a tokenizer.json. Truncation and padding that it asks for are off. */
aieb_text aieb_tokenizer_parse(aieb_view json, aieb_tokenizer** out);
void aieb_tokenizer_free(aieb_tokenizer* tokenizer);

/* Adds (or redefines) tokens. `json`: a list of
 * {"content", "special", "single_word", "lstrip", "rstrip", "normalized"}. */
aieb_text aieb_tokenizer_add_tokens(aieb_tokenizer* tokenizer, aieb_view json);

/* Replaces the post-processor. `json`: the value that stands under "post_processor" in a
 * tokenizer.json, or null. */
aieb_text aieb_tokenizer_set_post_processor(aieb_tokenizer* tokenizer, aieb_view json);

/* Kind of the model ("BPE", "Unigram", "WordPiece" or "WordLevel") and whether there is a
 * post-processor, as {"model": text, "post_processor": bool}. */
aieb_text aieb_tokenizer_describe(const aieb_tokenizer* tokenizer, aieb_text* out);

aieb_text aieb_tokenizer_encode(const aieb_tokenizer* tokenizer, aieb_view text,
                                int add_special_tokens, aieb_ids* out);
aieb_text aieb_tokenizer_decode(const aieb_tokenizer* tokenizer, const uint32_t* ids, size_t count,
                                int skip_special_tokens, aieb_text* out);

/* *out = -1 when there is no such token. */
aieb_text aieb_tokenizer_token_to_id(const aieb_tokenizer* tokenizer, aieb_view token,
                                     int64_t* out);
/* out->data = NULL when there is no such id. */
aieb_text aieb_tokenizer_id_to_token(const aieb_tokenizer* tokenizer, uint32_t id, aieb_text* out);
/* Largest id + 1, added tokens included. */
aieb_text aieb_tokenizer_vocab_size(const aieb_tokenizer* tokenizer, size_t* out);

/* ---- Chat template -------------------------------------------------------------------------- */

typedef struct aieb_template aieb_template;

/* `source`: Jinja as Hugging Face chat templates use it. */
aieb_text aieb_template_parse(aieb_view source, aieb_template** out);
void aieb_template_free(aieb_template* template_);

/* `context`: a JSON object with the variables (messages, bos_token, add_generation_prompt, …).
 * `now`: seconds since the epoch, what strftime_now() sees (local time zone). A message given to
 * raise_exception() comes back as the error, word for word. */
aieb_text aieb_template_render(const aieb_template* template_, aieb_view context, int64_t now,
                               aieb_text* out);

/* ---- Parquet and Arrow files ---------------------------------------------------------------- */

/* Values of a column, one after the other: value i is text[ends[i - 1], ends[i]) (from 0 for the
 * first), and null where present[i] is 0. */
typedef struct {
  char* text;
  size_t text_size;
  size_t* ends;
  uint8_t* present;
  size_t size;
} aieb_column;

void aieb_column_free(aieb_column column);

/* Names of the columns of a Parquet file, or of an Arrow file or stream (as `datasets` writes),
 * as a JSON list. */
aieb_text aieb_table_columns(aieb_view path, aieb_text* out);

/* The first `limit` values of a column, all for 0. Text comes as it is; numbers, booleans, lists
 * and structs as JSON. */
aieb_text aieb_table_read(aieb_view path, aieb_view column, size_t limit, aieb_column* out);

#ifdef __cplusplus
}
#endif

#endif
