//! Decimal digits of all scripts that prices and dates are often written in.

/// The zeros of scripts with ten digits in a row: ASCII, Arabic, Persian, Devanagari, Bengali, Thai, full width.
const ZEROS: [char; 7] = ['0', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{e50}', '\u{ff10}'];

/// The ASCII digit of the same value. Other characters stay.
pub(crate) fn to_ascii(c: char) -> char {
    for zero in ZEROS {
        let value = u32::from(c).checked_sub(u32::from(zero));
        if let Some(digit) = value.and_then(|value| char::from_digit(value, 10)) {
            return digit;
        }
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_several_scripts_become_ascii() {
        let read: String = "٣ ۵ ९ ৭ ๘ ４ 7 x ² ½".chars().map(to_ascii).collect();
        assert_eq!(read, "3 5 9 7 8 4 7 x ² ½");
    }
}
