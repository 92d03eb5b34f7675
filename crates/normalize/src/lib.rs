//! Reads the texts of pages: clean text, prices, dates, and names in a form for comparison.
//!
//! | you have | you want | function |
//! |---|---|---|
//! | `Caf&eacute;&nbsp; Noir` | `Café Noir` | [`clean`], or its steps [`entities`], [`nfc`] and [`blanks`] |
//! | `1.599,00 €` | 1599.00 and `€` | [`price`]; [`price_with`] if the currency stands elsewhere; [`currency_code`] for `EUR` |
//! | `3 мая 2020 г.` | 2020-05-03 | [`date`], or [`date_in`] if you know the language |
//! | `Björk`, `BJORK` | the same key | [`name_key_v1`] |
//!
//! A text that has no clear meaning is an error that says why. Nothing here guesses from a clock, a place or earlier texts: the
//! same text always means the same. Every function takes time in proportion to the length of the text, and none panics.
//!
//! ```
//! use dragline_normalize::{DateOrder, clean, currency_code, date, price};
//!
//! assert_eq!(clean("  Fish &amp;\n chips "), "Fish & chips");
//!
//! let found = price("from 1.599,00 € *")?;
//! assert_eq!(found.amount.to_string(), "1599.00");
//! assert_eq!(found.currency.as_deref().and_then(currency_code), Some("EUR"));
//!
//! assert_eq!(date("Sunday, 3rd May 2020", DateOrder::DayFirst)?.to_string(), "2020-05-03");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod date;
mod digits;
mod name;
mod price;
mod text;

pub use date::{
    DateError, DateOrder, DateProblem, Exactness, LANGUAGES, PIVOT, PartialDate, date, date_in, day_first,
    month_first, year_first,
};
pub use name::{NAME_KEY_V1, name_key_v1};
pub use price::{
    Price, PriceError, PriceProblem, currency, currency_code, price, price_amount, price_currency, price_with,
};
pub use text::{blanks, clean, entities, lines, nfc};

/// The text for an error, not longer than a line or two.
fn shortened(text: &str) -> String {
    const MAX_CHARACTERS: usize = 100;
    match text.char_indices().nth(MAX_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
