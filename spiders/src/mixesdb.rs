//! mixesdb.com: mixes with their track lists, for the [catalogue].
//!
//! It starts at the recent changes, or at what the arguments name: a search, artists, categories. Lists lead to mixes and to
//! their own next page. A start URL may be a mix or a list of any kind.

use dragline::prelude::*;

use crate::catalogue;
use crate::catalogue::mixesdb::{Links, links, mix};

/// Goes into `scraper_version`. Change it when the same page would now give other rows.
const VERSION: &str = "mixesdb 3";
const SITE: &str = "https://www.mixesdb.com/";
/// How many results a page of a search has.
const RESULTS: &str = "100";
/// The most days that the wiki keeps its recent changes for.
const MAX_RECENT_DAYS: u32 = 90;

/// Crawls what has changed, or what the arguments name.
pub struct MixesDb;

#[derive(SpiderArgs)]
struct MixesDbArgs {
    /// The mixes that a search for this text finds
    search_query: Option<String>,
    /// The mixes of these artists, with commas between
    search_artists: Vec<String>,
    /// The mixes in these categories, with commas between
    categories: Vec<String>,
    /// Also the mixes in the categories of a category
    #[arg(default = false)]
    sub_categories: bool,
    /// How many days of recent changes, without the arguments above
    #[arg(default = 7)]
    recent_days: u32,
    /// Another address of the wiki, such as that of a copy
    site: Option<Url>,
}

impl Spider for MixesDb {
    fn name(&self) -> &str {
        "mixesdb"
    }

    fn description(&self) -> &str {
        "mixesdb.com: DJ mixes and their track lists"
    }

    fn items(&self) -> Vec<ItemType> {
        catalogue::item_types()
    }

    fn arguments(&self) -> Arguments {
        MixesDbArgs::arguments()
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn samples(&self) -> Vec<Sample> {
        let wiki = |name: &str| format!("{SITE}w/{name}");
        vec![
            sample!("../pages/mixesdb/parts.html", wiki("2004-11-20_-_Jean-Michel_Lacroix")).with_tag("mix"),
            sample!("../pages/mixesdb/list.html", wiki("2011-03_-_Marlow_-_Harbour_Podcast_417"))
                .with_tag("mix"),
            // It is stored as a mix without a track list.
            sample!("../pages/mixesdb/no_tracklist.html", wiki("1997_-_Marlow_@_Kombinat")),
            // It is an error, so it can't overwrite a mix.
            sample!("../pages/mixesdb/captcha.html", wiki("1997_-_Marlow_@_Kombinat")).with_tag("mix"),
            sample!("../pages/mixesdb/category.html", wiki("Category:Marlow")).with_tag("list"),
            sample!("../pages/mixesdb/search.html", format!("{SITE}db/index.php?title=Special:Search")),
            sample!("../pages/mixesdb/recent_changes.html", wiki("Special:RecentChanges")).with_tag("list"),
        ]
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        let args = args.typed::<MixesDbArgs>()?;
        if !(1..=MAX_RECENT_DAYS).contains(&args.recent_days) {
            bail!("recent_days is {}; it must be from 1 to {MAX_RECENT_DAYS}", args.recent_days);
        }
        let site = args.site.clone().map_or_else(|| Url::parse(SITE), Ok)?;
        let mut urls = Vec::new();
        if let Some(query) = &args.search_query {
            let search =
                [("title", "Special:Search"), ("search", query), ("fulltext", "1"), ("limit", RESULTS)];
            urls.push(script(&site, &search)?);
        }
        for category in args.search_artists.iter().chain(&args.categories) {
            urls.push(category_page(&site, category)?);
        }
        if urls.is_empty() {
            let days = args.recent_days.to_string();
            let changes =
                [("title", "Special:RecentChanges"), ("namespace", "0"), ("limit", "500"), ("days", &days)];
            urls.push(script(&site, &changes)?);
        }
        let requests = urls.into_iter().map(|url| Ok(Request::from_url(url)?.with_tag("list")));
        requests.collect()
    }

    fn routes(&self) -> Router {
        Router::new().with_start(any).with("list", list).with("mix", a_mix)
    }
}

/// A page of the wiki's script: `/db/index.php?title=…`.
fn script(site: &Url, query: &[(&str, &str)]) -> Result<Url> {
    let mut url = site.join("/db/index.php")?;
    url.query_pairs_mut().extend_pairs(query);
    Ok(url)
}

/// The page of a category, by a name as people type it.
fn category_page(site: &Url, name: &str) -> Result<Url> {
    let name = name.trim().trim_start_matches("Category:").trim().replace(' ', "_");
    if name.is_empty() {
        bail!("the name of an artist or of a category is empty");
    }
    let mut url = site.join("/w/")?;
    match url.path_segments_mut() {
        // A slash in a name is one in the path, as in the links of the wiki.
        Ok(mut path) => drop(path.pop_if_empty().extend(format!("Category:{name}").split('/'))),
        Err(()) => bail!("{site} is not the address of a site"),
    }
    Ok(url)
}

/// A start URL that somebody named.
fn any(page: &Page, out: &mut Output) -> Result<()> {
    match links(page)? {
        Some(links) => follow(page, &links, out),
        None => a_mix(page, out),
    }
}

fn list(page: &Page, out: &mut Output) -> Result<()> {
    match links(page)? {
        Some(links) => follow(page, &links, out),
        None => bail!("the page is not a list of mixes; its title is {:?}", page.title().unwrap_or_default()),
    }
}

fn follow(page: &Page, links: &Links, out: &mut Output) -> Result<()> {
    for href in &links.mixes {
        // Not `follow`, which leaves out what looks like a file: a mix may be called `Show.mp3`.
        match page.request(href) {
            Ok(request) => out.request(request.with_tag("mix")),
            Err(_) => drop(out.follow(page, href)),
        }
    }
    if let Some(next) = &links.next {
        out.follow(page, next).with_tag("list").with_priority(1);
    }
    if page.args().typed::<MixesDbArgs>()?.sub_categories {
        for href in &links.sub_categories {
            out.follow(page, href).with_tag("list");
        }
    }
    Ok(())
}

fn a_mix(page: &Page, out: &mut Output) -> Result<()> {
    catalogue::emit(&mix(page)?, VERSION, out)
}
