//! Writes a node as HTML.

use std::io;

use html5ever::QualName;
use html5ever::serialize::{Serialize, SerializeOpts, Serializer, TraversalScope, serialize};

use super::{NodeRef, Value};

impl NodeRef<'_> {
    /// The node as HTML, with everything in it.
    pub fn html(self) -> String {
        let options = SerializeOpts {
            scripting_enabled: false,
            traversal_scope: TraversalScope::IncludeNode,
            create_missing_parent: false,
        };
        let mut html = Vec::new();
        // Writing into memory can't fail.
        let _ = serialize(&mut html, &self, options);
        String::from_utf8(html).unwrap_or_default()
    }
}

impl Serialize for NodeRef<'_> {
    /// Walks without recursion, because a page may nest deeper than a stack can go.
    fn serialize<S: Serializer>(&self, serializer: &mut S, scope: TraversalScope) -> io::Result<()> {
        let is_written = |node: NodeRef<'_>| node != *self || scope == TraversalScope::IncludeNode;
        let mut node = *self;
        loop {
            if is_written(node) {
                begin(node, serializer)?;
            }
            if let Some(child) = node.first_child() {
                node = child;
                continue;
            }
            loop {
                if is_written(node)
                    && let Some(element) = node.element()
                {
                    let name = QualName::new(None, element.namespace().clone(), element.name().clone());
                    serializer.end_elem(name)?;
                }
                if node == *self {
                    return Ok(());
                }
                if let Some(next) = node.next_sibling() {
                    node = next;
                    break;
                }
                let Some(parent) = node.parent() else { return Ok(()) };
                node = parent;
            }
        }
    }
}

fn begin<S: Serializer>(node: NodeRef<'_>, serializer: &mut S) -> io::Result<()> {
    match node.value() {
        Value::Document | Value::Content => Ok(()),
        Value::Doctype { name, .. } => serializer.write_doctype(name),
        Value::Comment(text) => serializer.write_comment(text),
        Value::Text(text) => serializer.write_text(text),
        Value::Element(element) => {
            let name = QualName::new(None, element.namespace().clone(), element.name().clone());
            let attributes: Vec<(QualName, &str)> = element
                .attrs()
                .map(|(ns, name, value)| (QualName::new(None, ns.clone(), name.clone()), value))
                .collect();
            serializer.start_elem(name, attributes.iter().map(|(name, value)| (name, *value)))
        }
    }
}
