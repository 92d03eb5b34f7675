//! What a flush writes, as the database shows it.

use dragline_core::{DeadLetter, PageOutcome, PageState, StoreError};
use dragline_testkit::database;

use crate::support::{QUOTE, done, page, page_item, quote, run_of, spec, store, with_quote};

#[tokio::test]
async fn a_batch_lands_whole() {
    let database = database();
    let (store, run) = run_of(&database, 3).await;
    let outcome = PageOutcome {
        items: vec![
            quote("a\tb\\c\nd", 1),
            page_item("http://a.example/0", "old"),
            page_item("http://a.example/0", "new"),
        ],
        requests: vec![page(1), page(10), page(10), page(11)],
        dead_letters: vec![DeadLetter {
            item_type: "quote".to_owned(),
            payload: serde_json::json!({"text": "\\"}),
            error: "no\tluck".to_owned(),
            sqlstate: None,
        }],
        ..done(0)
    };
    let failed = PageOutcome {
        state: PageState::Failed,
        error: Some("time-out".to_owned()),
        attempts: 3,
        status: None,
        ..done(1)
    };
    let receipt = store.flush(&run.key, &[outcome, failed]).await.unwrap();
    let mut pages = receipt.pages.clone();
    pages.sort_by_key(|(_, state)| *state);
    assert_eq!(pages, [(page(0).fingerprint, PageState::Done), (page(1).fingerprint, PageState::Failed)]);
    let mut new = vec![page(10).fingerprint, page(11).fingerprint];
    new.sort_unstable();
    assert_eq!(receipt.new_requests, new);
    assert_eq!(receipt.items, 2);
    assert_eq!(
        database.query("SELECT text, n, run_id, source_url FROM quotes"),
        [["a\tb\\c\nd", "1", "1", "http://a.example/0"]]
    );
    assert_eq!(
        database.query(
            "SELECT spider, item_type, item_key, data->>'title', length(content_hash) FROM crawl_items"
        ),
        [["spider", "page", "http://a.example/0", "new", "64"]]
    );
    assert_eq!(
        database.query("SELECT item_type, payload->>'text', error, sqlstate FROM crawl_dead_letters"),
        [["quote", "\\", "no\tluck", "NULL"]]
    );
    assert_eq!(
        database
            .query("SELECT state, attempts, status, error, done_at IS NULL FROM crawl_requests ORDER BY url"),
        [
            ["done", "1", "200", "NULL", "f"],
            ["failed", "3", "NULL", "time-out", "f"],
            ["queued", "0", "NULL", "NULL", "t"],
            ["queued", "0", "NULL", "NULL", "t"],
            ["queued", "0", "NULL", "NULL", "t"],
        ]
    );
    store.close().await;
}

#[tokio::test]
async fn a_column_of_the_users_own_kind_takes_what_fits_and_names_what_does_not() {
    let database = database();
    database.query(
        "CREATE DOMAIN short AS varchar(5) CHECK (value <> 'bad');
         CREATE TABLE quotes (text short PRIMARY KEY, n numeric(4,1), run_id bigint, source_url text,
                              scraped_at timestamp, seen integer NOT NULL DEFAULT 1)",
    );
    let (store, run) = run_of(&database, 3).await;
    store.flush(&run.key, &[with_quote(0, "fits", 999)]).await.unwrap();
    assert_eq!(database.query("SELECT text, n, seen FROM quotes"), [["fits", "999.0", "1"]]);
    for (text, n, code, place) in [
        ("abcdefgh", 1, "22001", "column text"),
        ("bad", 1, "23514", "constraint short_check"),
        ("wide", 1000, "22003", "column n"),
    ] {
        let error = store.flush(&run.key, &[with_quote(1, text, n)]).await.unwrap_err();
        let StoreError::Refused { message, sqlstate } = &error else { panic!("{error:?}") };
        assert_eq!(sqlstate.as_deref(), Some(code), "{message}");
        assert!(message.contains(place), "{message}");
        assert!(!message.contains(text), "a message holds no data: {message}");
    }
    // After a refusal the sessions are as good as new.
    store.flush(&run.key, &[with_quote(1, "ok", 2)]).await.unwrap();
    assert_eq!(database.value("SELECT count(*) FROM quotes"), "2");
    store.close().await;
}

#[tokio::test]
async fn a_trigger_and_a_key_too_long_for_the_index_refuse_the_row_alone() {
    let database = database();
    let (store, run) = run_of(&database, 2).await;
    // Random, or it would be compressed below the limit.
    let mut noise = 1_u32;
    let long: String = (0..9000)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'!' + (noise >> 24) as u8 % 90)
        })
        .collect();
    let error = store.flush(&run.key, &[with_quote(0, &long, 1)]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Refused { sqlstate: None, .. }), "our own rule: {error:?}");
    // An index of somebody else's has limits that only the database knows.
    database.query(
        "CREATE FUNCTION noisy(text) RETURNS text LANGUAGE sql IMMUTABLE AS
         $$ SELECT string_agg(md5($1 || n), '') FROM generate_series(1, 500) AS n $$;
         CREATE INDEX own ON quotes (noisy(text))",
    );
    let error = store.flush(&run.key, &[with_quote(0, "x", 1)]).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Refused { sqlstate: Some(code), .. } if code == "54000"),
        "{error:?}"
    );
    database.query("DROP INDEX own");
    database.query(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'not that one' USING ERRCODE = 'MY001'; END $$;
         CREATE TRIGGER no BEFORE INSERT ON quotes FOR EACH ROW EXECUTE FUNCTION no()",
    );
    let error = store.flush(&run.key, &[with_quote(0, "x", 1)]).await.unwrap_err();
    assert_eq!(error.to_string(), "the store refuses a row: not that one");
    assert_eq!(database.value("SELECT count(*) FROM crawl_requests WHERE state = 'queued'"), "2");
    store.close().await;
}

#[tokio::test]
async fn a_row_that_a_policy_refuses_is_at_fault() {
    let database = database();
    let (owner, _) = run_of(&database, 2).await;
    owner.close().await;
    let role = format!("policed_{}", database.name());
    database.query(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'its-own';
         GRANT ALL ON SCHEMA public TO {role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};
         ALTER TABLE quotes ENABLE ROW LEVEL SECURITY;
         CREATE POLICY few ON quotes USING (true) WITH CHECK (n < 10)"
    ));
    let url = database.url();
    let (_, address) = url.rsplit_once('@').unwrap();
    let store = store(&format!("postgres://{role}:its-own@{address}"));
    store.connect().await.unwrap();
    store.prepare_items(std::slice::from_ref(&*QUOTE)).await.unwrap();
    let run = store.open_run(&spec("run", 2)).await.unwrap();
    store.flush(&run.key, &[with_quote(0, "few", 9)]).await.unwrap();
    let error = store.flush(&run.key, &[with_quote(1, "many", 10)]).await.unwrap_err();
    let StoreError::Refused { message, sqlstate } = &error else { panic!("{error:?}") };
    assert!(message.contains("quotes") && sqlstate.as_deref() == Some("42501"), "{error:?}");
    // A privilege that is missing stays somebody's to grant.
    database.query(&format!("REVOKE INSERT ON quotes FROM {role}"));
    let error = store.flush(&run.key, &[with_quote(1, "few", 9)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Setup { .. }), "{error:?}");
    store.close().await;
}
