//! Signs, codes and words of currencies, and the ISO 4217 code of those that mean only one.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Where a sign or word counts as a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strength {
    /// Anywhere, in small or large letters.
    Strong,
    /// Only next to a number, and only if no number stands next to a strong one: it may also be something else, as the `K` in
    /// `5 K` and the `Ft` in `20 Ft`. Small and large letters differ.
    Weak,
}

/// A currency as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    /// As it is returned: without the endings of a word (`руб` for `рублей`).
    pub(super) text: &'static str,
    pub(super) code: Option<&'static str>,
    /// What a sign without a code of its own may stand for.
    pub(super) may_be: &'static str,
    pub(super) strength: Strength,
}

/// More characters than this, and it is not in the table.
pub(super) const MAX_SIGN_CHARACTERS: usize = 9;

/// The codes of ISO 4217 for today's money, and some old ones that shops still show.
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF \
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP \
    MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK \
    SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF \
    XPF YER ZAR ZMW";

/// Codes that are also words or abbreviations in large letters.
const CODES_THAT_ARE_WORDS: &str = "ALL BAM BOB COP CUP GEL MAD MOP PEN PHP SOS TOP TRY";

/// Codes that people also write in small letters.
const CODES_IN_SMALL_LETTERS: &str = "AUD BRL CAD CHF CZK DKK EUR GBP HUF INR JPY NOK PLN RUB SEK UAH USD";

const DOLLARS: &str = "USD CAD AUD NZD SGD HKD TWD MXN ARS CLP COP BBD BMD BND BSD BZD CUP CVE DOP FJD GYD JMD KYD LRD MOP NAD NIO SBD \
    SRD TTD UYU WST XCD";
const KRONOR: &str = "SEK NOK DKK ISK";
const ROUBLES: &str = "RUB BYN";

/// Signs and words that count anywhere: as written, their code, and what they may stand for if they have none.
#[rustfmt::skip]
const STRONG: &[(&str, Option<&str>, &str)] = &[
    // Signs.
    ("$", None, DOLLARS), ("€", Some("EUR"), ""), ("£", Some("GBP"), ""), ("¥", None, "JPY CNY"), ("₤", None, "GBP TRY"),
    ("₽", Some("RUB"), ""), ("₹", Some("INR"), ""), ("₩", Some("KRW"), ""), ("₪", Some("ILS"), ""), ("₫", Some("VND"), ""),
    ("₺", Some("TRY"), ""), ("₴", Some("UAH"), ""), ("₸", Some("KZT"), ""), ("₮", Some("MNT"), ""), ("₦", Some("NGN"), ""),
    ("₱", Some("PHP"), ""), ("₲", Some("PYG"), ""), ("₡", Some("CRC"), ""), ("₵", Some("GHS"), ""), ("₭", Some("LAK"), ""),
    ("₼", Some("AZN"), ""), ("₾", Some("GEL"), ""), ("₨", None, "INR PKR LKR NPR MUR SCR"), ("฿", Some("THB"), ""),
    ("৳", Some("BDT"), ""), ("៛", Some("KHR"), ""), ("֏", Some("AMD"), ""), ("؋", Some("AFN"), ""), ("﷼", None, "IRR SAR OMR QAR YER"),
    ("¢", None, ""), ("₿", None, ""),
    // Signs with the country.
    ("US$", Some("USD"), ""), ("U$S", Some("USD"), ""), ("AU$", Some("AUD"), ""), ("A$", Some("AUD"), ""), ("CA$", Some("CAD"), ""),
    ("CAD$", Some("CAD"), ""), ("AUD$", Some("AUD"), ""), ("NZ$", Some("NZD"), ""), ("HK$", Some("HKD"), ""), ("NT$", Some("TWD"), ""),
    ("SG$", Some("SGD"), ""), ("S$", Some("SGD"), ""), ("R$", Some("BRL"), ""), ("MX$", Some("MXN"), ""), ("AR$", Some("ARS"), ""),
    ("CL$", Some("CLP"), ""), ("CO$", Some("COP"), ""), ("RD$", Some("DOP"), ""), ("TT$", Some("TTD"), ""), ("WS$", Some("WST"), ""),
    ("BZ$", Some("BZD"), ""), ("Bds$", Some("BBD"), ""), ("BN$", Some("BND"), ""), ("FJ$", Some("FJD"), ""), ("G$", Some("GYD"), ""),
    ("J$", Some("JMD"), ""), ("N$", Some("NAD"), ""), ("MOP$", Some("MOP"), ""), ("EC$", Some("XCD"), ""), ("$U", Some("UYU"), ""),
    ("C$", None, "CAD NIO"), ("T$", None, "TOP TTD"), ("Z$", None, ""), ("E£", Some("EGP"), ""), ("LB£", Some("LBP"), ""),
    ("CN¥", Some("CNY"), ""), ("JP¥", Some("JPY"), ""), ("GH₵", Some("GHS"), ""), ("B/.", Some("PAB"), ""), ("S/.", Some("PEN"), ""),
    ("S/", Some("PEN"), ""),
    // Words of Latin letters.
    ("kr", None, KRONOR), ("kr.", None, KRONOR), ("zł", Some("PLN"), ""), ("zl", Some("PLN"), ""), ("Kč", Some("CZK"), ""),
    ("Kčs", None, ""), ("lei", None, "RON MDL"), ("euro", Some("EUR"), ""), ("euros", Some("EUR"), ""), ("yen", Some("JPY"), ""),
    ("yuan", Some("CNY"), ""), ("francs", None, "CHF XOF XAF XPF"), ("SFr.", Some("CHF"), ""), ("SFr", Some("CHF"), ""),
    // Words of other letters.
    ("руб.", None, ROUBLES), ("руб", None, ROUBLES), ("грн.", Some("UAH"), ""), ("грн", Some("UAH"), ""), ("лв.", Some("BGN"), ""),
    ("лв", Some("BGN"), ""), ("дин.", None, "RSD"), ("дин", None, "RSD"), ("ден.", Some("MKD"), ""), ("ден", Some("MKD"), ""),
    ("тг.", Some("KZT"), ""), ("тг", Some("KZT"), ""), ("тенге", Some("KZT"), ""), ("сум", Some("UZS"), ""), ("сом", Some("KGS"), ""),
    ("евро", Some("EUR"), ""), ("ευρώ", Some("EUR"), ""), ("원", Some("KRW"), ""), ("円", Some("JPY"), ""), ("元", None, "CNY TWD"),
    ("人民币", Some("CNY"), ""), ("ريال", None, "IRR SAR OMR QAR YER"), ("ریال", Some("IRR"), ""), ("تومان", None, ""),
    ("درهم", None, "AED MAD"), ("د.إ", Some("AED"), ""), ("د.ج", Some("DZD"), ""), ("دج", Some("DZD"), ""), ("د.ك", Some("KWD"), ""),
    ("ر.س", Some("SAR"), ""), ("ر.ق", Some("QAR"), ""), ("ج.م", Some("EGP"), ""), ("บาท", Some("THB"), ""),
];

/// Signs that count only next to a number, and only as they are written here.
#[rustfmt::skip]
const WEAK: &[(&str, Option<&str>, &str)] = &[
    ("Ft", Some("HUF"), ""), ("Ft.", Some("HUF"), ""), ("Fr.", None, "CHF XOF XAF XPF"), ("Fr", None, "CHF XOF XAF XPF"),
    ("Rs.", None, "INR PKR LKR NPR MUR SCR"), ("Rs", None, "INR PKR LKR NPR MUR SCR"), ("RM", Some("MYR"), ""), ("Rp", Some("IDR"), ""),
    ("Rp.", Some("IDR"), ""), ("TL", Some("TRY"), ""), ("R", Some("ZAR"), ""), ("K", None, "PGK ZMW MMK"), ("Ks", Some("MMK"), ""),
    ("Kz", Some("AOA"), ""), ("Q", Some("GTQ"), ""), ("Bs", None, "BOB VES"), ("Bs.", None, "BOB VES"),
    ("BD", Some("BHD"), ""), ("KD", Some("KWD"), ""), ("JD", Some("JOD"), ""), ("Db", Some("STN"), ""), ("Fdj", Some("DJF"), ""),
    ("Nfk", Some("ERN"), ""), ("RF", Some("RWF"), ""), ("SPL", None, ""), ("Sl", None, ""), ("Vt", Some("VUV"), ""),
    ("USh", Some("UGX"), ""), ("KSh", Some("KES"), ""), ("Ksh", Some("KES"), ""), ("TSh", Some("TZS"), ""), ("KM", Some("BAM"), ""),
    ("DH", None, "AED MAD"), ("Dh", None, "AED MAD"), ("dhs", None, "AED MAD"), ("Dhs", None, "AED MAD"),
    ("din", None, "RSD"), ("din.", None, "RSD"), ("kn", Some("HRK"), ""), ("DM", None, ""),
    ("р.", None, ROUBLES), ("р", None, ROUBLES), ("Р", None, ROUBLES), ("с", None, "KGS TJS"), ("км", Some("BAM"), ""), ("КМ", Some("BAM"), ""),
];

/// Words with endings, and the sign that they stand for.
const FORMS: &[(&str, &str)] = &[
    ("рублей", "руб"),
    ("рубля", "руб"),
    ("рубль", "руб"),
    ("гривень", "грн"),
    ("гривен", "грн"),
    ("гривні", "грн"),
    ("гривна", "грн"),
    ("złotych", "zł"),
    ("złote", "zł"),
    ("złoty", "zł"),
    ("kronor", "kr"),
    ("kroner", "kr"),
    ("лева", "лв"),
];

/// The sign, if it is the whole text.
pub(super) fn sign(text: &str) -> Option<Sign> {
    let signs = &*SIGNS;
    if let Some(sign) = signs.get(text) {
        return Some(*sign);
    }
    let lower = text.to_lowercase();
    signs.get(lower.as_str()).copied().filter(|sign| sign.strength == Strength::Strong)
}

/// The code, if the text is one in large letters.
pub(super) fn iso_code(text: &str) -> Option<&'static str> {
    if text.len() != 3 {
        return None;
    }
    CODES.split_ascii_whitespace().find(|code| *code == text)
}

/// The ISO 4217 code of a currency's sign, word or code, if it means only one currency. `$`, `kr`, `¥`, `руб.` and `lei` mean
/// several, so they have none. `£` is the British pound: others are written with their country, as in `E£`.
///
/// ```
/// use dragline_normalize::currency_code;
///
/// assert_eq!(currency_code("€"), Some("EUR"));
/// assert_eq!(currency_code("Kč"), Some("CZK"));
/// assert_eq!(currency_code("usd"), Some("USD"));
/// assert_eq!(currency_code("$"), None);
/// ```
pub fn currency_code(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if text.chars().count() > MAX_SIGN_CHARACTERS {
        return None;
    }
    sign(text).and_then(|sign| sign.code).or_else(|| iso_code(&text.to_ascii_uppercase()))
}

static SIGNS: LazyLock<HashMap<String, Sign>> = LazyLock::new(|| {
    let mut signs = HashMap::new();
    for code in CODES.split_ascii_whitespace() {
        let is_word = CODES_THAT_ARE_WORDS.split_ascii_whitespace().any(|word| word == code);
        let strength = if is_word { Strength::Weak } else { Strength::Strong };
        let sign = Sign { text: code, code: Some(code), may_be: "", strength };
        signs.insert(code.to_owned(), sign);
    }
    for code in CODES_IN_SMALL_LETTERS.split_ascii_whitespace() {
        let sign = Sign { text: code, code: Some(code), may_be: "", strength: Strength::Strong };
        signs.insert(code.to_lowercase(), sign);
    }
    for (text, code, may_be) in STRONG {
        let sign = Sign { text, code: *code, may_be, strength: Strength::Strong };
        signs.insert(text.to_lowercase(), sign);
    }
    for (text, code, may_be) in WEAK {
        signs.insert((*text).to_owned(), Sign { text, code: *code, may_be, strength: Strength::Weak });
    }
    for (form, of) in FORMS {
        if let Some(sign) = signs.get(*of).copied() {
            signs.insert((*form).to_owned(), sign);
        }
    }
    signs
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert!(codes.is_sorted() && codes.iter().all(|code| code.len() == 3));
        let known = |list: &str| list.split_ascii_whitespace().all(|code| codes.contains(&code));
        assert!(known(CODES_THAT_ARE_WORDS) && known(CODES_IN_SMALL_LETTERS));
        for (text, code, may_be) in STRONG.iter().chain(WEAK) {
            assert!(known(code.unwrap_or_default()) && known(may_be), "{text}");
            assert!(code.is_none() || may_be.is_empty(), "{text} means one currency or several");
            assert!(text.chars().count() <= MAX_SIGN_CHARACTERS, "{text}");
            let found = sign(text).unwrap_or_else(|| panic!("{text} is not found"));
            assert_eq!((found.text, found.code), (*text, *code));
        }
        for (form, of) in FORMS {
            assert_eq!(sign(form), sign(of), "{form}");
            assert!(sign(of).is_some() && form.chars().count() <= MAX_SIGN_CHARACTERS, "{form}");
        }
    }

    #[test]
    fn a_sign_of_several_currencies_has_no_code() {
        for (text, code) in [
            ("€", Some("EUR")),
            (" eur ", Some("EUR")),
            ("GBP", Some("GBP")),
            ("Zł", Some("PLN")),
            ("рублей", None),
            ("RM", Some("MYR")),
            ("rm", None),
            ("A$", Some("AUD")),
            ("TRY", Some("TRY")),
            ("$", None),
            ("kr", None),
            ("¥", None),
            ("C$", None),
            ("Fr.", None),
            ("XYZ", None),
            ("", None),
            ("€€", None),
            ("a long text with € in it", None),
        ] {
            assert_eq!(currency_code(text), code, "{text:?}");
        }
    }
}
