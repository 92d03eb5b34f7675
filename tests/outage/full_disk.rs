//! A disk that is really full. A crawl waits for room and goes on by itself. An export fails with this reason and leaves no
//! file.

use std::time::{Duration, Instant};

use dragline_testkit::torture::{Difference, Ground, Kind, Place, Rows, site};
use dragline_testkit::{Site, SmallDisk, wait_until};

use super::scene::{SOON, warnings};
use crate::stored::{Stored, crawl_site, dragline};
use crate::torture::crawl_zoo;

/// The tables of a crawl, several times over.
const DISK_BYTES: u64 = 64 << 20;
/// When no page has become done for so long, the crawl has come to a halt.
const HALT: Duration = Duration::from_secs(1);

fn is_waited_for(kind: Kind) {
    let what = format!("that a full disk is waited for ({kind:?})");
    let Some(disk) = SmallDisk::mount(DISK_BYTES, &what) else { return };
    let (site, ground) = (site(600), Ground::new(kind));
    let crawl =
        |place: &Place| crawl_zoo().args(["--start-url", &site.url("/gate"), "--store", &ground.url(place)]);
    let undisturbed = ground.place("undisturbed");
    crawl(&undisturbed).run().assert_code(0);
    let wanted = Rows::read(&ground, &undisturbed);

    let place = match &ground {
        Ground::Sqlite(_) => Place::Sqlite(disk.path().join("crawl.db")),
        Ground::Postgres(server) => {
            server.database_in(disk.path(), "crawl");
            Place::Postgres("crawl".to_owned())
        }
    };
    // No further before the disk is full: a fast machine would be at the end by then.
    site.hold_after(80);
    let mut running = crawl(&place).spawn();
    running.wait_until("pages are done", SOON, |_| ground.standing(&place).done > 20);
    disk.fill();
    site.release();
    running.wait_until("it is told", SOON, |running| warnings(&running.stderr(), "flushing fails") > 0);
    let mut last = (ground.standing(&place), Instant::now());
    wait_until("the crawl comes to a halt", SOON, || {
        let now = ground.standing(&place);
        if now != last.0 {
            last = (now, Instant::now());
        }
        last.1.elapsed() > HALT
    });
    assert!(last.0.queued > 0 && running.is_running(), "it waits: {:?}\n{}", last.0, running.stderr());
    let told = ["database or disk is full", "No space left on device"];
    assert!(told.iter().any(|words| warnings(&running.stderr(), words) > 0), "{}", running.stderr());
    assert!(warnings(&running.stderr(), "make room") > 0, "{}", running.stderr());

    disk.make_room();
    running.finish().assert_code(0).assert_stderr("the store answers again");
    assert_eq!(wanted.difference(&Rows::read(&ground, &place)), Difference::default());
}

#[test]
fn a_full_disk_is_waited_for_on_postgres() {
    is_waited_for(Kind::Postgres);
}

#[test]
fn a_full_disk_is_waited_for_on_sqlite() {
    is_waited_for(Kind::Sqlite);
}

#[test]
fn an_export_to_a_full_disk_is_told_and_leaves_no_file() {
    let what = "that an export to a full disk leaves nothing behind";
    let Some(disk) = SmallDisk::mount(1 << 20, what) else { return };
    let (site, stored) = (Site::generated(60, 4), Stored::sqlite());
    disk.fill();
    let rows = disk.path().join("rows.jsonl");
    let crawl = crawl_site(&site.url("/"), &stored).arg("-o").arg(&rows).run();
    crawl.assert_code(1).assert_stderr(": No space left on device");
    crawl.assert_stderr("the rows are safe in the store").assert_stdout("done 60");
    assert_eq!(disk.files(), Vec::<String>::new());

    disk.make_room();
    let export = dragline().args(["export", "1", "--store", &stored.url(), "-o"]).arg(&rows);
    export.run().assert_code(0);
    assert_eq!(std::fs::read_to_string(&rows).unwrap().lines().count(), 60);
}
