//! 1001tracklists.com: track lists, for the [catalogue].
//!
//! It starts at the front page, which names the newest track lists. A start URL may be a track list, or any page with links to
//! track lists: that of a DJ, an event, a radio show.

use dragline::prelude::*;

use crate::catalogue;
use crate::catalogue::tracklists1001::{is_mix, links, mix};

const SITE: &str = "https://www.1001tracklists.com/";
/// Goes into `scraper_version`. Change it when the same page would now give other rows.
const VERSION: &str = "tracklists1001 3";

/// Crawls the newest track lists, or those that the start URLs lead to.
pub struct Tracklists1001;

impl Spider for Tracklists1001 {
    fn name(&self) -> &str {
        "tracklists1001"
    }

    fn description(&self) -> &str {
        "1001tracklists.com: DJ sets and their track lists"
    }

    fn items(&self) -> Vec<ItemType> {
        catalogue::item_types()
    }

    fn version(&self) -> &str {
        VERSION
    }

    fn samples(&self) -> Vec<Sample> {
        let set = |name: &str| format!("{SITE}tracklist/{name}.html");
        vec![
            sample!("../pages/tracklists1001/set.html", set("2kq7abc/marlow-surge-kombinat")).with_tag("mix"),
            sample!("../pages/tracklists1001/empty.html", set("1gz59x6t/surge-harbour")),
            // It is an error, so it can't overwrite a track list.
            sample!("../pages/tracklists1001/captcha.html", set("1gz59x6t/surge-harbour")).with_tag("mix"),
            sample!("../pages/tracklists1001/front.html", SITE),
        ]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get(SITE)?])
    }

    fn routes(&self) -> Router {
        Router::new().with_start(any).with("mix", a_mix)
    }
}

/// A start URL: a track list, or a page that leads to some.
fn any(page: &Page, out: &mut Output) -> Result<()> {
    if is_mix(page) {
        return a_mix(page, out);
    }
    let links = links(page)?;
    if links.is_empty() {
        // The error says whether the page is a captcha.
        return mix(page).map(drop);
    }
    for href in links {
        match page.request(&href) {
            Ok(request) => out.request(request.with_tag("mix")),
            Err(_) => drop(out.follow(page, &href)),
        }
    }
    Ok(())
}

fn a_mix(page: &Page, out: &mut Output) -> Result<()> {
    catalogue::emit(&mix(page)?, VERSION, out)
}
