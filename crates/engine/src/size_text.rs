//! Sizes for people.

use dragline_core::counted::counted;

/// A number of bytes in a readable unit.
pub(crate) fn size_text(bytes: usize) -> String {
    match bytes {
        0..1024 => counted(bytes, "byte"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
