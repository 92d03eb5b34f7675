//! Dates of many languages and formats, and texts that are not dates.

use chrono::{Datelike as _, Days};
use proptest::prelude::*;

use super::words::months;
use super::*;
use crate::name::name_key_v1;

fn read(text: &str, order: DateOrder) -> String {
    match date(text, order) {
        Ok(date) => date.to_string(),
        Err(error) => format!("{:?}", error.problem),
    }
}

#[test]
fn a_day_has_many_spellings() {
    for text in [
        "2020-05-03",
        "20200503",
        "2020-05-03T14:30:00Z",
        "2020-05-03T23:30:00.123-05:00",
        "20200503T143000Z",
        "Sun, 03 May 2020 14:30:00 +0000",
        "Sun, 3 May 2020 14:30 GMT",
        "Sun May  3 14:30:00 UTC 2020",
        "Sunday, 3rd May 2020",
        "May 3, 2020",
        "May 3rd, 2020 at 2:30 PM",
        "the 3rd of May, 2020",
        "3-May-2020",
        "3 May '20",
        "03/MAY/2020",
        "(3 May 2020)",
        "2020 May 3",
        "2020/5/3",
    ] {
        assert_eq!(read(text, DateOrder::DayFirst), "2020-05-03", "{text}");
    }
}

#[test]
fn every_language_has_its_words() {
    for text in [
        "Sonntag, 3. Mai 2020",
        "So., den 3. Mai 2020 um 14.30 Uhr",
        "dimanche 3 mai 2020 à 14h30",
        "3 de mayo de 2020",
        "domingo, 3 de maio de 2020",
        "domenica 3 maggio 2020",
        "zondag 3 mei 2020",
        "søndag den 3. maj 2020",
        "söndag 3 maj 2020",
        "søndag 3. mai 2020",
        "sunnudagur, 3. maí 2020",
        "sunnuntaina 3. toukokuuta 2020",
        "pühapäev, 3. mai 2020",
        "svētdiena, 2020. gada 3. maijs",
        "2020 m. gegužės 3 d.",
        "niedziela, 3 maja 2020 r.",
        "neděle 3. května 2020",
        "nedeľa 3. mája 2020",
        "nedelja, 3. maj 2020",
        "nedjelja, 3. svibnja 2020.",
        "недеља, 3. мај 2020.",
        "недела, 3 мај 2020 г.",
        "неделя, 3 май 2020 г.",
        "воскресенье, 3 мая 2020 г.",
        "3-го мая 2020 года",
        "неділя, 3 травня 2020 р.",
        "нядзеля, 3 мая 2020 г.",
        "duminică, 3 mai 2020",
        "2020. május 3., vasárnap",
        "Κυριακή 3 Μαΐου 2020",
        "3 Mayıs 2020 Pazar",
        "3 MAYIS 2020",
        "diumenge, 3 de maig del 2020",
        "domingo, 3 de maio de 2020",
        "2020(e)ko maiatzaren 3a",
        "e diel, 3 maj 2020",
        "Minggu, 03 Mei 2020",
        "الأحد، 3 مايو 2020",
        "٣ مايو ٢٠٢٠",
        "יום ראשון, 3 במאי 2020",
        "रविवार, 3 मई 2020",
        "२०२०-०५-०३",
        "2020年5月3日",
        "2020年5月3日(日)",
        "2020年05月03日 星期日",
        "2020 年 5 月 3 日",
        "２０２０年５月３日日曜日",
        "2020년 5월 3일 일요일",
        "Chủ Nhật, ngày 3 tháng 5 năm 2020",
        "Thứ Năm, 3 thg 5, 2020",
    ] {
        assert_eq!(read(text, DateOrder::DayFirst), "2020-05-03", "{text}");
    }
    for (text, found) in [
        ("1er avril 2020", "2020-04-01"),
        ("l'11 d’abril de 2020", "2020-04-11"),
        ("5 août 2020", "2020-08-05"),
        ("5 Ağustos 2020", "2020-08-05"),
        ("5 كانون الثاني 2020", "2020-01-05"),
        ("5 كانون الأول 2020", "2020-12-05"),
        ("12 września 2020", "2020-09-12"),
        ("16 בדצמ׳ 2019", "2019-12-16"),
        ("16 दिस॰ 2019", "2019-12-16"),
        ("16 十二月 2019", "2019-12-16"),
        ("1. März 2020", "2020-03-01"),
        ("1º de março de 2020", "2020-03-01"),
    ] {
        assert_eq!(read(text, DateOrder::DayFirst), found, "{text}");
    }
}

#[test]
fn the_order_is_for_numbers_without_a_year_in_front() {
    use DateOrder::{DayFirst, MonthFirst, YearFirst};
    for (text, order, found) in [
        ("03/05/2020", DayFirst, "2020-05-03"),
        ("03/05/2020", MonthFirst, "2020-03-05"),
        ("03/05/2020", YearFirst, "YearNotFirst"),
        ("3.5.20", DayFirst, "2020-05-03"),
        ("3.5.20", MonthFirst, "2020-03-05"),
        ("20.5.3", YearFirst, "2020-05-03"),
        ("2020-05-03", MonthFirst, "2020-05-03"),
        ("2020/05/03", DayFirst, "2020-05-03"),
        ("3 May 20", DayFirst, "2020-05-03"),
        ("May 3, 20", MonthFirst, "2020-05-03"),
        ("20 May 3", YearFirst, "2020-05-03"),
        ("99 May 3", DayFirst, "1999-05-03"),
        // An order that is wrong is an error, and not another date.
        ("31/12/2020", MonthFirst, "Impossible { year: 2020, month: 31, day: 12 }"),
        ("12/31/2020", DayFirst, "Impossible { year: 2020, month: 31, day: 12 }"),
        ("99/05/03", DayFirst, "Impossible { year: 2003, month: 5, day: 99 }"),
    ] {
        assert_eq!(read(text, order), found, "{text} {order:?}");
    }
}

#[test]
fn a_date_may_be_partial() {
    for (text, found) in [
        ("May 2020", "2020-05"),
        ("mai 2020", "2020-05"),
        ("май 2020 г.", "2020-05"),
        ("2020年5月", "2020-05"),
        ("2020-05", "2020-05"),
        ("05/2020", "2020-05"),
        ("May '20", "2020-05"),
        ("tháng 5 năm 2020", "2020-05"),
        ("2020", "2020"),
        ("2020年", "2020"),
        ("anno 1998", "1998"),
        ("13/2020", "Impossible { year: 2020, month: 13, day: 1 }"),
    ] {
        assert_eq!(read(text, DateOrder::DayFirst), found, "{text}");
    }
    let month = date("May 2020", DateOrder::DayFirst).unwrap();
    let first = NaiveDate::from_ymd_opt(2020, 5, 1).unwrap();
    assert_eq!((month.first_day(), month.year(), month.month(), month.day()), (first, 2020, Some(5), None));
    let year = date("2020", DateOrder::DayFirst).unwrap();
    assert_eq!((year.month(), year.exactness()), (None, Exactness::Year));
    assert!(Exactness::Year < Exactness::Month && Exactness::Month < Exactness::Day);
    assert_eq!(day_first("May 2020").unwrap_err().problem, DateProblem::NoDay);
}

#[test]
fn years_of_two_digits_turn_at_the_pivot() {
    for (text, found) in [("1.1.00", "2000-01-01"), ("1.1.68", "2068-01-01"), ("1.1.69", "1969-01-01")] {
        assert_eq!(read(text, DateOrder::DayFirst), found, "{text}");
    }
    for text in ["1.1.5", "1.1.005", "1 May 5"] {
        assert_eq!(read(text, DateOrder::DayFirst), "NoYear", "{text}");
    }
}

#[test]
fn a_day_of_the_week_is_no_month() {
    for (text, found) in [
        ("mar. 3 mai 2020", "2020-05-03"),
        ("mar. 3 mar. 2020", "2020-03-03"),
        ("mar 03/05/2020", "2020-05-03"),
        ("3 mar 2020", "2020-03-03"),
        ("Sun 03/05/2020", "2020-05-03"),
        ("Sen, 3 Mei 2020", "2020-05-03"),
    ] {
        assert_eq!(read(text, DateOrder::DayFirst), found, "{text}");
    }
}

#[test]
fn a_month_that_depends_on_the_language_needs_it() {
    assert_eq!(read("3 listopada 2020", DateOrder::DayFirst), "AmbiguousMonth(\"listopada\")");
    for (text, language, found) in [
        ("3 listopada 2020", "hr", "2020-10-03"),
        ("3 listopada 2020", "pl", "2020-11-03"),
        ("3. srp 2020", "cs", "2020-08-03"),
        ("3. srp 2020", "HR", "2020-07-03"),
        ("3. maj 2020", "sr-latn", "2020-05-03"),
    ] {
        assert_eq!(
            date_in(text, DateOrder::DayFirst, language).unwrap().to_string(),
            found,
            "{text} {language}"
        );
    }
    let error = |text, language| date_in(text, DateOrder::DayFirst, language).unwrap_err().problem;
    assert_eq!(error("3 Mai 2020", "en"), DateProblem::UnknownWord("mai".to_owned()));
    assert_eq!(error("3 May 2020", "xx"), DateProblem::UnknownLanguage("xx".to_owned()));
}

#[test]
fn what_is_not_a_date_says_why() {
    for (text, problem) in [
        ("", "it is empty"),
        (" - ", "it is empty"),
        ("Sunday", "it is empty"),
        ("yesterday", "the word \"yesterday\" is not known in dates"),
        ("2 days ago", "the word \"days\" is not known in dates"),
        ("Published 3 May 2020", "the word \"published\" is not known in dates"),
        ("令和2年5月3日", "the word \"令和\" is not known in dates"),
        ("3 May 2020?", "it contains '?'"),
        ("3 May 2020 25:00", "it contains ':'"),
        ("3 May", "it has no year"),
        ("May 20", "it has no year"),
        ("5月3日", "it has no year"),
        ("3.5.", "it has no year"),
        ("3-5 May 2020", "its numbers are not a day, a month and a year"),
        ("2019-2020", "its numbers are not a day, a month and a year"),
        ("3 2020 5", "its numbers are not a day, a month and a year"),
        ("123456789", "its numbers are not a day, a month and a year"),
        ("12345", "its numbers are not a day, a month and a year"),
        ("3 May – 5 June 2020", "it names several months"),
        ("April–May 2020", "it names several months"),
        ("31 June 2020", "month 6 of 2020 has no day 31"),
        ("29 Feb 2021", "month 2 of 2021 has no day 29"),
        ("0 May 2020", "month 5 of 2020 has no day 0"),
        ("0000-01-01", "month 1 of 0 has no day 1"),
        ("2020-W18-7", "the word \"w\" is not known in dates"),
    ] {
        let error = date(text, DateOrder::DayFirst).map(|date| date.to_string()).unwrap_err().to_string();
        assert_eq!(error, format!("{text:?} is not a date: {problem}"));
    }
    let long = " ".repeat(MAX_TEXT_BYTES + 1);
    assert!(date(&long, DateOrder::DayFirst).unwrap_err().to_string().contains("select only the element"));
}

#[test]
fn the_tables_are_sound() {
    let all = |text: &str| months(&name_key_v1(text), words::Languages::MAX);
    // The words that mean different months, all of them.
    let mut several: Vec<String> =
        words::all_keys().filter(|key| all(key).len() > 1).map(str::to_owned).collect();
    several.sort_unstable();
    assert_eq!(several, ["lip", "lis", "listopad", "listopada", "srp"]);
    for key in words::all_keys() {
        assert!(!key.is_empty() && !words::is_filler(key), "{key:?} is a month and a filler");
    }
    assert!(LANGUAGES.len() >= 40 && LANGUAGES.len() <= 64, "each language is a bit");
    for tag in LANGUAGES.iter().copied() {
        let language = words::language(tag).unwrap();
        for month in 1..=12 {
            assert!(
                words::all_keys().any(|key| months(key, language).iter().any(|(m, _)| *m == month)),
                "{tag} {month}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), near in "[0-9a-zA-Zé年月日 .,:/'+-]{0,40}") {
        for order in [DateOrder::DayFirst, DateOrder::MonthFirst, DateOrder::YearFirst] {
            let _ = (date(&text, order), date(&near, order), date_in(&near, order, "cs"));
        }
    }

    #[test]
    fn every_day_is_read_as_written(days in 0u64..365 * 900) {
        let day = NaiveDate::from_ymd_opt(1100, 1, 1).and_then(|first| first.checked_add_days(Days::new(days))).unwrap();
        for format in ["%Y-%m-%d", "%d %B %Y", "%A, %e %b %Y", "%Y年%-m月%-d日", "%-d.%-m.%Y", "%Y%m%dT123456", "%a, %d %b %Y 12:34:56 +0100"] {
            let written = day.format(format).to_string();
            prop_assert_eq!(day_first(&written), Ok(day), "{}", written);
        }
        prop_assert_eq!(month_first(&day.format("%m/%d/%Y").to_string()), Ok(day));
        let read = date(&day.to_string(), DateOrder::YearFirst).unwrap();
        prop_assert_eq!(read.to_string(), day.to_string());
        prop_assert_eq!((read.year(), read.month()), (day.year(), Some(day.month())));
    }
}
