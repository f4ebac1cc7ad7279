//! `datetime.now().strftime(format)`: the C library formats, as it does for Python.

use std::ffi::{CString, c_char};

/// `now`: seconds since the epoch, shown in the local time zone.
pub fn strftime(format: &str, now: i64) -> Result<String, String> {
    if format.is_empty() {
        return Ok(String::new());
    }
    let format = CString::new(format).map_err(|_| "strftime: NUL in the format".to_string())?;
    // SAFETY: all zero is a valid tm; localtime_r fills it.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid for the call.
    if unsafe { libc::localtime_r(&now, &mut parts) }.is_null() {
        return Err("strftime: the time is out of range".to_string());
    }
    // strftime returns 0 both for "too small" and for an empty result (%p in some locales).
    for size in [256, 4096, 65536] {
        let mut buffer = vec![0u8; size];
        // SAFETY: the buffer has `size` bytes, the format ends with NUL, `parts` is filled.
        let length = unsafe {
            libc::strftime(
                buffer.as_mut_ptr().cast::<c_char>(),
                size,
                format.as_ptr(),
                &parts,
            )
        };
        if length > 0 {
            buffer.truncate(length);
            return String::from_utf8(buffer).map_err(|_| "strftime: not UTF-8".to_string());
        }
    }
    Ok(String::new())
}
