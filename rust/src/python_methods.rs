//! Methods of Python's str, list and dict that templates call, beyond minijinja-contrib's.

use minijinja::value::{Kwargs, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

type Result<T> = std::result::Result<T, Error>;

pub fn call(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value> {
    let own = match value.kind() {
        ValueKind::String => text_method(value.as_str().unwrap_or_default(), method, args)?,
        ValueKind::Seq => list_method(value, method, args)?,
        ValueKind::Map if method == "copy" => Some(value.clone()),
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None => pycompat::unknown_method_callback(state, value, method, args),
    }
}

/// The filter `trim`: str(value).strip(chars).
pub fn trim(value: &Value, chars: Option<&str>) -> String {
    strip(&value.to_string(), chars, true, true).to_string()
}

fn text_method(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>> {
    let result = match method {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            strip(text, chars, method != "rstrip", method != "lstrip").into()
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            text.strip_prefix(prefix).unwrap_or(text).into()
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            text.strip_suffix(suffix).unwrap_or(text).into()
        }
        "split" => split(text, args, false)?,
        "rsplit" => split(text, args, true)?,
        "partition" | "rpartition" => partition(text, args, method == "rpartition")?,
        "index" | "rindex" => index(text, args, method == "rindex")?,
        "zfill" | "ljust" | "rjust" | "center" => pad(text, method, args)?,
        "casefold" => text.to_lowercase().into(),
        "swapcase" => text.chars().map(swap_case).collect::<String>().into(),
        "isdecimal" => (!text.is_empty() && text.chars().all(|c| c.is_ascii_digit())).into(),
        _ => return Ok(None),
    };
    Ok(Some(result))
}

fn list_method(list: &Value, method: &str, args: &[Value]) -> Result<Option<Value>> {
    match method {
        "copy" => Ok(Some(list.clone())),
        "index" => {
            let (wanted,): (&Value,) = from_args(args)?;
            match list.try_iter()?.position(|item| item == *wanted) {
                Some(at) => Ok(Some(at.into())),
                None => Err(invalid(format!("{wanted:?} is not in list"))),
            }
        }
        _ => Ok(None),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// White space for str.strip and str.split: Unicode's, and the four ASCII separators.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strip<'a>(text: &'a str, chars: Option<&str>, left: bool, right: bool) -> &'a str {
    let strips = |c: char| chars.map_or_else(|| is_space(c), |chars| chars.contains(c));
    let text = if left {
        text.trim_start_matches(strips)
    } else {
        text
    };
    if right {
        text.trim_end_matches(strips)
    } else {
        text
    }
}

/// str.split(sep=None, maxsplit=-1) and str.rsplit.
fn split(text: &str, args: &[Value], from_right: bool) -> Result<Value> {
    let (separator, limit, options): (Option<Value>, Option<i64>, Kwargs) = from_args(args)?;
    let separator = match separator {
        Some(separator) => Some(separator),
        None => options.get("sep")?,
    };
    let limit = match limit {
        Some(limit) => limit,
        None => options.get::<Option<i64>>("maxsplit")?.unwrap_or(-1),
    };
    options.assert_all_used()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let separator = separator.filter(|s| !s.is_none());
    let parts = match separator.as_ref().map(|s| s.as_str()) {
        None if from_right => split_words_right(text, limit),
        None => split_words(text, limit),
        Some(None) => return Err(invalid("split: the separator is no string")),
        Some(Some("")) => return Err(invalid("empty separator")),
        Some(Some(separator)) => split_at(text, separator, limit, from_right),
    };
    Ok(parts.into_iter().map(Value::from).collect())
}

fn split_at<'a>(text: &'a str, separator: &str, limit: usize, from_right: bool) -> Vec<&'a str> {
    let count = limit.saturating_add(1);
    if from_right {
        let mut parts: Vec<&str> = text.rsplitn(count, separator).collect();
        parts.reverse();
        return parts;
    }
    text.splitn(count, separator).collect()
}

fn split_words(text: &str, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while !rest.is_empty() {
        if parts.len() == limit {
            parts.push(rest);
            break;
        }
        let end = rest.find(is_space).unwrap_or(rest.len());
        parts.push(&rest[..end]);
        rest = rest[end..].trim_start_matches(is_space);
    }
    parts
}

fn split_words_right(text: &str, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end_matches(is_space);
    while !rest.is_empty() {
        if parts.len() == limit {
            parts.push(rest);
            break;
        }
        let start = rest
            .char_indices()
            .rfind(|(_, c)| is_space(*c))
            .map_or(0, |(at, c)| at + c.len_utf8());
        parts.push(&rest[start..]);
        rest = rest[..start].trim_end_matches(is_space);
    }
    parts.reverse();
    parts
}

fn partition(text: &str, args: &[Value], from_right: bool) -> Result<Value> {
    let (separator,): (&str,) = from_args(args)?;
    let found = if from_right {
        text.rsplit_once(separator)
    } else {
        text.split_once(separator)
    };
    let parts = match found {
        Some((before, after)) => [before, separator, after],
        None if from_right => ["", "", text],
        None => [text, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

fn index(text: &str, args: &[Value], from_right: bool) -> Result<Value> {
    let (wanted,): (&str,) = from_args(args)?;
    let found = if from_right {
        text.rfind(wanted)
    } else {
        text.find(wanted)
    };
    match found {
        Some(at) => Ok(text[..at].chars().count().into()),
        None => Err(invalid("substring not found")),
    }
}

fn pad(text: &str, method: &str, args: &[Value]) -> Result<Value> {
    let (width, fill): (usize, Option<&str>) = from_args(args)?;
    let missing = width.saturating_sub(text.chars().count());
    let fill = fill.unwrap_or(if method == "zfill" { "0" } else { " " });
    let (left, right) = match method {
        "ljust" => (0, missing),
        "center" => center_padding(missing, width),
        _ => (missing, 0),
    };
    let (sign, digits) = match text.chars().next() {
        Some('-' | '+') if method == "zfill" => text.split_at(1),
        _ => ("", text),
    };
    Ok(format!("{sign}{}{digits}{}", fill.repeat(left), fill.repeat(right)).into())
}

/// CPython puts the odd fill character left when the width is odd.
fn center_padding(missing: usize, width: usize) -> (usize, usize) {
    let left = missing / 2 + (missing & width & 1);
    (left, missing - left)
}

fn swap_case(c: char) -> char {
    if c.is_uppercase() {
        c.to_lowercase().next().unwrap_or(c)
    } else {
        c.to_uppercase().next().unwrap_or(c)
    }
}
