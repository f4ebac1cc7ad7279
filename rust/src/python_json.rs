//! The filter `tojson` as transformers defines it: Python's `json.dumps` with ensure_ascii=False,
//! without the HTML escapes of Jinja's own.

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, ErrorKind};

struct Style {
    indent: Option<String>,
    item_separator: String,
    key_separator: String,
    ensure_ascii: bool,
    sort_keys: bool,
}

pub fn filter(
    value: &Value,
    ensure_ascii: Option<&Value>,
    options: Kwargs,
) -> Result<String, Error> {
    let indent: Option<Value> = options.get("indent")?;
    let separators: Option<Value> = options.get("separators")?;
    let named_ascii: Option<bool> = options.get("ensure_ascii")?;
    let mut style = Style {
        indent: indent.as_ref().map(indent_text).transpose()?.flatten(),
        item_separator: ", ".into(),
        key_separator: ": ".into(),
        ensure_ascii: named_ascii.unwrap_or(ensure_ascii.is_some_and(Value::is_true)),
        sort_keys: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    if style.indent.is_some() {
        style.item_separator = ",".into();
    }
    if let Some(pair) = separators.filter(|s| !s.is_none()) {
        style.item_separator = pair.get_item_by_index(0)?.to_string();
        style.key_separator = pair.get_item_by_index(1)?.to_string();
    }
    let mut out = String::new();
    style.write(&mut out, value, 0)?;
    Ok(out)
}

/// An indent is a number of spaces or the text itself; None is no indent.
fn indent_text(value: &Value) -> Result<Option<String>, Error> {
    if value.is_none() || value.is_undefined() {
        return Ok(None);
    }
    if let Some(text) = value.as_str() {
        return Ok(Some(text.to_string()));
    }
    let count = value
        .as_i64()
        .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "tojson: indent is no number"))?;
    Ok(Some(" ".repeat(count.max(0) as usize)))
}

impl Style {
    fn write(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => out.push_str(&number(value)),
            ValueKind::String => self.write_text(out, value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => self.write_list(out, value, depth)?,
            ValueKind::Map => self.write_map(out, value, depth)?,
            kind => {
                return Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!("Object of type {kind} is not JSON serializable"),
                ));
            }
        }
        Ok(())
    }

    fn write_list(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        out.push('[');
        let mut count = 0;
        for item in value.try_iter()? {
            self.begin_item(out, count, depth);
            self.write(out, &item, depth + 1)?;
            count += 1;
        }
        self.end(out, ']', count, depth);
        Ok(())
    }

    fn write_map(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        out.push('{');
        let mut keys: Vec<Value> = value.try_iter()?.collect();
        if self.sort_keys {
            keys.sort();
        }
        for (count, key) in keys.iter().enumerate() {
            self.begin_item(out, count, depth);
            self.write_text(out, &key_text(key));
            out.push_str(&self.key_separator);
            self.write(out, &value.get_item(key)?, depth + 1)?;
        }
        self.end(out, '}', keys.len(), depth);
        Ok(())
    }

    fn begin_item(&self, out: &mut String, count: usize, depth: usize) {
        if count > 0 {
            out.push_str(&self.item_separator);
        }
        self.new_line(out, depth + 1);
    }

    fn end(&self, out: &mut String, bracket: char, count: usize, depth: usize) {
        if count > 0 {
            self.new_line(out, depth);
        }
        out.push(bracket);
    }

    fn new_line(&self, out: &mut String, depth: usize) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            out.push_str(&indent.repeat(depth));
        }
    }

    fn write_text(&self, out: &mut String, text: &str) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if (c as u32) < 0x20 => push_escape(out, c as u16),
                c if self.ensure_ascii && !(' '..='~').contains(&c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        push_escape(out, *unit);
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

fn push_escape(out: &mut String, unit: u16) {
    out.push_str(&format!("\\u{unit:04x}"));
}

fn key_text(key: &Value) -> String {
    match key.kind() {
        ValueKind::None => "null".into(),
        ValueKind::Bool => if key.is_true() { "true" } else { "false" }.into(),
        ValueKind::Number => number(key),
        _ => key.to_string(),
    }
}

fn number(value: &Value) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    match f64::try_from(value.clone()) {
        Ok(float) if float.is_nan() => "NaN".into(),
        Ok(float) if float.is_infinite() => {
            if float > 0.0 { "Infinity" } else { "-Infinity" }.into()
        }
        _ => float_repr(value),
    }
}

/// `repr` of a float value.
pub fn float_repr(value: &Value) -> String {
    f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
}

/// Python's repr of a float: the shortest digits that read back, with an exponent from 1e16 up and
/// below 1e-4.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    if value == 0.0 || (1e-4..1e16).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn floats_read_as_in_python() {
        for (value, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (1e-300, "1e-300"),
        ] {
            assert_eq!(float(value), text);
        }
    }
}
