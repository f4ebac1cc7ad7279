//! What the C border needs: borrowed and owned texts, and the guard that turns errors and panics
//! into messages.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Once;

pub type Result<T> = std::result::Result<T, String>;

/// Borrowed bytes of the caller; valid for the duration of the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct View {
    data: *const u8,
    size: usize,
}

/// Owned bytes; `data` is null for "nothing".
#[repr(C)]
pub struct Text {
    data: *mut u8,
    size: usize,
}

#[repr(C)]
pub struct Ids {
    data: *mut u32,
    size: usize,
}

impl View {
    pub fn bytes<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            return &[];
        }
        // SAFETY: the header promises `size` readable bytes for the duration of the call.
        unsafe { std::slice::from_raw_parts(self.data, self.size) }
    }

    pub fn text<'a>(self, what: &str) -> Result<&'a str> {
        std::str::from_utf8(self.bytes())
            .map_err(|e| format!("{what} is not UTF-8 (byte {})", e.valid_up_to()))
    }
}

impl Text {
    pub const NONE: Text = Text {
        data: ptr::null_mut(),
        size: 0,
    };
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        let (data, size) = leak(text.into_bytes());
        Text { data, size }
    }
}

impl From<Vec<u32>> for Ids {
    fn from(ids: Vec<u32>) -> Ids {
        let (data, size) = leak(ids);
        Ids { data, size }
    }
}

/// Hands a vector to the caller as pointer and length; `reclaim` takes it back.
pub fn leak<T>(values: Vec<T>) -> (*mut T, usize) {
    let size = values.len();
    (Box::into_raw(values.into_boxed_slice()).cast(), size)
}

/// # Safety
/// `data` and `size` come from `leak`, and are not used afterwards; null is allowed.
pub unsafe fn reclaim<T>(data: *mut T, size: usize) {
    if !data.is_null() {
        // SAFETY: by the contract above this is the boxed slice that `leak` gave away.
        drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(data, size)) });
    }
}

/// Runs the body of a C function: an error or a panic becomes the returned message.
pub fn guard(body: impl FnOnce() -> Result<()>) -> Text {
    silence_panics();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Text::NONE,
        Ok(Err(message)) => message.into(),
        Err(panic) => format!("internal error: {}", panic_text(&*panic)).into(),
    }
}

/// The message travels to the caller; the default hook would print it as well.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "panic without a message"
    }
}

/// # Safety
/// `out` is valid for one write.
pub unsafe fn write<T>(out: *mut T, value: T) {
    // SAFETY: by the contract above.
    unsafe { ptr::write(out, value) }
}

/// # Safety
/// `text` came from this library and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_text_free(text: Text) {
    // SAFETY: by the contract above.
    unsafe { reclaim(text.data, text.size) }
}

/// # Safety
/// `ids` came from this library and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_ids_free(ids: Ids) {
    // SAFETY: by the contract above.
    unsafe { reclaim(ids.data, ids.size) }
}
