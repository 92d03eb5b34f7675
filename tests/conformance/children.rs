//! Children that replace: the rows of a parent that a page gives become exactly those of the page.

use dragline::prelude::*;
use dragline_core::letters::LetterRetry;
use dragline_core::outcome::PageState;
use dragline_core::store::{RunSpec, RunState};
use dragline_core::{Item, ItemRecord, PageOutcome, QueuedRequest, Reason};

use super::fixture::{Session, done_with, ended, execute, request, run, spec};
use super::letters;
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    rows_that_the_page_no_longer_gives_are_deleted,
    a_parent_without_children_loses_them,
    positions_may_move_in_any_way,
    another_page_keeps_its_rows_in_any_order,
    a_row_that_moves_to_another_page_is_never_lost,
    a_page_that_says_nothing_certain_deletes_nothing,
    a_retried_letter_deletes_nothing,
    an_incremental_run_keeps_what_an_unchanged_page_gives,
    a_deleted_child_leaves_its_last_version,
    a_child_that_comes_back_is_new,
    a_row_that_moves_between_pages_of_a_run_leaves_no_version,
    a_table_without_the_page_is_told,
    flushes_that_share_children_neither_wait_for_ever_nor_fail,
);

#[derive(Item)]
#[item(table = "playlists", id = "=name")]
struct Playlist {
    name: String,
}

#[derive(Item)]
#[item(table = "entries", key = "playlist, position", children_of = Playlist)]
struct Entry {
    playlist: Key<Playlist>,
    position: u32,
    title: String,
}

/// The same with a history, and with an id.
#[derive(Item)]
#[item(table = "lines", id = "playlist, title", children_of = Playlist, history)]
struct Line {
    playlist: Key<Playlist>,
    title: String,
    position: u32,
}

fn types() -> [ItemType; 3] {
    [Entry::item_type(), Line::item_type(), Playlist::item_type()]
}

fn playlist(name: &str) -> ItemRecord {
    Playlist { name: name.to_owned() }.into_record()
}

/// Entries of a playlist, as `1a 2b`.
fn entries(name: &str, given: &str) -> Vec<ItemRecord> {
    let entry = |text: &str| {
        let (position, title) = text.split_at(1);
        let playlist = Playlist::key_of(name);
        Entry { playlist, position: position.parse().unwrap(), title: title.to_owned() }.into_record()
    };
    given.split_whitespace().map(entry).collect()
}

fn lines(name: &str, given: &str) -> Vec<ItemRecord> {
    let line = |text: &str| {
        let (position, title) = text.split_at(1);
        let playlist = Playlist::key_of(name);
        Line { playlist, position: position.parse().unwrap(), title: title.to_owned() }.into_record()
    };
    given.split_whitespace().map(line).collect()
}

/// A playlist and its entries.
fn page_of(page: &QueuedRequest, name: &str, given: &str) -> PageOutcome {
    done_with(page, [entries(name, given), vec![playlist(name)]].concat())
}

fn page_of_lines(page: &QueuedRequest, name: &str, given: &str) -> PageOutcome {
    done_with(page, [lines(name, given), vec![playlist(name)]].concat())
}

/// A further run with these start requests. The run before it ends.
struct Nights {
    last: Option<Session>,
}

impl Nights {
    async fn begin(stored: &Stored) -> Self {
        let store = super::fixture::prepared(stored, &types()).await;
        store.close().await;
        Self { last: None }
    }

    async fn night(&mut self, stored: &Stored, pages: &[QueuedRequest], incremental: bool) -> &Session {
        self.end().await;
        let spec = RunSpec { start: pages.to_vec(), incremental, ..spec() };
        let session = Session::open(stored, &spec).await;
        session.store.prepare_items(&types()).await.unwrap();
        self.last.insert(session)
    }

    async fn end(&mut self) {
        if let Some(session) = self.last.take() {
            session.store.end_run(session.key(), RunState::Finished, "finished").await.unwrap();
            session.store.close().await;
        }
    }

    /// A plain night whose pages are stored one after the other.
    async fn plain(&mut self, stored: &Stored, pages: Vec<PageOutcome>, requests: &[QueuedRequest]) {
        let session = self.night(stored, requests, false).await;
        for page in pages {
            session.flush(&[page]).await.unwrap();
        }
    }
}

/// Everything in the table of entries: `1a 2b`.
fn stored_entries(stored: &Stored) -> String {
    let rows = stored.query("select position, title from entries order by position");
    rows.iter().map(|row| row.concat()).collect::<Vec<_>>().join(" ")
}

fn stored_lines(stored: &Stored) -> String {
    let rows = stored.query("select position, title from lines order by position, title");
    rows.iter().map(|row| row.concat()).collect::<Vec<_>>().join(" ")
}

fn rows_that_the_page_no_longer_gives_are_deleted(stored: &Stored) {
    run(async {
        let pages = [request("one"), request("two")];
        let mut nights = Nights::begin(stored).await;
        let first = vec![page_of(&pages[0], "one", "1a 2b 3c"), page_of(&pages[1], "two", "4x 5y")];
        nights.plain(stored, first, &pages).await;
        assert_eq!(stored_entries(stored), "1a 2b 3c 4x 5y");
        // Also if only the children are on the page.
        let second = vec![done_with(&pages[0], entries("one", "1a 3d")), page_of(&pages[1], "two", "4x 5y")];
        nights.plain(stored, second, &pages).await;
        assert_eq!(stored_entries(stored), "1a 3d 4x 5y");
        // The same in one batch.
        let session = nights.night(stored, &pages, false).await;
        session.flush(&[page_of(&pages[0], "one", "1d"), page_of(&pages[1], "two", "5y")]).await.unwrap();
        assert_eq!(stored_entries(stored), "1d 5y");
    });
}

fn a_parent_without_children_loses_them(stored: &Stored) {
    run(async {
        let pages = [request("one"), request("two")];
        let mut nights = Nights::begin(stored).await;
        let first = vec![page_of(&pages[0], "one", "1a 2b"), page_of(&pages[1], "two", "3c")];
        nights.plain(stored, first, &pages).await;
        nights.plain(stored, vec![page_of(&pages[0], "one", "")], &pages).await;
        assert_eq!(stored_entries(stored), "3c");
        assert_eq!(stored.count("select count(*) from playlists"), 2, "a parent is never deleted");
    });
}

fn positions_may_move_in_any_way(stored: &Stored) {
    // A rule of a person's own, that SQLite and Postgres check for each row.
    run(async {
        let page = request("one");
        let mut nights = Nights::begin(stored).await;
        nights.plain(stored, vec![page_of(&page, "one", "1a 2b 3c")], std::slice::from_ref(&page)).await;
        nights.plain(stored, vec![page_of(&page, "one", "1c 2a 3b")], std::slice::from_ref(&page)).await;
        assert_eq!(stored_entries(stored), "1c 2a 3b");
        nights
            .plain(stored, vec![page_of_lines(&page, "one", "1a 2b 3c")], std::slice::from_ref(&page))
            .await;
        nights.end().await;
        execute(stored, "CREATE UNIQUE INDEX one_each ON lines (playlist, position)");
        // The place of a row that goes is free.
        nights
            .plain(stored, vec![page_of_lines(&page, "one", "1d 2b 3e")], std::slice::from_ref(&page))
            .await;
        assert_eq!(stored_lines(stored), "1d 2b 3e");
    });
}

fn another_page_keeps_its_rows_in_any_order(stored: &Stored) {
    run(async {
        let pages = [request("part 1"), request("part 2")];
        let mut nights = Nights::begin(stored).await;
        for order in [[0, 1], [1, 0], [0, 1]] {
            let parts = |one: &str, two: &str| {
                let part = |at: usize| page_of(&pages[at], "mix", [one, two][at]);
                order.map(part).into_iter().collect::<Vec<_>>()
            };
            nights.plain(stored, parts("1a 2b", "2b 3c"), &pages).await;
            assert_eq!(stored_entries(stored), "1a 2b 3c");
            nights.plain(stored, parts("1a", "2b 3d"), &pages).await;
            assert_eq!(stored_entries(stored), "1a 2b 3d", "{order:?}");
            nights.plain(stored, parts("1a", "3d"), &pages).await;
            assert_eq!(stored_entries(stored), "1a 3d", "{order:?}");
        }
    });
}

fn a_row_that_moves_to_another_page_is_never_lost(stored: &Stored) {
    run(async {
        let pages = [request("part 1"), request("part 2")];
        let mut nights = Nights::begin(stored).await;
        nights.plain(stored, vec![page_of(&pages[0], "mix", "1a 2b")], &pages).await;
        for batch in [true, false] {
            let moved = vec![page_of(&pages[0], "mix", "1a"), page_of(&pages[1], "mix", "2b")];
            if batch {
                let session = nights.night(stored, &pages, false).await;
                session.flush(&moved).await.unwrap();
            } else {
                nights.plain(stored, moved, &pages).await;
            }
            assert_eq!(stored_entries(stored), "1a 2b");
            let back = vec![page_of(&pages[0], "mix", "1a 2b"), page_of(&pages[1], "mix", "")];
            nights.plain(stored, back, &pages).await;
            assert_eq!(stored_entries(stored), "1a 2b");
        }
    });
}

fn a_page_that_says_nothing_certain_deletes_nothing(stored: &Stored) {
    run(async {
        let page = request("one");
        let mut nights = Nights::begin(stored).await;
        let start = std::slice::from_ref(&page);
        nights.plain(stored, vec![page_of(&page, "one", "1a 2b")], start).await;
        let mut refused = page_of(&page, "one", "1c");
        refused.dead_letters.push(dragline_core::DeadLetter::of(entries("one", "2b").remove(0), "odd", None));
        let failed = PageOutcome { items: vec![playlist("one")], ..ended(&page, PageState::Failed) };
        let unchanged = ended(&page, PageState::Done);
        for outcome in [refused, failed, unchanged] {
            nights.plain(stored, vec![outcome], start).await;
            assert_eq!(stored_entries(stored).split(' ').count(), 2);
        }
        // A page that is applied once more, as after a lost answer, changes nothing.
        let session = nights.last.as_ref().unwrap();
        session.flush(&[page_of(&page, "one", "")]).await.unwrap();
        assert_eq!(stored_entries(stored), "1c 2b");
    });
}

fn a_retried_letter_deletes_nothing(stored: &Stored) {
    run(async {
        let page = request("one");
        let mut nights = Nights::begin(stored).await;
        nights.plain(stored, vec![page_of(&page, "one", "1a 2b")], std::slice::from_ref(&page)).await;
        let mut dead = page_of(&page, "one", "3c");
        dead.kill(Reason::StoreRefused, "no parent", Some("23503"));
        nights.plain(stored, vec![dead], std::slice::from_ref(&page)).await;
        let session = nights.last.as_ref().unwrap();
        let letters = session.store.read_letters(&letters::all()).await.unwrap();
        let retry = LetterRetry { epoch: Some(session.key().epoch), ..letters::retry_as(&letters, &types()) };
        assert!(session.store.retry_letters(&retry).await.unwrap().page_done);
        assert_eq!(stored_entries(stored), "1a 2b 3c");
    });
}

fn an_incremental_run_keeps_what_an_unchanged_page_gives(stored: &Stored) {
    run(async {
        let pages = [request("part 1"), request("part 2")];
        let mut nights = Nights::begin(stored).await;
        for order in [[0, 1], [1, 0]] {
            let session = nights.night(stored, &pages, true).await;
            for at in order {
                let given = ["1a 2b", "2b 3c"][at];
                session.flush(&[page_of(&pages[at], "mix", given)]).await.unwrap();
            }
            assert_eq!(stored_entries(stored), "1a 2b 3c");
            // The second part is as it was, so it is not parsed.
            let session = nights.night(stored, &pages, true).await;
            session.flush(&[page_of(&pages[0], "mix", "1a")]).await.unwrap();
            assert_eq!(stored_entries(stored), "1a 2b 3c", "{order:?}");
            // No page gives it any more.
            let session = nights.night(stored, &pages, true).await;
            session.flush(&[page_of(&pages[1], "mix", "3c")]).await.unwrap();
            assert_eq!(stored_entries(stored), "1a 3c", "{order:?}");
        }
    });
}

/// The versions of the lines: title, position, and what changed.
fn versions(stored: &Stored) -> Vec<String> {
    let changed = match stored {
        Stored::Postgres(_) => "array_to_json(changed)::text",
        Stored::Sqlite(_) => "changed",
    };
    let rows = stored.query(&format!(
        "select title, position, coalesce({changed}, 'removed') from lines_history order by replaced_by_run, title"
    ));
    rows.iter().map(|row| row.join(" ")).collect()
}

fn a_deleted_child_leaves_its_last_version(stored: &Stored) {
    run(async {
        let page = request("one");
        let start = std::slice::from_ref(&page);
        let mut nights = Nights::begin(stored).await;
        nights.plain(stored, vec![page_of_lines(&page, "one", "1a 2b 3c")], start).await;
        assert_eq!(versions(stored), Vec::<String>::new());
        nights.plain(stored, vec![page_of_lines(&page, "one", "1a 2c")], start).await;
        assert_eq!(stored_lines(stored), "1a 2c");
        assert_eq!(versions(stored), ["b 2 removed", "c 3 [\"position\"]"]);
        let known = stored.query(
            "select count(*) from lines_history where valid_from is not null and run_id = replaced_by_run - 1",
        );
        assert_eq!(known, [["2"]]);
        nights.plain(stored, vec![page_of_lines(&page, "one", "")], start).await;
        assert_eq!(versions(stored)[2..], ["a 1 removed", "c 2 removed"]);
    });
}

fn a_child_that_comes_back_is_new(stored: &Stored) {
    run(async {
        let page = request("one");
        let start = std::slice::from_ref(&page);
        let mut nights = Nights::begin(stored).await;
        for given in ["1a 2b", "1a", "1a 2b", "1a 3b"] {
            nights.plain(stored, vec![page_of_lines(&page, "one", given)], start).await;
            assert_eq!(stored_lines(stored), given);
        }
        assert_eq!(versions(stored), ["b 2 removed", "b 2 [\"position\"]"]);
        let began = stored.query("select run_id = replaced_by_run - 1 from lines_history");
        let yes = if matches!(stored, Stored::Postgres(_)) { "t" } else { "1" };
        assert_eq!(began, [[yes], [yes]]);
    });
}

fn a_row_that_moves_between_pages_of_a_run_leaves_no_version(stored: &Stored) {
    run(async {
        let pages = [request("part 1"), request("part 2")];
        let mut nights = Nights::begin(stored).await;
        let lines = |at: usize, given: &str| page_of_lines(&pages[at], "mix", given);
        nights.plain(stored, vec![lines(0, "1a 2b"), lines(1, "3c")], &pages).await;
        // In this order, the line goes and comes back; in the other one, it never goes.
        nights.plain(stored, vec![lines(0, "1a"), lines(1, "2b 3c")], &pages).await;
        nights.plain(stored, vec![lines(0, "1a 2b"), lines(1, "3c")], &pages).await;
        assert_eq!((stored_lines(stored).as_str(), versions(stored)), ("1a 2b 3c", Vec::new()));
        // Here it goes, and comes back changed.
        nights.plain(stored, vec![lines(0, "1a"), lines(1, "3c 4b")], &pages).await;
        assert_eq!(
            (stored_lines(stored).as_str(), versions(stored)),
            ("1a 3c 4b", vec!["b 2 [\"position\"]".to_owned()])
        );
        // It is as old as it was.
        let first = stored.count("select min(run_id) from crawl_runs");
        assert_eq!(stored.count("select run_id from lines_history"), first);
    });
}

fn a_table_without_the_page_is_told(stored: &Stored) {
    run(async {
        super::fixture::prepared(stored, &types()).await.close().await;
        execute(stored, "ALTER TABLE entries DROP COLUMN source_fingerprint");
        let store = super::fixture::connected(stored).await;
        let error = store.prepare_items(&types()).await.unwrap_err();
        assert!(error.to_string().contains("source_fingerprint"), "{error}");
        execute(stored, error.hint().unwrap());
        store.prepare_items(&types()).await.unwrap();
    });
}

/// Two pages have the same entries, and each of them gives and takes some away.
fn flushes_that_share_children_neither_wait_for_ever_nor_fail(stored: &Stored) {
    const ROUNDS: usize = 40;
    run(async {
        let pages = [request("left"), request("right")];
        let mut nights = Nights::begin(stored).await;
        for round in 0..ROUNDS {
            let session = nights.night(stored, &pages, round % 2 == 0).await;
            let given = |left: bool| -> String {
                let is_given = |at: &usize| (at + round) % 3 != usize::from(left);
                (1..9).filter(is_given).map(|at| format!("{at}t{round} ")).collect()
            };
            let page = |left: bool| {
                let page = &pages[usize::from(!left)];
                let mut outcome = page_of(page, "mix", &given(left));
                outcome.items.extend(lines("mix", &given(left)));
                if left {
                    outcome.items.reverse();
                }
                [outcome]
            };
            let (one, two) = (page(true), page(false));
            let (one, two) = tokio::join!(session.flush(&one), session.flush(&two));
            one.unwrap();
            two.unwrap();
        }
    });
    assert_eq!(stored.count("select count(*) from entries"), 8);
}
