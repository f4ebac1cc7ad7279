//! Chat templates, rendered as transformers' sandboxed Jinja2 environment renders them.

use std::cell::RefCell;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
};
use minijinja_contrib::globals::{cycler, joiner};

use crate::ffi::{Result, Text, View, guard, write};
use crate::{generation_tags, python_json, python_methods, python_time};

const NAME: &str = "chat_template";

thread_local! {
    /// What raise_exception() was given in the rendering of this thread: macros wrap errors, and
    /// the author's words are to come through as they are.
    static RAISED: RefCell<Option<String>> = const { RefCell::new(None) };
    /// The time that strftime_now() sees in the rendering of this thread.
    static NOW: RefCell<i64> = const { RefCell::new(0) };
}

fn raise_exception(message: &Value) -> std::result::Result<Value, Error> {
    let text = message.to_string();
    RAISED.with_borrow_mut(|raised| *raised = Some(text.clone()));
    Err(Error::new(ErrorKind::InvalidOperation, text))
}

fn strftime_now(format: &str) -> std::result::Result<String, Error> {
    let now = NOW.with_borrow(|now| *now);
    python_time::strftime(format, now).map_err(|e| Error::new(ErrorKind::InvalidOperation, e))
}

/// Python's idea of what has a length and an order: text and mappings too.
fn is_sequence(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::String | ValueKind::Seq | ValueKind::Map
    )
}

fn is_iterable(value: &Value) -> bool {
    is_sequence(value) || matches!(value.kind(), ValueKind::Undefined | ValueKind::Iterable)
}

/// Prints as Python does; minijinja differs for large and small floats only.
fn print(out: &mut Output, state: &mut State, value: &Value) -> std::result::Result<(), Error> {
    if value.kind() == ValueKind::Number && !value.is_integer() {
        return write!(out, "{}", python_json::float_repr(value)).map_err(Error::from);
    }
    minijinja::escape_formatter(out, state, value)
}

fn parse(source: &str) -> Result<Environment<'static>> {
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(|e| e.to_string())?;
    env.set_syntax(syntax);
    env.set_undefined_behavior(UndefinedBehavior::Lenient);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_unknown_method_callback(python_methods::call);
    env.add_filter("tojson", python_json::filter);
    env.add_filter("trim", python_methods::trim);
    env.add_test("sequence", is_sequence);
    env.add_test("iterable", is_iterable);
    env.set_formatter(print);
    env.add_function("cycler", cycler);
    env.add_function("joiner", joiner);
    env.add_function("raise_exception", raise_exception);
    env.add_function("strftime_now", strftime_now);
    env.add_template_owned(NAME, generation_tags::neutralise(source))
        .map_err(|e| describe(&e))?;
    Ok(env)
}

fn render(env: &Environment, context: &[u8], now: i64) -> Result<String> {
    let context: Value =
        serde_json::from_slice(context).map_err(|e| format!("template variables: {e}"))?;
    RAISED.set(None);
    NOW.set(now);
    let template = env.get_template(NAME).map_err(|e| describe(&e))?;
    template
        .render(context)
        .map_err(|e| RAISED.take().unwrap_or_else(|| describe(&e)))
}

/// "line 3: unknown filter: filter foo is unknown", outermost cause first.
fn describe(error: &Error) -> String {
    let mut text = match error.line() {
        Some(line) => format!("line {line}: {}", error.kind()),
        None => error.kind().to_string(),
    };
    if let Some(detail) = error.detail() {
        text = format!("{text}: {detail}");
    }
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text} ({cause})");
        source = cause.source();
    }
    text
}

/// # Safety
/// `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_template_parse(
    source: View,
    out: *mut *mut Environment<'static>,
) -> Text {
    guard(|| {
        let template = Box::new(parse(source.text("chat template")?)?);
        // SAFETY: by the contract above.
        unsafe { write(out, Box::into_raw(template)) };
        Ok(())
    })
}

/// # Safety
/// `template` is null or came from `aieb_template_parse`, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_template_free(template: *mut Environment<'static>) {
    if !template.is_null() {
        // SAFETY: by the contract above.
        drop(unsafe { Box::from_raw(template) });
    }
}

/// # Safety
/// `template` is alive; `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_template_render(
    template: *const Environment<'static>,
    context: View,
    now: i64,
    out: *mut Text,
) -> Text {
    guard(|| {
        // SAFETY: by the contract above.
        let text = render(unsafe { &*template }, context.bytes(), now)?;
        // SAFETY: by the contract above.
        unsafe { write(out, text.into()) };
        Ok(())
    })
}
