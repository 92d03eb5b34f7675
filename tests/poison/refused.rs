//! Every kind of refusal: the batch is halved until only the guilty page is left, and the others are stored.

use crate::stored::Stored;

use super::{batches, crawl_at_once, site_of, state, things};

/// One way in which a database refuses a row.
struct Poison {
    what: &'static str,
    /// Clauses of the table.
    clauses: &'static str,
    /// Statements before and after it is made.
    before: &'static str,
    after: &'static str,
    /// The page that is refused.
    guilty: &'static str,
    code: &'static str,
    says: &'static str,
}

const POISON: Poison =
    Poison { what: "", clauses: "", before: "", after: "", guilty: "bad", code: "", says: "" };

const POSTGRES: &[Poison] = &[
    Poison {
        what: "a value too long",
        after: "ALTER TABLE nasty_things ALTER text TYPE varchar(6)",
        guilty: "toolong",
        code: "22001",
        says: "too long",
        ..POISON
    },
    Poison {
        what: "a numeric field overflow",
        after: "ALTER TABLE nasty_things ALTER count TYPE numeric(2,0)",
        guilty: "big",
        code: "22003",
        says: "overflow",
        ..POISON
    },
    Poison {
        what: "an integer out of range",
        clauses: ", small integer GENERATED ALWAYS AS (count::integer) STORED",
        guilty: "big",
        code: "22003",
        says: "integer out of range",
        ..POISON
    },
    Poison {
        what: "a word that is not one of an enum",
        before: "CREATE FUNCTION word(text) RETURNS integer IMMUTABLE LANGUAGE sql AS
                 $$ SELECT CASE WHEN $1 = 'bad' THEN ('x' || $1)::integer ELSE 1 END $$;",
        clauses: ", checked integer GENERATED ALWAYS AS (word(text)) STORED",
        code: "22P02",
        says: "invalid input syntax",
        ..POISON
    },
    Poison {
        what: "a violated CHECK",
        clauses: ", CONSTRAINT fine CHECK (text <> 'bad')",
        code: "23514",
        says: "fine",
        ..POISON
    },
    Poison {
        what: "a missing parent",
        before: "CREATE TABLE parents (name text PRIMARY KEY);",
        clauses: ", parent text GENERATED ALWAYS AS (CASE WHEN text = 'bad' THEN text END) STORED REFERENCES parents",
        code: "23503",
        says: "foreign key",
        ..POISON
    },
    Poison {
        what: "a missing parent, noticed by COMMIT",
        before: "CREATE TABLE parents (name text PRIMARY KEY);",
        clauses: ", parent text GENERATED ALWAYS AS (CASE WHEN text = 'bad' THEN text END) STORED
                    REFERENCES parents DEFERRABLE INITIALLY DEFERRED",
        code: "23503",
        says: "foreign key",
        ..POISON
    },
    Poison {
        what: "a NOT NULL that a trigger violates",
        clauses: ", extra integer NOT NULL DEFAULT 1",
        after: "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF NEW.text = 'bad' THEN NEW.extra := NULL; END IF; RETURN NEW; END $$;
                CREATE TRIGGER spoil BEFORE INSERT ON nasty_things FOR EACH ROW EXECUTE FUNCTION spoil()",
        code: "23502",
        says: "extra",
        ..POISON
    },
    Poison {
        what: "a trigger that raises",
        after: "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF NEW.text = 'bad' THEN RAISE EXCEPTION 'not that one'; END IF; RETURN NEW; END $$;
                CREATE TRIGGER spoil BEFORE INSERT ON nasty_things FOR EACH ROW EXECUTE FUNCTION spoil()",
        code: "P0001",
        says: "not that one",
        ..POISON
    },
    Poison {
        what: "a trigger that raises a code of its own",
        after: "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN IF NEW.text = 'bad' THEN RAISE EXCEPTION 'no' USING ERRCODE = 'MY001'; END IF;
                RETURN NEW; END $$;
                CREATE TRIGGER spoil AFTER INSERT ON nasty_things FOR EACH ROW EXECUTE FUNCTION spoil()",
        code: "MY001",
        says: "no",
        ..POISON
    },
    Poison { what: "a NUL", guilty: "nul", code: "NULL", says: "NUL character", ..POISON },
    Poison { what: "a NaN", guilty: "nan", code: "NULL", says: "not finite", ..POISON },
    Poison {
        what: "a number too large",
        guilty: "overflow",
        code: "NULL",
        says: "does not fit the column type",
        ..POISON
    },
];

const SQLITE: &[Poison] = &[
    Poison {
        what: "a violated CHECK",
        clauses: ", CONSTRAINT fine CHECK (text <> 'bad')",
        code: "275",
        says: "fine",
        ..POISON
    },
    Poison {
        what: "a missing parent",
        before: "CREATE TABLE parents (name TEXT PRIMARY KEY) STRICT;",
        clauses: ", parent TEXT GENERATED ALWAYS AS (CASE WHEN text = 'bad' THEN text END) STORED REFERENCES parents",
        code: "787",
        says: "FOREIGN KEY",
        ..POISON
    },
    Poison {
        what: "a missing parent, noticed by COMMIT",
        before: "CREATE TABLE parents (name TEXT PRIMARY KEY) STRICT;",
        clauses: ", parent TEXT GENERATED ALWAYS AS (CASE WHEN text = 'bad' THEN text END) STORED
                    REFERENCES parents DEFERRABLE INITIALLY DEFERRED",
        code: "787",
        says: "FOREIGN KEY",
        ..POISON
    },
    Poison {
        what: "a NOT NULL",
        clauses: ", extra INTEGER GENERATED ALWAYS AS (CASE WHEN text <> 'bad' THEN 1 END) STORED NOT NULL",
        code: "1299",
        says: "extra",
        ..POISON
    },
    Poison {
        what: "a trigger that raises",
        after: "CREATE TRIGGER spoil BEFORE INSERT ON nasty_things WHEN NEW.text = 'bad'
                BEGIN SELECT RAISE(ABORT, 'not that one'); END",
        code: "1811",
        says: "not that one",
        ..POISON
    },
    Poison { what: "a NUL", guilty: "nul", code: "NULL", says: "NUL character", ..POISON },
    Poison { what: "a NaN", guilty: "nan", code: "NULL", says: "not finite", ..POISON },
    Poison {
        what: "a number too large",
        guilty: "overflow",
        code: "NULL",
        says: "does not fit the column type",
        ..POISON
    },
];

#[test]
fn postgres() {
    for poison in POSTGRES {
        costs_its_page_alone(poison, &Stored::postgres());
    }
}

#[test]
fn sqlite() {
    for poison in SQLITE {
        costs_its_page_alone(poison, &Stored::sqlite());
    }
}

fn costs_its_page_alone(poison: &Poison, stored: &Stored) {
    let Poison { what, clauses, before, after, guilty, code, says } = poison;
    stored.execute(&format!("{before}{}{after}", things(stored, clauses)));
    let names: Vec<String> = (10..50).map(|number| format!("p{number}")).collect();
    let mut leaves: Vec<&str> = names.iter().map(String::as_str).collect();
    leaves.insert(17, guilty);
    let site = site_of(&leaves, &[guilty]);
    let finished = crawl_at_once(&site, stored).run();
    finished.assert_code(65).assert_stdout("done 42, failed 0, skipped 0, dead 1, queued 0");
    assert_eq!(state(stored, &format!("/{guilty}")), "dead", "{what}");
    assert_eq!(state(stored, "/next"), "done", "{what}: the new requests of a dead page are followed");
    assert_eq!(stored.count("select count(*) from nasty_things"), 42, "{what}: the other pages' things");
    // Dragline knows which row it refuses. The database refuses a page.
    let (kept, lost): (usize, &[&str]) =
        if *code == "NULL" { (1, &["thing"]) } else { (0, &["note", "thing"]) };
    for (table, rows) in [("nasty_things where source_url", 0), ("crawl_items where url", kept)] {
        assert_eq!(stored.count(&format!("select count(*) from {table} like '%/{guilty}'")), rows, "{what}");
    }
    assert_eq!(stored.count("select count(*) from crawl_items"), 42 + kept, "{what}: the other pages' notes");

    let letters = stored
        .query("select item_type, sqlstate, error, payload, url from crawl_dead_letters order by item_type");
    assert_eq!(letters.len(), lost.len(), "{what}: {letters:?}");
    for (letter, item_type) in letters.iter().zip(lost) {
        assert_eq!((letter[0].as_str(), letter[1].as_str()), (*item_type, *code), "{what}: {letter:?}");
        assert!(letter[2].contains(says), "{what}: {letter:?}");
        let payload: serde_json::Value = serde_json::from_str(&letter[3]).unwrap();
        assert_eq!(payload["url"], site.url(&format!("/{guilty}")), "{what}");
        assert_eq!(letter[4], site.url(&format!("/{guilty}")), "{what}");
    }
    let error = stored.query("select error from crawl_requests where state = 'dead'");
    assert!(error[0][0].contains(says), "{what}: {error:?}");

    let batches = batches(&finished);
    assert!(batches.iter().any(|(pages, _)| *pages > 10), "{what}: a batch worth halving: {batches:?}");
    for (pages, transactions) in batches {
        let extra = u32::try_from(transactions - 1).unwrap();
        let bound = 2.0 * f64::from(u32::try_from(pages).unwrap()).log2() + 2.0;
        assert!(f64::from(extra) <= bound, "{what}: {extra} more transactions for {pages} pages");
    }
}
