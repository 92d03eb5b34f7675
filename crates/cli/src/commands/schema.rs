//! `dragline schema print|apply|check`.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::Spider;

use super::print;
use crate::arguments::SchemaAction;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;
use dragline_runtime::blocking::Blocking;

/// DDL may have to wait for locks of a running crawl.
const LIMIT: Duration = Duration::from_secs(300);

pub(super) fn run(
    action: SchemaAction,
    common: &Common,
    spiders: &[Arc<dyn Spider>],
) -> Result<Exit, Failed> {
    let admin = common.open_admin(&common.store_settings()?)?;
    let items: Vec<_> = spiders.iter().flat_map(|spider| spider.items()).collect();
    let location = admin.location();
    match action {
        SchemaAction::Print => print(&admin.ddl(&items)?)?,
        SchemaAction::Apply => {
            let work = admin.apply(&items);
            let done = Blocking::new()?.wait_plain("applying the schema", &location, LIMIT, work)?;
            for line in done {
                print(&format!("{line}\n"))?;
            }
            print(&format!("the schema of {location} is up to date\n"))?;
        }
        SchemaAction::Check => {
            let work = admin.check(&items);
            Blocking::new()?.wait_plain("checking the schema", &location, LIMIT, work)?;
            print(&format!("the schema of {location} fits this program\n"))?;
        }
    }
    Ok(Exit::Finished)
}
