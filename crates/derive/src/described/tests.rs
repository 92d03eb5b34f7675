//! What the macro says to each mistake that its tokens show.

use syn::{DeriveInput, parse_quote};

use super::ItemStruct;

fn refusal(input: &DeriveInput) -> String {
    match ItemStruct::read(input) {
        Ok(_) => panic!("nothing is refused"),
        Err(error) => error.into_iter().map(|mistake| mistake.to_string()).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn only_structs_with_named_fields_are_items() {
    let words =
        "this derive needs a struct with named fields: each field is a column, or a value that a page fills";
    assert_eq!(
        refusal(&parse_quote!(
            enum Quote {
                Short,
                Long,
            }
        )),
        words
    );
    assert_eq!(
        refusal(&parse_quote!(
            struct Quote(String);
        )),
        words
    );
    assert_eq!(
        refusal(&parse_quote!(
            struct Quote;
        )),
        words
    );
    let parameters =
        "remove the parameters of this struct, because an item owns its values and has one table";
    assert_eq!(
        refusal(&parse_quote!(
            struct Quote<'a> {
                text: &'a str,
            }
        )),
        parameters
    );
    assert_eq!(
        refusal(&parse_quote!(
            struct Quote {
                #[item(skip)]
                text: String,
            }
        )),
        "an item needs at least one field that is stored"
    );
}

#[test]
fn unknown_and_repeated_attributes_are_refused() {
    assert_eq!(
        refusal(&parse_quote!(
            #[item(keys = "text")]
            struct Quote {
                text: String,
            }
        )),
        "unknown: an item has `table = \"…\"`, `key = \"…\"`, `id = \"…\"`, `name = \"…\"`, `auto_create = false`, `history`, `gone_mark`, `changes`, \
         `children_of = …`, `index = \"…\"`, `view = …`, `css = \"…\"`"
    );
    let unknown = refusal(&parse_quote!(
        struct Quote {
            #[item(col = "t")]
            text: String,
        }
    ));
    assert!(
        unknown.starts_with("unknown: a field of an item has `column = \"…\"`, `json`, `skip`, `references = …`, `deferrable`, `merge = \"…\"`; "),
        "{unknown}"
    );
    assert_eq!(
        refusal(&parse_quote!(
            #[item(key = "a", key = "b")]
            struct Quote {
                a: String,
                b: String,
            }
        )),
        "this attribute is given twice"
    );
    assert_eq!(
        refusal(&parse_quote!(
            struct Quote {
                #[item(skip, json)]
                text: String,
            }
        )),
        "a field that is skipped has no column: use only one of the two"
    );
    assert_eq!(
        refusal(&parse_quote!(
            #[item(auto_create = false)]
            struct Quote {
                text: String,
            }
        )),
        "`auto_create` is about a table: name it with `table = \"…\"`"
    );
}

#[test]
fn a_merged_column_needs_a_table_a_key_and_a_rule_that_fits() {
    let said = |table: Option<&str>, key: Option<&str>, rule: &str, json: bool, kind: &str| {
        let kind: syn::Type = syn::parse_str(kind).unwrap();
        let table = table.map(|table| quote::quote!(#[item(table = #table)]));
        let key = key.map(|key| quote::quote!(#[item(key = #key)]));
        let json = json.then(|| quote::quote!(#[item(json)]));
        refusal(&parse_quote!(
            #table
            #key
            struct Quote {
                text: String,
                #[item(merge = #rule)]
                #json
                best: #kind,
            }
        ))
    };
    let (quotes, text) = (Some("quotes"), Some("text"));
    for (said, expected) in [
        (said(None, text, "max", false, "i64"), "name it with `table = \"…\"`"),
        (said(quotes, None, "max", false, "i64"), "add `id = \"…\"` or `key = \"…\"`"),
        (said(quotes, Some("text, best"), "max", false, "i64"), "`best` is a part of the key"),
        (said(quotes, text, "sum", false, "i64"), "`sum` is not a rule; the rules are `keep`, `fill`, `max`"),
        (said(quotes, text, "max", true, "Mood"), "JSON has no `max`: only `keep` and `fill`"),
        (said(quotes, text, "fill", true, "Mood"), "make the field an Option"),
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let part_of_id = refusal(&parse_quote!(
        #[item(table = "quotes", id = "text")]
        struct Quote {
            #[item(merge = "keep")]
            text: String,
        }
    ));
    assert!(part_of_id.contains("`text` is a part of the key"), "{part_of_id}");
}

#[test]
fn a_history_needs_a_table_and_a_key_and_names_of_its_own() {
    let without_table = refusal(&parse_quote!(
        #[item(history, key = "text")]
        struct Quote {
            text: String,
        }
    ));
    assert!(without_table.contains("name that with `table = \"…\"`"), "{without_table}");
    let without_key = refusal(&parse_quote!(
        #[item(table = "quotes", history)]
        struct Quote {
            text: String,
        }
    ));
    assert!(without_key.contains("`history` needs a key"), "{without_key}");
    let long = refusal(&parse_quote!(
        #[item(
            table = "shop.a_name_for_a_table_of_quotes_that_is_longer_than_it_may_be",
            key = "text",
            history
        )]
        struct Quote {
            text: String,
        }
    ));
    assert!(long.contains("give the table a name of 55 at most"), "{long}");
    let taken = refusal(&parse_quote!(
        #[item(table = "quotes", key = "text", history)]
        struct Quote {
            text: String,
            valid_to: String,
        }
    ));
    assert!(taken.contains("`history` has a column `valid_to` of its own"), "{taken}");
}

#[test]
fn a_mark_needs_a_table_and_a_key_and_a_name_of_its_own() {
    let without_table = refusal(&parse_quote!(
        #[item(gone_mark, key = "text")]
        struct Quote {
            text: String,
        }
    ));
    assert!(without_table.contains("`gone_mark` is a column of the item's own table"), "{without_table}");
    let without_key = refusal(&parse_quote!(
        #[item(table = "quotes", gone_mark)]
        struct Quote {
            text: String,
        }
    ));
    assert!(without_key.contains("`gone_mark` needs a key"), "{without_key}");
    let taken = refusal(&parse_quote!(
        #[item(table = "quotes", key = "text", gone_mark)]
        struct Quote {
            text: String,
            gone_at: String,
        }
    ));
    assert!(taken.contains("`gone_mark` adds a column `gone_at`"), "{taken}");
}

#[test]
fn a_change_feed_needs_a_table_and_a_key() {
    let without_table = refusal(&parse_quote!(
        #[item(changes, key = "text")]
        struct Quote {
            text: String,
        }
    ));
    assert!(without_table.contains("`changes` needs a table"), "{without_table}");
    let without_key = refusal(&parse_quote!(
        #[item(table = "quotes", changes)]
        struct Quote {
            text: String,
        }
    ));
    assert!(without_key.contains("`changes` needs a key"), "{without_key}");
}

#[test]
fn a_key_names_columns_that_are_there() {
    assert_eq!(
        refusal(&parse_quote!(
            #[item(key = "txt")]
            struct Quote {
                text: String,
                author: String,
            }
        )),
        "the key names `txt`, which is not a column of this item; there are `text`, `author`"
    );
    assert_eq!(
        refusal(&parse_quote!(
            #[item(key = "text")]
            struct Quote {
                #[item(column = "words")]
                text: String,
            }
        )),
        "the column of the field `text` is `words`: the key names columns"
    );
    assert_eq!(
        refusal(&parse_quote!(
            #[item(key = "text, text")]
            struct Quote {
                text: String,
            }
        )),
        "the key names `text` twice"
    );
    assert_eq!(
        refusal(&parse_quote!(
            #[item(key = "text,")]
            struct Quote {
                text: String,
            }
        )),
        "a key names columns, with commas between them: `key = \"shop, number\"`"
    );
    assert_eq!(
        refusal(&parse_quote!(
            #[item(key = "data")]
            struct Quote {
                #[item(json)]
                data: Data,
            }
        )),
        "the key column `data` is a float, a list or JSON: two spellings of one value would be two keys"
    );
}

#[test]
fn names_are_plain_free_and_not_there_already() {
    let plain =
        "is not a plain SQL name: a lower-case letter or `_`, then letters, digits and `_`, 63 at most";
    let keep = "; or keep the field's name and add #[item(column = \"…\")]";
    assert_eq!(
        refusal(&parse_quote!(
            #[item(table = "my quotes")]
            struct Quote {
                text: String,
            }
        )),
        format!("`my quotes` {plain}")
    );
    assert_eq!(
        refusal(&parse_quote!(
            #[item(name = "Quote")]
            struct Quote {
                text: String,
            }
        )),
        format!("`Quote` {plain}")
    );
    assert_eq!(
        refusal(&parse_quote!(
            struct Größe {
                text: String,
            }
        )),
        format!("`größe` {plain}; add #[item(name = \"…\")]")
    );
    assert_eq!(
        refusal(&parse_quote!(
            struct Quote {
                Text: String,
                run_id: i64,
                xmin: i32,
            }
        )),
        format!(
            "`Text` {plain}{keep}\n\
             `run_id` is a column that Dragline adds by itself: call this one something else{keep}\n\
             `xmin` is a system column of Postgres: call this one something else{keep}"
        )
    );
    assert_eq!(
        refusal(&parse_quote!(
            #[item(table = "crawl_items")]
            struct Quote {
                text: String,
            }
        )),
        "tables that begin with `crawl_` are not for items: call this one something else"
    );
    assert_eq!(
        refusal(&parse_quote!(
            struct Quote {
                text: String,
                #[item(column = "text")]
                words: String,
            }
        )),
        "there is already a column `text`"
    );
}

#[test]
fn an_id_names_columns_and_is_the_only_key() {
    let refused = |attribute: &str, fields: &str| {
        let text = format!("#[item(table = \"tracks\", {attribute})] struct Track {{ {fields} }}");
        refusal(&syn::parse_str(&text).unwrap())
    };
    let fields = "artist: String, title: String, #[item(json)] tags: Vec<u8>";
    for (attribute, expected) in [
        ("id = \"artist, titel\"", "the id names `titel`, which is not a column of this item"),
        ("id = \"artist,\"", "an id names columns, with commas between them: `id = \"artist, title\"`"),
        ("id = \"artist, =artist\"", "the id names `artist` twice"),
        ("id = \"tags\"", "the part `tags` of the id is a float, a list or JSON"),
        ("id = \"artist\", key = \"title\"", "an item with an id has the id as its key"),
        ("index = \"artist, id\"", "the index names `id`"),
        ("children_of = Playlist", "children need a key"),
    ] {
        let told = refused(attribute, fields);
        assert!(told.contains(expected), "{told}");
    }
    assert!(refused("id = \"title\"", "id: i64, title: String").contains("the column `id` is computed"));
    assert!(refused("", "#[item(references = Label, json)] a: String").contains("JSON is not a key"));
    assert!(refused("", "#[item(references = Label, skip)] a: String, b: i8").contains("has no column"));
}

#[test]
fn what_belongs_to_a_table_needs_one() {
    for (attribute, field, what) in [
        ("id = \"a\"", "", "an id"),
        ("index = \"a\"", "", "an index"),
        ("view = CHEAPEST", "", "a view"),
        ("key = \"a\", children_of = Playlist", "", "`children_of`"),
        ("key = \"a\"", "#[item(references = Label)]", "a reference"),
    ] {
        let told = refusal(
            &syn::parse_str(&format!("#[item({attribute})] struct A {{ {field} a: String }}")).unwrap(),
        );
        assert_eq!(told, format!("{what} belongs to a table: name it with `table = \"…\"`"));
    }
}
