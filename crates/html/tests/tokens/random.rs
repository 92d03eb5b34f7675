//! Random texts that look like HTML, and random changes to pages.

/// Parts that the tokenizer treats in a special way.
const PARTS: &[&str] = &[
    "<",
    ">",
    "/",
    "</",
    "/>",
    "<!",
    "<!-",
    "<!--",
    "-->",
    "--!>",
    "--",
    "-",
    "!",
    "<?",
    "?>",
    "=",
    "'",
    "\"",
    "`",
    "&",
    ";",
    "#",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\x0C",
    "\0",
    "a",
    "b",
    "x",
    "A",
    "Z",
    "0",
    "9",
    "é",
    "€",
    "\u{FEFF}",
    "\u{1F600}",
    "\u{FFFD}",
    "<p>",
    "</p>",
    "<b>",
    "</b>",
    "<a href=",
    "<div class='a b'>",
    "</div>",
    "<br/>",
    "<img src=x>",
    "<pre>\n",
    "<textarea>\n",
    "</textarea>",
    "<title>",
    "</title>",
    "<TITLE>",
    "</Title >",
    "<script>",
    "</script>",
    "</SCRIPT/",
    "</script",
    "<script",
    "script",
    "<style>",
    "</style>",
    "<xmp>",
    "</xmp>",
    "<iframe>",
    "</iframe>",
    "<noscript>",
    "</noscript>",
    "<noframes>",
    "<plaintext>",
    "<svg>",
    "</svg>",
    "<math>",
    "</math>",
    "<mi>",
    "<foreignObject>",
    "<desc>",
    "<![CDATA[",
    "]]>",
    "]",
    "]]",
    "<table>",
    "</table>",
    "<tr>",
    "<td>",
    "<select>",
    "<option>",
    "<template>",
    "</template>",
    "<body a=1>",
    "<html b=2>",
    "<frameset>",
    "<form>",
    "<input>",
    "<!DOCTYPE",
    "<!doctype html>",
    "<!DOCTYPE html PUBLIC \"",
    "PUBLIC",
    "SYSTEM",
    "\"-//W3C//DTD XHTML 1.0 Transitional//EN\"",
    "&amp;",
    "&amp",
    "&lt",
    "&notit;",
    "&notin;",
    "&copy=",
    "&copy",
    "&nGt;",
    "&CounterClockwiseContourIntegral;",
    "&#",
    "&#x",
    "&#65;",
    "&#x41",
    "&#0;",
    "&#128;",
    "&#xD800;",
    "&#x110000;",
    "&#99999999999;",
    "&bogus;",
    "&nbsp;",
    " a=1 a=2",
    " data-something-long=1",
    " onmouseover='x'",
    " checked",
    "itemprop",
    "blockquote",
    "annotation-xml",
];

/// A small generator of random numbers (xorshift64*). The same seed gives the same numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number less than `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }
}

/// A text of up to `parts` parts.
pub(crate) fn text(random: &mut Random, parts: usize) -> String {
    (0..=random.below(parts)).map(|_| PARTS[random.below(PARTS.len())]).collect()
}

/// A part of the page, up to a few kilobytes, with some changes.
pub(crate) fn mutated(random: &mut Random, page: &str) -> String {
    let start = page.floor_char_boundary(random.below(page.len()));
    let length = 1 + random.below(4_000);
    let end = page.floor_char_boundary((start + length).min(page.len()));
    let mut text = page[start..end].to_owned();
    for _ in 0..=random.below(8) {
        let at = text.floor_char_boundary(random.below(text.len() + 1));
        let to = text.floor_char_boundary((at + random.below(20)).min(text.len()));
        match random.below(3) {
            0 => text.insert_str(at, PARTS[random.below(PARTS.len())]),
            1 => text.replace_range(at..to, ""),
            _ => {
                let moved = text[at..to].to_owned();
                let place = text.floor_char_boundary(random.below(text.len() + 1));
                text.insert_str(place, &moved);
            }
        }
    }
    text
}

/// The shortest text that this finds by leaving parts out, and for which `fails` still holds.
pub(crate) fn shortened(text: &str, fails: impl Fn(&str) -> bool) -> String {
    let mut text = text.to_owned();
    let mut length = text.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < text.len() {
            let (from, to) =
                (text.floor_char_boundary(at), text.ceil_char_boundary((at + length).min(text.len())));
            let without = format!("{}{}", &text[..from], &text[to..]);
            if without.len() < text.len() && fails(&without) {
                text = without;
            } else {
                at += length;
            }
        }
        length /= 2;
    }
    text
}
