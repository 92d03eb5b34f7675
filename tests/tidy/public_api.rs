//! The public interface of the library `dragline`, written down in `docs/public-api.txt`: a change of it is a line in a
//! review, never an accident.
//!
//! The list is read from the source, so it needs no nightly compiler, as rustdoc's JSON does. For each name that
//! `crates/dragline` exports it has the declaration, public fields, variants, and the signatures of public and of trait
//! methods. What macros write, derived and generic impls, and other people's types are not in it.
//!
//! `PUBLIC_API=write cargo test --test dragline tidy::public_api` writes the file again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use quote::ToTokens;
use syn::{Fields, ImplItem, Item, ItemUse, TraitItem, UseTree, Visibility};

use super::source::{extension, files, repository};

const LIST: &str = "docs/public-api.txt";
const FACADE: &str = "crates/dragline/src/lib.rs";

/// What is declared under a name.
type Declared = BTreeMap<String, Vec<String>>;

#[test]
fn the_public_interface_is_the_one_that_was_reviewed() {
    let now = listing();
    assert!(now.lines().count() > 200, "the list is short: {now}");
    let file = repository().join(LIST);
    if std::env::var("PUBLIC_API").is_ok_and(|deed| deed == "write") {
        fs::write(&file, &now).unwrap();
    }
    let reviewed = fs::read_to_string(&file).unwrap_or_default();
    let missing: Vec<_> = reviewed.lines().filter(|line| !now.lines().any(|other| other == *line)).collect();
    let added: Vec<_> = now.lines().filter(|line| !reviewed.lines().any(|other| other == *line)).collect();
    assert!(
        missing.is_empty() && added.is_empty(),
        "the public interface changed; gone: {missing:#?}, new: {added:#?}; is it meant? \
         `PUBLIC_API=write cargo test --test dragline tidy::public_api` accepts it"
    );
}

fn listing() -> String {
    let facade = syn::parse_file(&fs::read_to_string(repository().join(FACADE)).unwrap()).unwrap();
    let mut crates: BTreeMap<String, Declared> = BTreeMap::new();
    let mut text = String::new();
    for (module, path) in exported(&facade.items, "") {
        let (package, _) = path.split_once("::").unwrap();
        let declared = crates.entry(package.to_owned()).or_insert_with(|| declared(package));
        let name = path.rsplit("::").next().unwrap();
        let _ = writeln!(text, "{module}{name}");
        for line in declared.get(name).into_iter().flatten() {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

/// Each name that these items export: the module that it is in, and where it comes from.
fn exported(items: &[Item], module: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for item in items {
        match item {
            Item::Use(ItemUse { vis: Visibility::Public(_), tree, attrs, .. }) if !is_hidden(attrs) => {
                found.extend(paths(tree, "").into_iter().map(|path| (module.to_owned(), path)));
            }
            Item::Mod(it) if is_public(&it.vis) && !is_hidden(&it.attrs) => {
                let (_, items) = it.content.as_ref().expect("the facade has no module in another file");
                found.extend(exported(items, &format!("{module}{}::", it.ident)));
            }
            _ => {}
        }
    }
    found
}

fn paths(tree: &UseTree, head: &str) -> Vec<String> {
    match tree {
        UseTree::Path(path) => paths(&path.tree, &format!("{head}{}::", path.ident)),
        UseTree::Name(name) => vec![format!("{head}{}", name.ident)],
        UseTree::Rename(renamed) => vec![format!("{head}{}", renamed.rename)],
        UseTree::Group(group) => group.items.iter().flat_map(|tree| paths(tree, head)).collect(),
        UseTree::Glob(_) => panic!("the facade lists its names one by one, without {head}*"),
    }
}

/// Everything public that a package declares.
fn declared(package: &str) -> Declared {
    let folder = match package.strip_prefix("dragline_").unwrap() {
        "pipelines" => "pipelines/src/".to_owned(),
        name => format!("crates/{name}/src/"),
    };
    let mut declared = Declared::new();
    for path in files(|name| extension(name) == "rs").into_iter().filter(|path| path.starts_with(&folder)) {
        let file = syn::parse_file(&fs::read_to_string(repository().join(&path)).unwrap()).unwrap();
        for item in &file.items {
            note(item, &mut declared);
        }
    }
    for lines in declared.values_mut() {
        lines.sort();
    }
    declared
}

fn note(item: &Item, declared: &mut Declared) {
    let mut add = |name: String, line: String| declared.entry(name).or_default().push(line);
    match item {
        Item::Struct(it) if is_public(&it.vis) => {
            let (name, generics) = (it.ident.to_string(), spelled(&it.generics));
            add(name.clone(), format!("{}struct {name}{generics}", open(&it.attrs)));
            for field in public_fields(&it.fields) {
                add(name.clone(), format!("field {field}"));
            }
        }
        Item::Enum(it) if is_public(&it.vis) => {
            let (name, generics) = (it.ident.to_string(), spelled(&it.generics));
            add(name.clone(), format!("{}enum {name}{generics}", open(&it.attrs)));
            for variant in &it.variants {
                let mut fields = variant.fields.clone();
                fields.iter_mut().for_each(|field| field.attrs.clear());
                add(name.clone(), format!("variant {}{}", variant.ident, spelled(&fields)));
            }
        }
        Item::Trait(it) if is_public(&it.vis) => {
            let name = it.ident.to_string();
            add(name.clone(), format!("trait {name}{}: {}", spelled(&it.generics), spelled(&it.supertraits)));
            for item in &it.items {
                match item {
                    TraitItem::Fn(method) => {
                        let provided = if method.default.is_some() { "provided " } else { "" };
                        add(name.clone(), format!("{provided}{}", spelled(&method.sig)));
                    }
                    TraitItem::Const(one) => {
                        add(name.clone(), format!("const {}: {}", one.ident, spelled(&one.ty)));
                    }
                    TraitItem::Type(one) => add(name.clone(), format!("type {}", one.ident)),
                    _ => {}
                }
            }
        }
        Item::Fn(it) if is_public(&it.vis) => add(it.sig.ident.to_string(), spelled(&it.sig)),
        Item::Const(it) if is_public(&it.vis) => {
            add(it.ident.to_string(), format!("const {}: {}", it.ident, spelled(&it.ty)));
        }
        Item::Type(it) if is_public(&it.vis) => {
            add(it.ident.to_string(), format!("type {} = {}", it.ident, spelled(&it.ty)));
        }
        Item::Impl(it) => {
            let name = spelled(&it.self_ty);
            let name = name.split('<').next().unwrap_or_default().to_owned();
            if let Some((_, path, _)) = &it.trait_ {
                return add(name, format!("impl {}", spelled(path)));
            }
            for item in &it.items {
                match item {
                    ImplItem::Fn(method) if is_public(&method.vis) && !is_hidden(&method.attrs) => {
                        add(name.clone(), spelled(&method.sig));
                    }
                    ImplItem::Const(one) if is_public(&one.vis) => {
                        add(name.clone(), format!("const {}: {}", one.ident, spelled(&one.ty)));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Whether it is for Dragline itself only.
fn is_hidden(attributes: &[syn::Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("doc") && spelled(attribute).contains("hidden"))
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn public_fields(fields: &Fields) -> Vec<String> {
    let public = fields.iter().filter(|field| is_public(&field.vis) && !is_hidden(&field.attrs));
    public
        .map(|field| {
            format!(
                "{}: {}",
                field.ident.as_ref().map_or_else(String::new, ToString::to_string),
                spelled(&field.ty)
            )
        })
        .collect()
}

/// Whether more may be added without breaking anybody.
fn open(attributes: &[syn::Attribute]) -> &'static str {
    if attributes.iter().any(|attribute| attribute.path().is_ident("non_exhaustive")) {
        "non_exhaustive "
    } else {
        ""
    }
}

/// Code in one line, close to how it is written.
fn spelled(code: &impl ToTokens) -> String {
    let mut text = code.to_token_stream().to_string();
    for (wide, close) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" , ", ", "),
        (" ,", ","),
        (" : ", ": "),
        ("& ", "&"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ;", ";"),
    ] {
        text = text.replace(wide, close);
    }
    text.replace("->", " -> ").replace("  ", " ")
}
