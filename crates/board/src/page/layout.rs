//! What all pages have in common.

use maud::{DOCTYPE, Markup, html};

use super::actions::signed_in;

/// A page.
pub(super) struct Page<'a> {
    /// Its title.
    pub(super) title: &'a str,
    /// The address of its events, if it stays up to date.
    pub(super) events: Option<String>,
    /// Its place in the navigation.
    pub(super) place: Place,
}

/// The places of the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Home,
    Runs,
    Spiders,
    Schedules,
    Items,
    Nowhere,
}

const PLACES: [(Place, &str, &str); 5] = [
    (Place::Home, "/", "Now"),
    (Place::Runs, "/runs", "Runs"),
    (Place::Spiders, "/spiders", "Spiders"),
    (Place::Schedules, "/schedules", "Schedules"),
    (Place::Items, "/items", "Items"),
];

impl Page<'_> {
    /// The whole page with this content.
    pub(super) fn with(&self, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · Dragline" }
                    link rel="icon" href="data:,";
                    link rel="stylesheet" href="/assets/board.css";
                    script src="/assets/board.js" defer {}
                }
                body {
                    a class="skip" href="#content" { "Skip to the content" }
                    header {
                        a class="brand" href="/" { "Dragline" }
                        nav aria-label="Main" {
                            @for (place, address, name) in PLACES {
                                a href=(address) aria-current=[(place == self.place).then_some("page")] { (name) }
                            }
                        }
                        (signed_in())
                        p id="live" role="status" {}
                    }
                    main id="content" data-events=[self.events.as_deref()] {
                        (content)
                    }
                    footer {
                        p { "Times are in UTC. If your browser has another time zone, its time is next to them." }
                        p { a href="/api/v1/openapi.json" { "The same as JSON" } }
                    }
                }
            }
        }
    }
}
