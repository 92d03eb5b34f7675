//! The databases that the look-ups of a crawl ask. A wrong setting is an error at the start. A database
//! that does not answer is a warning: the crawl still stores its items, and somebody can look them up later.

use std::env;
use std::sync::Arc;

use dragline_core::sql_answers::SqlAnswers;
use dragline_core::sql_database::{SqlAddress, SqlDatabase};
use dragline_core::{Enrich, ItemPipeline, ItemType, StoreError};

use crate::error::CrawlError;
use crate::settings::StoreUrl;

/// Opens the databases that these steps ask about items of these types. Nothing is connected yet.
pub(crate) fn open(
    steps: &[Box<dyn ItemPipeline>],
    items: &[ItemType],
) -> Result<Vec<Arc<dyn SqlAnswers>>, CrawlError> {
    let look_ups = steps.iter().filter_map(|step| step.look_up()).filter(|step| items.contains(step.item()));
    let mut known: Vec<&SqlDatabase> = Vec::new();
    for database in look_ups.flat_map(Enrich::databases) {
        match known.iter().find(|other| other.name() == database.name()) {
            None => known.push(database),
            Some(other) if *other == database => {}
            Some(_) => {
                return Err(wrong(
                    database,
                    "two look-ups describe it in different ways",
                    "give both the same SqlDatabase (it can be cloned), or give it two names",
                ));
            }
        }
    }
    known.into_iter().map(answers).collect()
}

fn answers(database: &SqlDatabase) -> Result<Arc<dyn SqlAnswers>, CrawlError> {
    let url = match database.address() {
        SqlAddress::Url(url) => url.clone(),
        SqlAddress::Variable(variable) => match env::var(variable) {
            Ok(url) if !url.trim().is_empty() => url,
            _ => {
                return Err(wrong(
                    database,
                    &format!("the environment variable {variable} is not set"),
                    &format!(
                        "set {variable} to its URL: postgres://USER:PASSWORD@HOST/DATABASE or sqlite:FILE"
                    ),
                ));
            }
        },
    };
    StoreUrl(url.clone()).remember_secret();
    dragline_store::open_answers(database, &url).map_err(|error| {
        let hint = error.hint().unwrap_or_default().to_owned();
        match error {
            // The reader of URLs speaks of the store, because it usually reads the store's.
            StoreError::Setup { problem, .. } => {
                wrong(database, &problem.replace("the store's URL", "its URL"), &hint)
            }
            other => wrong(database, &other.to_string(), &hint),
        }
    })
}

fn wrong(database: &SqlDatabase, problem: &str, hint: &str) -> CrawlError {
    CrawlError::LookUpDatabase {
        database: database.name().to_owned(),
        problem: problem.to_owned(),
        hint: hint.to_owned(),
    }
}
