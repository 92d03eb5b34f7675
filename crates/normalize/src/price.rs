//! Prices: the amount and the currency in a text such as `from 1.599,00 € *`.

mod currency;
mod found;
mod number;

use rust_decimal::Decimal;

use self::found::{Found, named, sign_in};
use crate::digits::to_ascii;
use crate::shortened;
use crate::text::takes_no_place;

pub use self::currency::currency_code;

/// A text with a price is not longer than this, in bytes.
const MAX_TEXT_BYTES: usize = 2_000;

/// Texts that mean a price of zero, in small letters. The text must consist of nothing else: `free delivery` is not a price.
const FREE: [&str; 12] = [
    "free",
    "for free",
    "gratis",
    "gratuit",
    "gratuito",
    "kostenlos",
    "za darmo",
    "zdarma",
    "бесплатно",
    "безкоштовно",
    "無料",
    "免费",
];

/// What a price says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Price {
    /// How much, with the decimals that the text has.
    pub amount: Decimal,
    /// The currency's sign, word or code, as the text has it but without endings (`руб` for `рублей`). [`currency_code`] gives
    /// its ISO 4217 code.
    pub currency: Option<String>,
}

/// Why a text is not a price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a price: {problem}")]
#[non_exhaustive]
pub struct PriceError {
    /// The text, or its beginning.
    pub text: String,
    /// What is wrong with it.
    pub problem: PriceProblem,
}

/// What is wrong with a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PriceProblem {
    /// It has no number.
    #[error("it has no number")]
    NoNumber,
    /// It has no currency, or only one that the table lacks.
    #[error("it has no currency that is known")]
    NoCurrency,
    /// The marks in the number make no sense, as in `1.2.3`.
    #[error("the points and commas in its number don't fit together")]
    Marks,
    /// The number has more than 28 digits.
    #[error("its number has too many digits")]
    TooLarge,
    /// Nobody writes a price like that.
    #[error("it is longer than {MAX_TEXT_BYTES} bytes: select only the element with the price")]
    TooLong,
}

/// The price in a text.
///
/// The first number next to a currency counts, or else the first number. So a range gives its lower end (`10–20 €` and `10 to 20 €` are 10 €),
/// and of an old and a new price the first one counts. A number before `%` does not count. A minus sign counts if it is directly
/// in front of the number or of its currency. `Free` is 0.
///
/// A single `.` or `,` before exactly three digits is between thousands: `1.234` and `1,234` are 1234. Before one, two or more
/// than three digits it is the decimal mark: `1,20` is 1.20. If there are both, the last one is the decimal mark.
///
/// If a sign can mean several currencies and the text also names one of them, that code is the currency: `$5 USD` is in `USD`.
///
/// ```
/// use dragline_normalize::price;
///
/// let found = price("841,00 zł – 995,00 zł")?;
/// assert_eq!((found.amount.to_string().as_str(), found.currency.as_deref()), ("841.00", Some("zł")));
/// assert_eq!(price("3 items: $1,299.99")?.amount.to_string(), "1299.99");
/// assert!(price("sold out").is_err());
/// # Ok::<(), dragline_normalize::PriceError>(())
/// ```
///
/// # Errors
/// If the text has no number that makes sense.
pub fn price(text: &str) -> Result<Price, PriceError> {
    price_with(text, "")
}

/// The price in `text`, on a page that shows the currency in another place. A currency in `text` comes first.
///
/// ```
/// use dragline_normalize::price_with;
///
/// let found = price_with("17,95", "DKK/stk")?;
/// assert_eq!((found.amount.to_string().as_str(), found.currency.as_deref()), ("17.95", Some("DKK")));
/// # Ok::<(), dragline_normalize::PriceError>(())
/// ```
///
/// # Errors
/// As [`price`].
pub fn price_with(text: &str, currency_text: &str) -> Result<Price, PriceError> {
    let error = |problem| PriceError { text: shortened(text), problem };
    if text.len().max(currency_text.len()) > MAX_TEXT_BYTES {
        return Err(error(PriceProblem::TooLong));
    }
    let (written, beside) = (characters(text), characters(currency_text));
    let found = Found::in_text(&written);
    let amount = match &found {
        Some(found) => found.amount(&written).map_err(error)?,
        None if is_free(&written) => Decimal::ZERO,
        None => return Err(error(PriceProblem::NoNumber)),
    };
    let sign = found.and_then(|found| found.sign).or_else(|| sign_in(&written)).or_else(|| sign_in(&beside));
    let currency = sign.map(|sign| named(sign, &[&written, &beside]).to_owned());
    Ok(Price { amount, currency })
}

/// The amount of the price in a text, for `parse = dragline::normalize::price_amount` of a field.
///
/// ```
/// assert_eq!(dragline_normalize::price_amount("£11.95")?.to_string(), "11.95");
/// # Ok::<(), dragline_normalize::PriceError>(())
/// ```
///
/// # Errors
/// As [`price`].
pub fn price_amount(text: &str) -> Result<Decimal, PriceError> {
    Ok(price(text)?.amount)
}

/// The currency in a text, for `parse = dragline::normalize::price_currency` of a field. This is its ISO 4217 code if the
/// currency has one, or else its sign.
///
/// ```
/// use dragline_normalize::price_currency;
///
/// assert_eq!(price_currency("1.599,00 €")?, "EUR");
/// assert_eq!(price_currency("$5")?, "$");
/// # Ok::<(), dragline_normalize::PriceError>(())
/// ```
///
/// # Errors
/// If the text has no currency that is known.
pub fn price_currency(text: &str) -> Result<String, PriceError> {
    let error = |problem| PriceError { text: shortened(text), problem };
    if text.len() > MAX_TEXT_BYTES {
        return Err(error(PriceProblem::TooLong));
    }
    let found = currency(text).ok_or_else(|| error(PriceProblem::NoCurrency))?;
    Ok(currency_code(&found).map_or(found, str::to_owned))
}

/// The sign, word or code of the currency in a text, with or without a number. `None` if no currency in it is known.
///
/// ```
/// assert_eq!(dragline_normalize::currency("Pris NOK 1 999,00").as_deref(), Some("NOK"));
/// ```
pub fn currency(text: &str) -> Option<String> {
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let written = characters(text);
    let found = Found::in_text(&written).and_then(|found| found.sign);
    found.or_else(|| sign_in(&written)).map(|sign| named(sign, &[&written]).to_owned())
}

/// The characters, with ASCII digits and plain spaces, and without those that take up no place.
fn characters(text: &str) -> Vec<char> {
    let plain = |c: char| match c {
        // Full width: `＄１，２００`.
        '\u{ff01}'..='\u{ff5e}' => u8::try_from(u32::from(c) - 0xfee0).map_or(c, char::from),
        '￥' => '¥',
        '￡' => '£',
        '￦' => '₩',
        '−' => '-',
        c if c.is_whitespace() => ' ',
        c => to_ascii(c),
    };
    let mut written: Vec<char> = text.chars().filter(|c| !takes_no_place(*c)).map(plain).collect();
    written.dedup_by(|later, earlier| *later == ' ' && *earlier == ' ');
    written
}

fn is_free(text: &[char]) -> bool {
    let words: String = text.iter().map(|c| if c.is_alphabetic() { *c } else { ' ' }).collect();
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    FREE.contains(&words.join(" ").as_str())
}

#[cfg(test)]
mod tests;
