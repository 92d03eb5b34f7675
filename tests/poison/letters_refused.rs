//! A database that refuses even the dead letter of a row: the links of its page are followed, and the log has the row.

use crate::stored::{Stored, crawl_nasty, example, on_both_stores};

use super::{site_of, state, things};

on_both_stores!(a_refused_letter_takes_no_link_with_it_and_is_kept_in_the_log);

fn a_refused_letter_takes_no_link_with_it_and_is_kept_in_the_log(stored: &Stored) {
    stored.execute(&things(stored, ", CONSTRAINT fine CHECK (text NOT LIKE '%C3%')"));
    example("nasty_spiders").args(["schema", "apply", "--store", &stored.url()]).run().assert_code(0);
    stored.execute(match stored {
        Stored::Postgres(_) => {
            "CREATE FUNCTION no_letters() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'no letters' USING ERRCODE = '22000'; END $$;
             CREATE TRIGGER no_letters BEFORE INSERT ON crawl_dead_letters FOR EACH ROW
             WHEN (NEW.item_type <> 'page') EXECUTE FUNCTION no_letters()"
        }
        Stored::Sqlite(_) => {
            "CREATE TRIGGER no_letters BEFORE INSERT ON crawl_dead_letters WHEN NEW.item_type <> 'page'
             BEGIN SELECT RAISE(ABORT, 'no letters'); END"
        }
    });
    // The path is in the payload, percent-encoded.
    let site = site_of(&["b%C3%BCse", "fine"], &["b%C3%BCse"]);
    let finished = crawl_nasty(&site.url("/"), stored).run();
    finished.assert_code(65).assert_stdout("done 3, failed 0, skipped 0, dead 1, queued 0");
    assert_eq!(state(stored, "/next"), "done", "the link of the dead page is followed");
    let letters = stored.query("select item_type, payload, error from crawl_dead_letters");
    assert_eq!(letters.len(), 1, "{letters:?}");
    let payload: serde_json::Value = serde_json::from_str(&letters[0][1]).unwrap();
    assert_eq!((letters[0][0].as_str(), &payload["letters_refused"]), ("page", &2.into()));
    assert!(letters[0][2].contains("no letters"), "{letters:?}");
    // Both items, each in one line.
    let lost: Vec<&str> =
        finished.stderr.lines().filter(|line| line.contains("refuses a dead letter")).collect();
    assert_eq!(lost.len(), 2, "{}", finished.stderr);
    assert!(lost.iter().all(|line| line.contains("ERROR") && line.is_ascii()), "{lost:?}");
    assert!(
        lost.iter().any(|line| line.contains("item_type=thing") && line.contains("b%C3%BCse")),
        "{lost:?}"
    );
}
