//! Compares our tree with the one that `scraper` makes, node by node, and as HTML.

use dragline_html::{NodeRef, Tree, Value};
use html5ever::{LocalName, Namespace};
use scraper::{Html, Node};

type Theirs<'h> = ego_tree::NodeRef<'h, Node>;
type Attributes<'h> = Vec<(&'h Namespace, &'h LocalName, &'h str)>;

/// What differs between the two, if something does. `scraper` sorts attributes, and we keep the order of the page.
pub(crate) fn difference(ours: &Tree, mut theirs: Html) -> Option<String> {
    let mut ordered = Vec::new();
    let (mut our_nodes, mut their_nodes) = (ours.document().descendants(), theirs.tree.root().descendants());
    loop {
        let (our, their) = match (our_nodes.next(), their_nodes.next()) {
            (None, None) => break,
            (Some(our), Some(their)) => (our, their),
            (our, their) => return Some(format!("{our:?}, not {:?}", their.map(|node| node.value()))),
        };
        if !is_same(our, their) || our.ancestors().count() != their.ancestors().count() {
            return Some(format!("{our:?}, not {:?}", their.value()));
        }
        if let Some(wrong) = wrong_links(our) {
            return Some(format!("{our:?} has wrong links: {wrong}"));
        }
        if let Some(element) = our.element() {
            let names = element.attrs().map(|(ns, name, _)| (ns.clone(), name.clone()));
            ordered.push((their.id(), names.collect::<Vec<_>>()));
        }
    }
    for (id, names) in ordered {
        if let Node::Element(element) = theirs.tree.get_mut(id).expect("a node").value() {
            let place = |ns: &Namespace, name: &LocalName| {
                names.iter().position(|known| known.0 == *ns && known.1 == *name)
            };
            element.attrs.sort_by_key(|(name, _)| place(&name.ns, &name.local));
        }
    }
    let (our_html, their_html) = (ours.document().html(), theirs.html());
    (our_html != their_html).then(|| format!("as HTML: {our_html}, not {their_html}"))
}

fn is_same(ours: NodeRef<'_>, theirs: Theirs<'_>) -> bool {
    match (ours.value(), theirs.value()) {
        // A fragment has no document in `scraper`.
        (Value::Document, Node::Document | Node::Fragment) | (Value::Content, Node::Fragment) => true,
        (Value::Doctype { name, public_id, system_id }, Node::Doctype(it)) => {
            (name, public_id, system_id) == (it.name(), it.public_id(), it.system_id())
        }
        (Value::Comment(text), Node::Comment(it)) => *text == **it,
        (Value::Text(text), Node::Text(it)) => *text == **it,
        (Value::Element(element), Node::Element(it)) => {
            let mut ours: Attributes<'_> = element.attrs().collect();
            let theirs = it.attrs.iter().map(|(name, value)| (&name.ns, &name.local, &**value));
            let mut theirs: Attributes<'_> = theirs.collect();
            ours.sort_unstable();
            theirs.sort_unstable();
            *element.namespace() == it.name.ns && *element.name() == it.name.local && ours == theirs
        }
        _ => false,
    }
}

/// Whether the links of a node fit those of its neighbours.
fn wrong_links(node: NodeRef<'_>) -> Option<&'static str> {
    if node.first_child().is_some_and(|child| child.parent() != Some(node)) {
        return Some("its first child has another parent");
    }
    let next = node.next_sibling()?;
    if next.previous_sibling() != Some(node) {
        return Some("its next sibling has another previous one");
    }
    if next.parent() != node.parent() {
        return Some("its next sibling has another parent");
    }
    (node.text().is_some() && next.text().is_some()).then_some("a text follows a text")
}
