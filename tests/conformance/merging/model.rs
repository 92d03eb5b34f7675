//! Random nights: the tables have the rows that a model in memory has, whatever the order of the pages and the batches.

use std::collections::{BTreeMap, BTreeSet};

use dragline::prelude::*;
use dragline_core::earlier::{PageRecord, Validators};
use dragline_core::{PageOutcome, QueuedRequest, Reason};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::super::fixture::{request, run};
use super::{COLUMNS, Nights, Said, followed, rows, says};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(any_nights_in_any_order_give_the_rows_of_the_model);

/// What the tables must have after each night, computed in memory.
#[derive(Default)]
struct Model {
    rows: BTreeMap<String, Said>,
    shares: BTreeMap<(String, usize), (u16, Option<Decimal>)>,
}

impl Model {
    fn apply(&mut self, page: usize, given: &[(&str, Said)]) {
        let mut now = BTreeSet::new();
        for (name, said) in given {
            let row = self.rows.entry((*name).to_owned()).or_default();
            row.best = row.best.max(said.best);
            row.first = match (row.first, said.first) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            row.aliases.extend(said.aliases.iter().cloned());
            row.aliases.sort();
            row.aliases.dedup();
            row.found_as = row.found_as.take().or(said.found_as.clone());
            row.isrc = said.isrc.clone().or(row.isrc.take());
            row.last.clone_from(&said.last);
            self.shares.insert(((*name).to_owned(), page), (said.sets, said.plays));
            now.insert(*name);
        }
        self.shares.retain(|(name, of), _| *of != page || now.contains(&**name));
    }

    fn rows(&self) -> BTreeMap<String, Vec<String>> {
        let text = |text: Option<String>| text.unwrap_or_else(|| "NULL".to_owned());
        let row = |(name, said): (&String, &Said)| {
            let shares: Vec<_> =
                self.shares.iter().filter(|((of, _), _)| of == name).map(|(_, share)| share).collect();
            let plays = shares.iter().filter_map(|share| share.1).reduce(|one, other| one + other);
            let row = vec![
                shares.iter().map(|share| u32::from(share.0)).sum::<u32>().to_string(),
                text(said.best.map(|best| best.to_string())),
                text(said.first.map(|first| first.to_string())),
                serde_json::to_string(&said.aliases).unwrap(),
                text(said.found_as.clone()),
                text(said.isrc.clone()),
                text(plays.map(|plays| plays.normalize().to_string())),
                said.last.clone(),
            ];
            (name.clone(), row)
        };
        self.rows.iter().map(row).collect()
    }
}

/// What a random page says.
fn anything(random: &mut StdRng) -> Vec<(&'static str, Said)> {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "it's \"f\""];
    let text = |random: &mut StdRng| format!("text {}", random.random_range(0..4));
    let maybe = |random: &mut StdRng| random.random_bool(0.5);
    let count = random.random_range(0..5);
    let one = |random: &mut StdRng| {
        let name = NAMES[random.random_range(0..NAMES.len())];
        let day = random.random_range(1..28);
        let said = Said {
            sets: random.random_range(0..5),
            best: maybe(random).then(|| random.random_range(-9..9)),
            first: maybe(random).then(|| NaiveDate::from_ymd_opt(2020, 1, day).unwrap()),
            aliases: (0..random.random_range(0..3)).map(|_| text(random)).collect(),
            found_as: maybe(random).then(|| text(random)),
            isrc: maybe(random).then(|| text(random)),
            plays: maybe(random).then(|| Decimal::new(random.random_range(-300..300), 2)),
            last: text(random),
        };
        (name, said)
    };
    (0..count).map(|_| one(random)).collect()
}

fn any_nights_in_any_order_give_the_rows_of_the_model(stored: &Stored) {
    const PAGES: usize = 7;
    const NIGHTS: usize = 30;
    run(async {
        let mut random = StdRng::seed_from_u64(7);
        let pages: Vec<QueuedRequest> = (0..PAGES).map(|at| request(&at.to_string())).collect();
        let mut nights = Nights::begin(stored).await;
        let mut model = Model::default();
        let mut contents: Vec<Vec<(&str, Said)>> = vec![Vec::new(); PAGES];
        let mut versions = 0;
        for night in 0..NIGHTS {
            let before = rows(stored, "full_sums");
            let incremental = night % 3 == 2;
            let session = nights.night(&pages, incremental).await;
            let run_id = session.key().run_id;
            let mut order: Vec<usize> = (0..PAGES).collect();
            order.shuffle(&mut random);
            let mut outcomes = Vec::new();
            for at in order {
                let is_changed = night == 0 || random.random_bool(0.4);
                if is_changed {
                    contents[at] = anything(&mut random);
                }
                outcomes.push(match random.random_range(0..10) {
                    0 => PageOutcome::failed(&pages[at], Reason::HttpStatus, "not there tonight"),
                    1..4 if incremental && !is_changed => PageOutcome::as_before(
                        &pages[at],
                        Reason::Unchanged,
                        PageRecord::Unchanged(Validators::default()),
                    ),
                    _ => {
                        model.apply(at, &contents[at]);
                        says(&pages[at], &contents[at])
                    }
                });
            }
            let mut left = outcomes.as_slice();
            while !left.is_empty() {
                let (batch, rest) = left.split_at(random.random_range(1..=left.len().min(4)));
                session.flush(batch).await.unwrap();
                if random.random_bool(0.2) {
                    // Its answer was lost.
                    session.flush(batch).await.unwrap();
                }
                left = rest;
            }
            let after = rows(stored, "full_sums");
            assert_eq!(after, model.rows(), "night {night}");
            assert_eq!(rows(stored, "sums"), after, "night {night}");
            versions += versions_are_right(stored, run_id, &before, &after);
            assert_eq!(followed(stored), after, "night {night}");
        }
        assert!(versions > 30, "{versions}");
    });
}

/// Compares the versions that a run has ended with the rows before and after it. Returns how many there are.
fn versions_are_right(
    stored: &Stored,
    run_id: i64,
    before: &BTreeMap<String, Vec<String>>,
    after: &BTreeMap<String, Vec<String>>,
) -> usize {
    let versions = rows(stored, &format!("full_sums_history where replaced_by_run = {run_id}"));
    let of_changed: BTreeMap<String, Vec<String>> = before
        .iter()
        .filter(|(name, row)| after[*name] != **row)
        .map(|(name, row)| (name.clone(), row.clone()))
        .collect();
    assert_eq!(versions, of_changed, "run {run_id}");
    let changed = match stored {
        Stored::Postgres(_) => "array_to_json(changed)",
        Stored::Sqlite(_) => "changed",
    };
    let told = stored
        .query(&format!("select name, {changed} from full_sums_history where replaced_by_run = {run_id}"));
    for row in told {
        let differ = COLUMNS.iter().zip(before[&row[0]].iter().zip(&after[&row[0]]));
        let differ: Vec<&str> =
            differ.filter(|(_, (one, other))| one != other).map(|(name, _)| *name).collect();
        let mut told: Vec<String> = serde_json::from_str(&row[1]).unwrap();
        told.sort_by_key(|name| COLUMNS.iter().position(|column| column == name));
        assert_eq!(told, differ, "run {run_id}: {}", row[0]);
    }
    of_changed.len()
}
