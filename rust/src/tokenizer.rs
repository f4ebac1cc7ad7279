//! Hugging Face tokenizers.

use serde_json::{Value, json};
use tokenizers::{AddedToken, ModelWrapper, PostProcessorWrapper, Tokenizer};

use crate::ffi::{Ids, Result, Text, View, guard, write};

fn parse(json: &[u8]) -> Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(json).map_err(|e| e.to_string())?;
    tokenizer
        .with_truncation(None)
        .map_err(|e| e.to_string())?
        .with_padding(None);
    Ok(tokenizer)
}

fn added_token(value: &Value) -> Result<AddedToken> {
    let content = value["content"]
        .as_str()
        .ok_or("an added token needs \"content\"")?;
    let flag = |key: &str, default: bool| value[key].as_bool().unwrap_or(default);
    let special = flag("special", false);
    Ok(AddedToken::from(content, special)
        .single_word(flag("single_word", false))
        .lstrip(flag("lstrip", false))
        .rstrip(flag("rstrip", false))
        .normalized(flag("normalized", !special)))
}

fn add_tokens(tokenizer: &mut Tokenizer, json: &[u8]) -> Result<()> {
    let list: Vec<Value> = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let tokens = list.iter().map(added_token).collect::<Result<Vec<_>>>()?;
    for token in tokens {
        if token.special {
            tokenizer.add_special_tokens([token])
        } else {
            tokenizer.add_tokens([token])
        }
        .map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn set_post_processor(tokenizer: &mut Tokenizer, json: &[u8]) -> Result<()> {
    let processor: Option<PostProcessorWrapper> =
        serde_json::from_slice(json).map_err(|e| format!("post-processor: {e}"))?;
    tokenizer.with_post_processor(processor);
    Ok(())
}

fn describe(tokenizer: &Tokenizer) -> String {
    let model = match tokenizer.get_model() {
        ModelWrapper::BPE(_) => "BPE",
        ModelWrapper::WordPiece(_) => "WordPiece",
        ModelWrapper::WordLevel(_) => "WordLevel",
        ModelWrapper::Unigram(_) => "Unigram",
    };
    json!({"model": model, "post_processor": tokenizer.get_post_processor().is_some()}).to_string()
}

/// Largest id + 1: ids may have holes, so the number of tokens does not bound them.
fn id_bound(tokenizer: &Tokenizer) -> usize {
    let largest = tokenizer.get_vocab(true).into_values().max();
    largest.map_or(0, |id| id as usize + 1)
}

/// # Safety
/// See the header: `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_parse(json: View, out: *mut *mut Tokenizer) -> Text {
    guard(|| {
        let tokenizer = Box::new(parse(json.bytes())?);
        // SAFETY: by the contract above.
        unsafe { write(out, Box::into_raw(tokenizer)) };
        Ok(())
    })
}

/// # Safety
/// `tokenizer` is null or came from `aieb_tokenizer_parse`, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_free(tokenizer: *mut Tokenizer) {
    if !tokenizer.is_null() {
        // SAFETY: by the contract above.
        drop(unsafe { Box::from_raw(tokenizer) });
    }
}

/// # Safety
/// `tokenizer` is alive and used by this thread only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_add_tokens(tokenizer: *mut Tokenizer, json: View) -> Text {
    // SAFETY: by the contract above.
    guard(|| add_tokens(unsafe { &mut *tokenizer }, json.bytes()))
}

/// # Safety
/// `tokenizer` is alive and used by this thread only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_set_post_processor(
    tokenizer: *mut Tokenizer,
    json: View,
) -> Text {
    // SAFETY: by the contract above.
    guard(|| set_post_processor(unsafe { &mut *tokenizer }, json.bytes()))
}

/// # Safety
/// `tokenizer` is alive; `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_describe(
    tokenizer: *const Tokenizer,
    out: *mut Text,
) -> Text {
    guard(|| {
        // SAFETY: by the contract above.
        unsafe { write(out, describe(&*tokenizer).into()) };
        Ok(())
    })
}

/// # Safety
/// `tokenizer` is alive; `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_encode(
    tokenizer: *const Tokenizer,
    text: View,
    add_special_tokens: i32,
    out: *mut Ids,
) -> Text {
    guard(|| {
        // SAFETY: by the contract above.
        let tokenizer = unsafe { &*tokenizer };
        let encoding = tokenizer
            .encode_fast(text.text("text to tokenize")?, add_special_tokens != 0)
            .map_err(|e| e.to_string())?;
        // SAFETY: by the contract above.
        unsafe { write(out, encoding.get_ids().to_vec().into()) };
        Ok(())
    })
}

/// # Safety
/// `tokenizer` is alive; `ids` points to `count` values; `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_decode(
    tokenizer: *const Tokenizer,
    ids: *const u32,
    count: usize,
    skip_special_tokens: i32,
    out: *mut Text,
) -> Text {
    guard(|| {
        let ids = match count {
            0 => &[],
            // SAFETY: by the contract above.
            _ => unsafe { std::slice::from_raw_parts(ids, count) },
        };
        // SAFETY: by the contract above.
        let text = unsafe { &*tokenizer }
            .decode(ids, skip_special_tokens != 0)
            .map_err(|e| e.to_string())?;
        // SAFETY: by the contract above.
        unsafe { write(out, text.into()) };
        Ok(())
    })
}

/// # Safety
/// `tokenizer` is alive; `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_token_to_id(
    tokenizer: *const Tokenizer,
    token: View,
    out: *mut i64,
) -> Text {
    guard(|| {
        // SAFETY: by the contract above.
        let id = unsafe { &*tokenizer }.token_to_id(token.text("token")?);
        // SAFETY: by the contract above.
        unsafe { write(out, id.map_or(-1, i64::from)) };
        Ok(())
    })
}

/// # Safety
/// `tokenizer` is alive; `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_id_to_token(
    tokenizer: *const Tokenizer,
    id: u32,
    out: *mut Text,
) -> Text {
    guard(|| {
        // SAFETY: by the contract above.
        let token = unsafe { &*tokenizer }.id_to_token(id);
        // SAFETY: by the contract above.
        unsafe { write(out, token.map_or(Text::NONE, Text::from)) };
        Ok(())
    })
}

/// # Safety
/// `tokenizer` is alive; `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_tokenizer_vocab_size(
    tokenizer: *const Tokenizer,
    out: *mut usize,
) -> Text {
    guard(|| {
        // SAFETY: by the contract above.
        unsafe { write(out, id_bound(&*tokenizer)) };
        Ok(())
    })
}
