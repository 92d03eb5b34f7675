//! The tree of a page: few large lists instead of a block for each node, each text and each attribute.
//!
//! ```text
//!  Tree ─┬─ nodes       40 bytes each, linked by their positions in this list
//!        ├─ attributes  24 bytes each; those of an element stand next to each other
//!        └─ texts       parts of the page's text, and one more text for what the page writes differently
//! ```
//!
//! A tree is dropped in a few steps, however large it is.

use html5ever::LocalName;

use self::attributes::Attributes;
use self::links::{Kind, Links, NONE, Node};
use self::texts::Texts;

mod attributes;
mod element;
mod growing;
mod links;
mod matching;
mod namespace;
mod node_ref;
mod serialize;
mod texts;

pub use self::element::Element;
pub use self::growing::{GrowingTree, Handle, NODE_BYTES};
pub use self::matching::Select;
pub use self::node_ref::{Ancestors, Children, Descendants, NodeRef, Value};

/// The document itself is the first node.
const DOCUMENT: u32 = 0;

/// A parsed page.
pub struct Tree {
    nodes: Links,
    attributes: Attributes,
    texts: Texts,
    /// The name, the public and the system identifier of each DOCTYPE. A document has one at most.
    doctypes: Vec<[texts::Span; 3]>,
}

/// Says which node of a tree is meant. Greater ones were made later, which is mostly further down the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

impl Tree {
    /// The document: the node that all others are in.
    pub fn document(&self) -> NodeRef<'_> {
        NodeRef::new(self, DOCUMENT)
    }

    /// The element that all others are in: `html`. It is the document itself if nothing was parsed.
    pub fn root(&self) -> Element<'_> {
        let root = self.document().children().find_map(NodeRef::element);
        root.unwrap_or_else(|| Element::new(self.document()))
    }

    /// A node of this tree.
    ///
    /// # Panics
    /// If the node is from another tree that has more nodes than this one.
    pub fn node(&self, id: NodeId) -> NodeRef<'_> {
        NodeRef::new(self, id.0)
    }

    /// How many nodes it has, also those that the parser has taken out of the tree again.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    fn get(&self, id: u32) -> &Node {
        self.nodes.get(id)
    }
}

/// A position in a list.
///
/// # Panics
/// A list may not have more than 4,294,967,294 entries.
fn position(length: usize) -> u32 {
    match u32::try_from(length) {
        Ok(position) if position < NONE => position,
        _ => panic!("the tree of a page has too many parts"),
    }
}

/// A node that is not linked to others.
fn lonely(kind: Kind, ns: namespace::Ns, name: LocalName, span: texts::Span) -> Node {
    Node { parent: NONE, previous: NONE, next: NONE, first: NONE, last: NONE, kind, ns, name, span }
}
