//! What is read of sitemaps as sites write them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use url::Url;

use super::{MAX_BYTES, MAX_ENTRIES, Sitemap, SitemapDocument, SitemapError, SitemapKind};
use crate::page_memory::PageMemory;
use crate::stored_page::StoredPage;

fn read(body: impl AsRef<[u8]>) -> Result<Sitemap, SitemapError> {
    Sitemap::read(body.as_ref(), &Url::parse("https://a.example/maps/sitemap.xml").unwrap())
}

/// The URL and the date of each entry.
fn entries(body: impl AsRef<[u8]>) -> Vec<(String, String)> {
    let sitemap = read(body).unwrap();
    let date = |date: chrono::DateTime<chrono::Utc>| date.format("%F %R").to_string();
    sitemap.entries.into_iter().map(|it| (it.url.into(), it.lastmod.map(date).unwrap_or_default())).collect()
}

fn urls(body: impl AsRef<[u8]>) -> Vec<String> {
    entries(body).into_iter().map(|(url, _)| url).collect()
}

fn packed(body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn pair(url: &str, date: &str) -> (String, String) {
    (url.to_owned(), date.to_owned())
}

#[test]
fn a_list_of_pages_is_read_with_everything_that_it_says() {
    let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
        <?xml-stylesheet type="text/xsl" href="/style.xsl"?>
        <!-- made by hand -->
        <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"
            xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
          <url>
            <loc> https://a.example/tea?a=1&amp;b=2 </loc>
            <lastmod>2026-01-31T12:00:00+01:00</lastmod> <changefreq>daily</changefreq> <priority>0.8</priority>
            <xhtml:link rel="alternate" hreflang="de" href="https://a.example/de/tea?a=1&amp;b=2"/>
            <xhtml:link rel="alternate" hreflang="fr" href="/fr/tea"></xhtml:link>
            <xhtml:link rel="canonical" href="/other"/>
            <image:image><image:loc>https://a.example/tea.png</image:loc></image:image>
          </url>
        </urlset>"#;
    let sitemap = read(xml).unwrap();
    assert_eq!((sitemap.kind, sitemap.entries.len()), (SitemapKind::UrlSet, 1));
    let entry = &sitemap.entries[0];
    assert_eq!(entry.url.as_str(), "https://a.example/tea?a=1&b=2");
    assert_eq!(entry.lastmod.unwrap().to_rfc3339(), "2026-01-31T11:00:00+00:00");
    assert_eq!((entry.changefreq.as_deref(), entry.priority), (Some("daily"), Some(0.8)));
    let alternates: Vec<&str> = entry.alternates.iter().map(Url::as_str).collect();
    assert_eq!(alternates, ["https://a.example/de/tea?a=1&b=2", "https://a.example/fr/tea"]);
    assert_eq!(sitemap.faults, super::SitemapFaults::default());
}

#[test]
fn mistakes_are_tolerated() {
    let one = ["https://a.example/1"];
    for xml in [
        // No declaration, no namespace, a wrong one, another prefix, capitals.
        "<urlset><url><loc>https://a.example/1</loc></url></urlset>",
        "<urlset xmlns='http://www.google.com/schemas/sitemap/0.84'><url><loc>https://a.example/1</loc></url></urlset>",
        "<s:urlset xmlns:s='x'><s:url><s:loc>https://a.example/1</s:loc></s:url></s:urlset>",
        "<UrlSet><URL><Loc>https://a.example/1</Loc></URL></UrlSet>",
        // Something before the declaration.
        "\n\n  <?xml version='1.0'?><urlset><url><loc>https://a.example/1</loc></url></urlset>",
        "\u{feff}<?xml version='1.0'?><urlset><url><loc>https://a.example/1</loc></url></urlset>",
        // CDATA, comments and white space within.
        "<urlset><url><loc><![CDATA[https://a.example/1]]></loc></url></urlset>",
        "<urlset><url><loc>\n https://a.example/<!-- x -->1\n</loc></url></urlset>",
        // Relative URLs.
        "<urlset><url><loc>/1</loc></url></urlset>",
        "<urlset><url><loc>../1</loc></url></urlset>",
        "<urlset><url><loc>//a.example/1</loc></url></urlset>",
        // Character references.
        "<urlset><url><loc>https:&#47;&#x2f;a.example/1</loc></url></urlset>",
        // Missing, wrong and stray end tags.
        "<urlset><url><loc>https://a.example/1</url></urlset>",
        "<urlset><url><loc>https://a.example/1</lok></url></urlset>",
        "<urlset><url></b></b><loc>https://a.example/1</loc></url></urlset>",
        "<urlset><url><loc>https://a.example/1</loc></url>",
        // The entries of an index in a list.
        "<urlset><sitemap><loc>https://a.example/1</loc></sitemap></urlset>",
        // Only the first URL counts, and only a child's.
        "<urlset><url><loc>/1</loc><loc>/2</loc></url></urlset>",
        "<urlset><url><x><loc>/2</loc></x><loc>/1</loc></url></urlset>",
        // A text in place of XML.
        "https://a.example/1",
        "\u{feff}# pages\r\n\r\n  https://a.example/1  \r\n",
    ] {
        assert_eq!(urls(xml), one, "{xml}");
    }
    let unescaped = "<urlset><url><loc>https://a.example/?a=1&b=2&c</loc></url></urlset>";
    assert_eq!(urls(unescaped), ["https://a.example/?a=1&b=2&c"]);
    let without_ends =
        "<urlset><url><loc>/1</loc><url><loc>/2</loc><lastmod>2026</lastmod><url><loc>/3</loc></urlset>";
    assert_eq!(
        entries(without_ends),
        [
            pair("https://a.example/1", ""),
            pair("https://a.example/2", "2026-01-01 00:00"),
            pair("https://a.example/3", "")
        ]
    );
}

#[test]
fn what_is_unusable_is_counted_and_costs_only_itself() {
    let xml = "<urlset><url><loc>/1</loc><lastmod>yesterday</lastmod><priority>high</priority></url>
        <url><loc></loc></url> <url><lastmod>2026-01-01</lastmod></url> <url><loc>mailto:a@b</loc></url>
        <url><loc>javascript:x</loc></url> <url><loc>http://</loc></url> <url/> <url></url>
        <url><loc>/2</loc><xhtml:link rel='alternate' href='ftp://x/'/></url></urlset>";
    let sitemap = read(xml).unwrap();
    assert_eq!(sitemap.entries.len(), 2);
    assert_eq!((sitemap.entries[0].lastmod, sitemap.entries[0].priority), (None, None));
    assert_eq!((sitemap.faults.unusable_urls, sitemap.faults.invalid_dates), (8, 1));
    let long =
        format!("<urlset><url><loc>/{}</loc></url><url><loc>/1</loc></url></urlset>", "x".repeat(1 << 20));
    let sitemap = read(long).unwrap();
    assert_eq!((sitemap.entries.len(), sitemap.faults.unusable_urls), (1, 1));
    let text = read("https://a.example/1\nhello\n/2\nftp://a.example/\nhttps://a.example/3").unwrap();
    assert_eq!((text.kind, text.entries.len(), text.faults.unusable_urls), (SitemapKind::Text, 2, 3));
}

#[test]
fn what_cannot_be_read_to_its_end_is_read_up_to_there() {
    for (xml, problem) in [
        ("<urlset><url><loc>/1</loc></url><url><loc>/2", "ends in the middle"),
        ("<urlset><url><loc>/1</loc></url><url", "byte 32"),
        ("<urlset><url><loc>/1</loc></url><!-- ", "byte 32"),
    ] {
        let sitemap = read(xml).unwrap();
        assert_eq!(sitemap.entries.len(), 1, "{xml}");
        let broken = sitemap.faults.broken.unwrap();
        assert!(broken.contains(problem), "{xml}: {broken}");
    }
    let mut damaged = packed(format!(
        "<urlset>{}</urlset>",
        (0..20_000).map(|page| format!("<url><loc>/{page}</loc></url>")).collect::<String>()
    ));
    damaged.truncate(damaged.len() / 2);
    let sitemap = read(&damaged).unwrap();
    assert!(sitemap.entries.len() > 1_000, "{}", sitemap.entries.len());
    assert!(sitemap.faults.broken.unwrap().contains("gzip"));
}

#[test]
fn an_index_names_other_sitemaps() {
    let xml = "<sitemapindex><sitemap><loc>/1.xml.gz</loc><lastmod>2026-03</lastmod></sitemap>
        <sitemap><loc>https://b.example/2.xml</loc></sitemap><url><loc>/3.xml</loc></url></sitemapindex>";
    assert_eq!(read(xml).unwrap().kind, SitemapKind::Index);
    assert_eq!(
        entries(xml),
        [
            pair("https://a.example/1.xml.gz", "2026-03-01 00:00"),
            pair("https://b.example/2.xml", ""),
            pair("https://a.example/3.xml", "")
        ]
    );
}

#[test]
fn feeds_are_read() {
    let rss = r#"<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>
        <title>News</title><link>https://a.example/</link><atom:link rel="self" href="https://a.example/rss"/>
        <item><title>One</title><atom:link rel="alternate" href="/not-this"/><link>https://a.example/one</link>
            <guid isPermaLink="false">x-1</guid><pubDate>Mon, 09 Mar 2026 10:20:30 +0200</pubDate></item>
        <item><guid>https://a.example/two</guid></item>
        <item><guid isPermaLink="false">x-3</guid></item>
        <item><link><![CDATA[ /four?a=1&b=2 ]]></link><enclosure url="/four.mp3"/></item>
        </channel></rss>"#;
    assert_eq!(
        entries(rss),
        [
            pair("https://a.example/one", "2026-03-09 08:20"),
            pair("https://a.example/two", ""),
            pair("https://a.example/four?a=1&b=2", "")
        ]
    );
    assert_eq!(read(rss).unwrap().faults.unusable_urls, 1);
    let rdf = "<rdf:RDF xmlns:rdf='x'><channel><link>/</link></channel><item rdf:about='/1'><link>/1</link>
        <dc:date>2026-03-09T10:20Z</dc:date></item></rdf:RDF>";
    assert_eq!(entries(rdf), [pair("https://a.example/1", "2026-03-09 10:20")]);
    let atom = r#"<feed xmlns="http://www.w3.org/2005/Atom"><link href="/"/><updated>2026-01-01</updated>
        <entry><link rel="edit" href="/edit"/><link href="/1"/><published>2020-01-01T00:00:00Z</published>
            <updated>2026-03-09T10:20:30Z</updated></entry>
        <entry><link rel="alternate" type="text/html" href="https://a.example/2"/><published>2026-02-01T00:00:00Z</published></entry>
        <entry><id>urn:x</id></entry></feed>"#;
    assert_eq!(
        entries(atom),
        [pair("https://a.example/1", "2026-03-09 10:20"), pair("https://a.example/2", "2026-02-01 00:00")]
    );
    assert_eq!(read(atom).unwrap().kind, SitemapKind::Atom);
}

#[test]
fn gzip_files_and_other_encodings_are_unpacked() {
    let xml = "<urlset><url><loc>https://a.example/caf\u{e9}</loc></url></urlset>";
    let expected = ["https://a.example/caf%C3%A9"];
    assert_eq!(urls(packed(xml)), expected);
    assert_eq!(urls(packed(packed(xml))), expected, "packed twice by mistake");
    assert_eq!(
        urls([packed("<urlset><url>"), packed("<loc>/1</loc></url></urlset>")].concat()),
        ["https://a.example/1"]
    );
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><urlset><url><loc>/caf\xe9</loc></url></urlset>";
    assert_eq!(urls(latin), expected);
    assert_eq!(urls(packed(latin)), expected);
    let wide: Vec<u8> = "\u{feff}<urlset><url><loc>/caf\u{e9}</loc></url></urlset>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(urls(wide), expected);
    assert_eq!(read(packed(packed(packed(xml)))).unwrap_err(), SitemapError::NoSitemap);
}

#[test]
fn an_entity_is_never_expanded() {
    let mut bomb = "<?xml version='1.0'?><!DOCTYPE urlset [<!ENTITY l0 'lol'>".to_owned();
    for level in 1..40 {
        let before = format!("&l{};", level - 1).repeat(5);
        bomb += &["<!ENTITY l", &level.to_string(), " '", &before, "'>"].concat();
    }
    bomb.push_str("<!ENTITY file SYSTEM 'file:///etc/passwd'>]><urlset>");
    bomb.push_str("<url><loc>/&l39;</loc></url><url><loc>/&file;</loc></url>");
    bomb.push_str("<url><loc>/&#0;</loc></url><url><loc>/&#xffffffff;</loc></url>");
    bomb.push_str("<url><loc>/1&amp;lt;&apos;&quot;</loc><lastmod>&l39;</lastmod></url></urlset>");
    let sitemap = read(&bomb).unwrap();
    let found: Vec<&str> = sitemap.entries.iter().map(|entry| entry.url.as_str()).collect();
    assert_eq!(found, ["https://a.example/1&lt;'%22"]);
    assert_eq!(sitemap.faults.unusable_urls, 4);
    let attribute = "<!DOCTYPE x [<!ENTITY a 'x'>]><urlset><url><loc>/1</loc><link rel='alternate' href='/&a;'/></url></urlset>";
    assert!(read(attribute).unwrap().entries[0].alternates.is_empty());
}

#[test]
fn everything_is_bounded() {
    let bomb = packed(vec![b' '; MAX_BYTES + 1]);
    assert!(bomb.len() < 100_000);
    assert_eq!(read(&bomb).unwrap_err(), SitemapError::TooLarge(MAX_BYTES));
    assert_eq!(read(packed(&bomb)).unwrap_err(), SitemapError::TooLarge(MAX_BYTES));
    let memory = PageMemory::up_to(1 << 20);
    let opened = SitemapDocument::open(&bomb, None, MAX_BYTES, &memory);
    assert!(matches!(opened, Err(SitemapError::Memory(_))), "{opened:?}");
    let many = format!("<urlset>{}</urlset>", "<url><loc>/1</loc></url>".repeat(MAX_ENTRIES + 1));
    assert_eq!(read(many).unwrap_err(), SitemapError::TooManyEntries(MAX_ENTRIES));
    let deep = format!("<urlset>{}<url><loc>/1</loc></url>", "<a>".repeat(1_000_000));
    assert_eq!(urls(deep).len(), 1);
}

#[test]
fn everything_else_is_not_a_sitemap() {
    for (body, problem) in [
        ("", "empty"),
        (" \n", "empty"),
        ("<!DOCTYPE html><html><body>not found</body></html>", "\"html\""),
        ("<url>&k;", "\"url\""),
        ("<svg/>", "\"svg\""),
        ("<", "neither XML"),
        ("{\"urls\": []}", "neither XML"),
        ("not found", "neither XML"),
    ] {
        let error = read(body).unwrap_err().to_string();
        assert!(error.contains(problem), "{body}: {error}");
    }
    assert!(matches!(read(b"\x1f\x8b\x08garbage"), Err(SitemapError::Gzip(_))));
    assert!(urls("<urlset/>").is_empty() && urls("<sitemapindex></sitemapindex>").is_empty());
}

#[test]
fn a_page_reads_its_sitemap() {
    let page = StoredPage::new("https://a.example/x/sitemap.xml", "<urlset><url><loc>1</loc></url></urlset>");
    let page = page.page().unwrap();
    assert_eq!(page.sitemap().unwrap().entries[0].url.as_str(), "https://a.example/x/1");
    let document = page.sitemap_document(1_000).unwrap();
    let mut entries = document.entries(page.url());
    assert_eq!(entries.by_ref().count(), 1);
    assert_eq!(entries.faults().unusable_urls, 0);
    assert!(page.sitemap_document(10).is_err());
}
