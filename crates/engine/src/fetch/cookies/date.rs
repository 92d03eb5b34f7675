//! Reads the date in the attribute `Expires` of a cookie with the algorithm of RFC 6265 §5.1.1, as browsers do.
//!
//! The `cookie` crate reads four fixed formats. Servers write many more (a day of one digit, a full weekday, `UTC`, an offset,
//! no comma). A site often deletes a cookie with such a date when it logs somebody out.

use time::{Date, Month, OffsetDateTime, Time};

/// The moment that a cookie date names; `None` if the text is not a date. An offset in the text means nothing, as the RFC says.
pub(super) fn parse(text: &str) -> Option<OffsetDateTime> {
    let mut found = Found::default();
    for token in text.as_bytes().split(|byte| is_delimiter(*byte)).filter(|token| !token.is_empty()) {
        found.take(token);
    }
    found.moment()
}

/// The parts that have been found. The first token of each kind counts.
#[derive(Default)]
struct Found {
    time: Option<[u32; 3]>,
    day: Option<u32>,
    month: Option<Month>,
    year: Option<u32>,
}

impl Found {
    /// The order of the kinds decides: `15 17 Apr` is the 15th in the year 17.
    fn take(&mut self, token: &[u8]) {
        if self.time.is_none()
            && let Some(time) = time(token)
        {
            self.time = Some(time);
        } else if self.day.is_none()
            && let Some(day) = number(token, 1, 2)
        {
            self.day = Some(day);
        } else if self.month.is_none()
            && let Some(month) = month(token)
        {
            self.month = Some(month);
        } else if self.year.is_none()
            && let Some(year) = number(token, 2, 4)
        {
            self.year = Some(year);
        }
    }

    fn moment(self) -> Option<OffsetDateTime> {
        let year = match self.year? {
            year @ 70..=99 => year + 1900,
            year @ 0..=69 => year + 2000,
            year => year,
        };
        // The calendar refuses days and times that don't exist.
        let [hour, minute, second] = self.time?.map(|part| u8::try_from(part).unwrap_or(u8::MAX));
        let (year, day) = (i32::try_from(year).ok()?, u8::try_from(self.day?).ok()?);
        let date = Date::from_calendar_date(year, self.month?, day).ok().filter(|_| year >= 1601)?;
        Some(date.with_time(Time::from_hms(hour, minute, second).ok()?).assume_utc())
    }
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// `hh:mm:ss` with one or two digits each. Anything but a digit may follow.
fn time(token: &[u8]) -> Option<[u32; 3]> {
    let mut parts = token.splitn(3, |byte| *byte == b':');
    let (hour, minute, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = |part: &[u8]| number(part, 1, 2).filter(|_| part.iter().all(u8::is_ascii_digit));
    Some([whole(hour)?, whole(minute)?, number(rest, 1, 2)?])
}

/// The number at the beginning, of `least` to `most` digits. Anything but a digit may follow.
fn number(token: &[u8], least: usize, most: usize) -> Option<u32> {
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(least..=most).contains(&digits) {
        return None;
    }
    std::str::from_utf8(&token[..digits]).ok()?.parse().ok()
}

/// The month whose English name begins with the first three letters. Anything may follow.
fn month(token: &[u8]) -> Option<Month> {
    let names = b"janfebmaraprmayjunjulaugsepoctnovdec".chunks(3);
    let start = token.get(..3)?;
    let at = names.into_iter().position(|name| name.eq_ignore_ascii_case(start))?;
    Month::try_from(u8::try_from(at + 1).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<i64> {
        parse(text).map(OffsetDateTime::unix_timestamp)
    }

    #[test]
    fn every_form_that_servers_write_names_the_same_moment() {
        // Tuesday, 5 March 2019, 07:08:09.
        let moment = Some(1_551_769_689);
        for text in [
            "Tue, 05 Mar 2019 07:08:09 GMT",
            "Tue, 5 Mar 2019 7:8:9 GMT",
            "Tuesday, 05-Mar-19 07:08:09 GMT",
            "Tuesday, 5-March-2019 07:08:09 UTC",
            "Tue Mar  5 07:08:09 2019",
            "Tue, 05 Mar 2019 07:08:09 +0000",
            "Tue, 05 Mar 2019 07:08:09 -0800",
            "Tue 05 Mar 2019 07:08:09",
            "05 mar 19 07:08:09",
            "2019 5 MARCH 07:08:09",
            "07:08:09 mar 5 2019",
            "\tTue,05/Mar\\2019\"07:08:09\"",
            "Tue, 05 Mar 2019 07:08:09.123 GMT",
            "Tue, 05 Mar 2019 07:08:09x",
            "Tue, 05th Mar 2019 07:08:09",
            "Tue, 05 Mar 2019 07:08:09 GMT; and 11:22:33 06 Apr 2020",
            "05 Mar 2019x 07:08:09",
        ] {
            assert_eq!(seconds(text), moment, "{text}");
        }
    }

    #[test]
    fn a_year_of_two_digits_has_a_century() {
        for (year, expected) in [("69", 2069), ("00", 2000), ("70", 1970), ("99", 1999), ("1601", 1601)] {
            let moment = parse(&format!("1 Jan {year} 00:00:00")).unwrap();
            assert_eq!(moment.year(), expected, "{year}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "-1",
            "never",
            "Tue, 05 Mar 2019",
            "Mar 2019 07:08:09",
            "05 2019 07:08:09",
            "05 Mar 07:08:09",
            "005 Mar 2019 07:08:09",
            "05 Mar 20190 07:08:09",
            "05 Mar 9 07:08:09",
            "05 Ma 2019 07:08:09",
            "05 Mar 2019 24:00:00",
            "05 Mar 2019 07:60:00",
            "05 Mar 2019 07:08:60",
            "05 Mar 2019 007:08:09",
            "05 Mar 2019 07:08",
            "05 Mar 2019 07x:08:09",
            "05 Mar 1600 07:08:09",
            "00 Mar 2019 07:08:09",
            "32 Mar 2019 07:08:09",
            "29 Feb 2019 07:08:09",
            "31 Apr 2019 07:08:09",
            "\u{660}5 Mar 2019 07:08:09",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(parse("29 Feb 2020 07:08:09").is_some());
    }

    #[test]
    fn the_vectors_of_cookie_dates_are_understood() {
        let Some(vectors) = dragline_testkit::vectors::read("cookie_dates_http_state.json") else { return };
        for row in vectors["rows"].as_array().unwrap() {
            let expected = row["expected"].as_str().map(|date| httpdate::parse_http_date(date).unwrap());
            let found = row["test"].as_str().and_then(parse).map(std::time::SystemTime::from);
            assert_eq!(found, expected, "{row}");
        }
    }
}
