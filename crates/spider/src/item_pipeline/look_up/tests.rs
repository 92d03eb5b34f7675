//! What a step may ask and change.

use super::*;
use crate::LookUpTicket;
use crate::fingerprint::Fingerprint;
use crate::item_type::ColumnType;
use crate::options::RequestOptions;
use crate::stored_page::StoredPage;
use crate::value::Value;
use crate::{bail, item::Item};
use dragline_derive::Item;

#[derive(Item)]
#[item(table = "tracks", id = "artist, title")]
struct Track {
    artist: String,
    title: String,
    link: Option<url::Url>,
    isrc: Option<String>,
    released: Option<String>,
}

struct Isrc;

impl LookUp for Isrc {
    type Item = Track;

    fn columns(&self) -> &[&str] {
        &["isrc", "released"]
    }

    fn request(&self, track: &Track) -> Result<Option<Request>> {
        match track.title.as_str() {
            "unknown" => Ok(None),
            "odd" => bail!("nobody can ask this"),
            title => Ok(Some(Request::get(format!("https://api.example/{title}"))?)),
        }
    }

    fn fill(&self, track: &mut Track, answer: &Page) -> Result<()> {
        track.isrc = answer.json::<serde_json::Value>()?["isrc"].as_str().map(str::to_owned);
        if track.isrc.as_deref() == Some("rename") {
            track.title.push('!');
        }
        Ok(())
    }

    fn missing(&self, track: &mut Track) -> Result<()> {
        track.released = Some("never".to_owned());
        Ok(())
    }
}

fn track(title: &str) -> ItemRecord {
    // The struct spells this URL with a slash at its end.
    let record = ItemRecord::from_fields(
        &Track::item_type(),
        [("artist", "Ann"), ("title", title), ("link", "https://ann.example")],
    );
    record.unwrap()
}

fn answer(json: &str) -> Page {
    StoredPage::new("https://api.example/x", json.to_owned()).page().unwrap()
}

#[test]
fn only_the_named_columns_of_the_record_change() {
    let step = Enrich::new("isrc", Isrc);
    let (record, answer) = (track("one"), answer(r#"{"isrc": "GB1"}"#));
    let filled = step.filled(&record, &answer).unwrap();
    assert_eq!(filled.get("isrc"), Some(&"GB1".into()));
    for column in ["id", "artist", "title", "link", "released"] {
        assert_eq!(filled.get(column), record.get(column), "{column}");
    }
    assert_eq!(step.missing(&record).unwrap().get("released"), Some(&"never".into()));
    assert_eq!(step.process(record.clone(), &ItemOrigin::new("")), Verdict::Keep(record));
}

#[test]
fn another_column_that_changes_is_an_error() {
    let step = Enrich::new("isrc", Isrc);
    let error = step.filled(&track("one"), &answer(r#"{"isrc": "rename"}"#)).unwrap_err().to_string();
    assert!(error.starts_with("the look-up changed track."), "{error}");
}

#[test]
fn what_cannot_be_asked_is_told() {
    let step = Enrich::new("isrc", Isrc);
    assert_eq!(step.request(&track("unknown")).unwrap(), None);
    assert_eq!(step.request(&track("odd")).unwrap_err().to_string(), "nobody can ask this");
    let mut spoiled = track("one");
    *spoiled.get_mut("title").unwrap() = Value::Null;
    assert!(step.request(&spoiled).unwrap_err().to_string().contains("track.title has no value"));
}

#[test]
fn a_step_that_cannot_work_is_refused_before_the_crawl() {
    let told = |step: Enrich, item: &ItemType| {
        step.check(std::slice::from_ref(item)).map_err(|error| error.to_string())
    };
    let with_item = |item: &ItemType, columns: &[&str]| Enrich {
        name: "isrc".to_owned(),
        item: item.clone(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        look_up: Box::new(Isrc),
        databases: Vec::new(),
    };
    let track = Track::item_type();
    assert_eq!(told(Enrich::new("isrc", Isrc), &track), Ok(()));
    let problem = told(Enrich::new("the isrc", Isrc), &track).unwrap_err();
    assert!(problem.contains("rename \"the isrc\""), "{problem}");
    let note = ItemType::builder("note").with_column("text", ColumnType::Text).build().unwrap();
    assert_eq!(told(Enrich::new("isrc", Isrc), &note), Ok(()), "it has nothing to do there");
    for (item, columns, expected) in [
        (&note, &["text"][..], "the item type note has no key"),
        (&track, &[], "columns() of the look-up is empty"),
        (&track, &["irsc"], "the item type track has no column \"irsc\"; it has id, artist"),
        (&track, &["title"], "track.title is part of the key"),
        (&track, &["id"], "track.id is part of the key"),
    ] {
        let problem = told(with_item(item, columns), item).unwrap_err();
        assert!(problem.starts_with(expected), "{problem}");
    }
    let entry = ItemType::builder("entry")
        .with_table("entries")
        .with_column("track", ColumnType::Uuid)
        .with_nullable_column("isrc", ColumnType::Text)
        .with_key(["track"])
        .with_reference(crate::Reference::new("track", &track))
        .with_children_by("track")
        .build()
        .unwrap();
    let problem = told(with_item(&entry, &["isrc"]), &entry).unwrap_err();
    assert!(problem.contains("only that page may store them"), "{problem}");
}

#[test]
fn each_item_of_each_page_has_a_request_of_its_own() {
    let fingerprint = |page: u8, key: &str, step: &str| {
        let page = Fingerprint::from_bytes(&[page; 16]).unwrap();
        let options = RequestOptions {
            look_up: Some(LookUpTicket::new(step, page, "track", key)),
            ..RequestOptions::default()
        };
        let asked = Request::get("https://api.example/x").unwrap().with_options(options);
        (Fingerprint::of(&asked), Fingerprint::of_question(&crate::SameRequest::default(), &asked))
    };
    let first = fingerprint(1, "a", "isrc");
    assert_eq!(first, fingerprint(1, "a", "isrc"));
    for other in [fingerprint(2, "a", "isrc"), fingerprint(1, "b", "isrc")] {
        assert_ne!(other.0, first.0);
        assert_eq!(other.1, first.1, "but they ask the same");
    }
    assert_ne!(fingerprint(1, "a", "label").1, first.1, "another step may send other headers");
    assert_ne!(Fingerprint::of(&Request::get("https://api.example/x").unwrap()), first.0);
}

/// Asks a database for the ISRC.
struct Catalogue;

impl LookUp for Catalogue {
    type Item = Track;

    fn columns(&self) -> &[&str] {
        &["isrc"]
    }

    fn request(&self, track: &Track) -> Result<Option<Request>> {
        let (database, statement) = track.title.split_once('/').unwrap_or(("labels", "isrc"));
        Ok(Some(Request::sql(database, statement, [track.title.as_str()])?))
    }

    fn fill(&self, _track: &mut Track, _answer: &Page) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_question_names_a_statement_of_a_database_that_the_step_has() {
    let labels = SqlDatabase::at("labels", "sqlite:labels.db")
        .statement("isrc", "SELECT isrc FROM t WHERE title = $1");
    let step = Enrich::new("isrc", Catalogue).with_database(labels.clone());
    assert!(step.check(&[Track::item_type()]).is_ok());
    assert!(step.request(&track("one")).unwrap().is_some());
    let told = |title: &str| step.request(&track(title)).unwrap_err().to_string();
    assert!(told("other/isrc").contains("asks the database other, which its step does not have"));
    assert_eq!(told("labels/label"), "the database labels has no statement label; it has: isrc");
    assert!(told("labels/x y").contains("is not the name of a database or a statement"));
    let wrong = Enrich::new("isrc", Catalogue).with_database(labels.statement("two", "SELECT 1;"));
    assert!(wrong.check(&[]).unwrap_err().to_string().contains("without a semicolon"));
}
