//! Prices as shops show them, and texts that are not prices.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> String {
    match price(text) {
        Ok(Price { amount, currency: None }) => amount.to_string(),
        Ok(Price { amount, currency: Some(currency) }) => format!("{amount} {currency}"),
        Err(error) => format!("{:?}", error.problem),
    }
}

#[test]
fn the_number_next_to_a_currency_counts() {
    for (text, found) in [
        ("2 for $5", "5 $"),
        ("12x de R$ 44,00 sem juros", "44.00 R$"),
        ("Size 42 — 19,99 €", "19.99 €"),
        ("was 5 € now 4 €", "5 €"),
        ("20 Ft cable, 15 €", "15 €"),
        ("2 990 Ft", "2990 Ft"),
        ("TOP 10: 5 EUR", "5 EUR"),
        ("15 eur", "15 EUR"),
        ("EUR15", "15 EUR"),
        ("5 ALL", "5 ALL"),
        ("buy ALL for 5", "5"),
        ("7 of 9", "7"),
        ("10% off 9", "9"),
        ("5 recommendations", "5"),
        ("5 rubber ducks", "5"),
        ("12 €/m²", "12 €"),
        ("105.– CHF", "105 CHF"),
        ("2 400,-Kč", "2400 Kč"),
        ("10€99", "10.99 €"),
        ("10€99 TTC", "10.99 €"),
        ("10€ 99", "10.99 €"),
        ("10€ 99 pieces", "10 €"),
        ("10€20€", "10 €"),
        ("10€990", "10 €"),
        ("税込1,200円（税抜）", "1200 円"),
        ("12,000원입니다", "12000 원"),
        ("￥１，２００", "1200 ¥"),
        ("١٢٫٥ ريال", "12.5 ريال"),
        ("5 руб. за кг", "5 руб."),
        ("$5", "5 $"),
        ("US$5", "5 US$"),
    ] {
        assert_eq!(read(text), found, "{text}");
    }
}

#[test]
fn a_code_says_which_currency_a_sign_means() {
    for (text, found) in [
        ("$5 USD", "5 USD"),
        ("$5 AUD inc. GST", "5 AUD"),
        ("AUD $5", "5 AUD"),
        ("5 kr (SEK)", "5 SEK"),
        ("¥500 CNY", "500 CNY"),
        // The code of another currency is another price.
        ("$5 or EUR", "5 $"),
        ("£94.50 GBP", "94.50 £"),
    ] {
        assert_eq!(read(text), found, "{text}");
    }
    assert_eq!(price_with("$5", "Prices in CAD").unwrap().currency.as_deref(), Some("CAD"));
    assert_eq!(price_with("5", "Prices in CAD").unwrap().currency.as_deref(), Some("CAD"));
    assert_eq!(price_with("5 €", "CAD").unwrap().currency.as_deref(), Some("€"));
}

#[test]
fn a_range_gives_its_lower_end() {
    for (text, found) in [
        ("841,00 zł – 995,00 zł", "841.00 zł"),
        ("$5 - $10", "5 $"),
        ("10–20 €", "10 €"),
        ("10 - 20 €", "10 €"),
        ("from 10-20 €", "10 €"),
        ("From 26 to 50 €", "26 €"),
        ("up to 50 €", "50 €"),
        ("Model 12 - 500 €", "500 €"),
    ] {
        assert_eq!(read(text), found, "{text}");
    }
}

#[test]
fn a_minus_is_directly_in_front() {
    for (text, found) in [
        ("-5 €", "-5 €"),
        ("−5,50 €", "-5.50 €"),
        ("-$5", "-5 $"),
        ("$-5", "-5 $"),
        ("EUR -5", "-5 EUR"),
        ("Discount: -5", "-5"),
        ("Price - 5 €", "5 €"),
        ("A-5", "5"),
        ("-0", "0"),
        ("--5", "5"),
    ] {
        assert_eq!(read(text), found, "{text}");
    }
}

#[test]
fn what_is_free_costs_nothing() {
    for (text, found) in [
        ("Free!", "0"),
        (" GRATIS ", "0"),
        ("Бесплатно", "0"),
        ("free delivery", "NoNumber"),
        ("Free, worth $5", "5 $"),
    ] {
        assert_eq!(read(text), found, "{text}");
    }
}

#[test]
fn no_price_is_an_error_that_says_why() {
    for (text, problem) in [
        ("", "it has no number"),
        ("sold out", "it has no number"),
        ("50 %", "it has no number"),
        ("1.2.3 €", "the points and commas in its number don't fit together"),
        ("1000000000000000000000000000000", "its number has too many digits"),
    ] {
        let error = price(text).unwrap_err().to_string();
        assert_eq!(error, format!("{text:?} is not a price: {problem}"));
    }
    let long = "1".repeat(MAX_TEXT_BYTES + 1);
    assert!(price(&long).unwrap_err().to_string().ends_with("select only the element with the price"));
    assert_eq!(price_currency("5").unwrap_err().problem, PriceProblem::NoCurrency);
    assert_eq!(currency(&long), None);
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), near in "[0-9.,' €$krRKs%–-]{0,30}") {
        for text in [&text, &near, &format!("{near}{text}")] {
            let _ = price_with(text, &near);
            let _ = price_currency(text);
        }
    }

    #[test]
    fn what_is_written_is_read(amount in 0i64..10_000_000, cents in 0u32..100, style in 0usize..4) {
        let (group, decimal) = [(",", "."), (".", ","), (" ", ","), ("\u{a0}", ".")][style];
        let digits = amount.to_string();
        let mut whole = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at) % 3 == 0 {
                whole.push_str(group);
            }
            whole.push(digit);
        }
        let written = format!("ab {whole}{decimal}{cents:02} € *");
        prop_assert_eq!(read(&written), format!("{amount}.{cents:02} €"));
    }
}
