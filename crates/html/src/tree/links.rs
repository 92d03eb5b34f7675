//! The nodes of a tree, and the links between them.

use html5ever::LocalName;

use super::namespace::Ns;
use super::position;
use super::texts::Span;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// One node. Links are positions in the list of nodes.
pub(super) struct Node {
    pub(super) parent: u32,
    pub(super) previous: u32,
    pub(super) next: u32,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) kind: Kind,
    /// The namespace of an element.
    pub(super) ns: Ns,
    /// The name of an element.
    pub(super) name: LocalName,
    /// A text or comment, the attributes of an element, or the position of a DOCTYPE.
    pub(super) span: Span,
}

/// The kinds of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Document,
    /// The content of a `template`, which is its first child.
    Content,
    Doctype,
    Comment,
    Text,
    Element,
}

/// All nodes.
pub(super) struct Links(Vec<Node>);

impl Links {
    pub(super) fn with_capacity(nodes: usize) -> Self {
        Self(Vec::with_capacity(nodes))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, id: u32) -> &Node {
        &self.0[id as usize]
    }

    pub(super) fn get_mut(&mut self, id: u32) -> &mut Node {
        &mut self.0[id as usize]
    }

    /// Adds a node that is not linked yet, or linked to others by its own fields only.
    pub(super) fn add(&mut self, node: Node) -> u32 {
        let id = position(self.0.len());
        self.0.push(node);
        id
    }

    /// Makes a node that has no parent the last child of `parent`.
    pub(super) fn append(&mut self, parent: u32, child: u32) {
        let last = std::mem::replace(&mut self.get_mut(parent).last, child);
        let node = self.get_mut(child);
        node.parent = parent;
        node.previous = last;
        match last {
            NONE => self.get_mut(parent).first = child,
            last => self.get_mut(last).next = child,
        }
    }

    /// Puts a node that has no parent before `sibling`, which has one.
    pub(super) fn insert_before(&mut self, sibling: u32, child: u32) {
        let parent = self.get(sibling).parent;
        let previous = std::mem::replace(&mut self.get_mut(sibling).previous, child);
        let node = self.get_mut(child);
        (node.parent, node.previous, node.next) = (parent, previous, sibling);
        match previous {
            NONE => self.get_mut(parent).first = child,
            previous => self.get_mut(previous).next = child,
        }
    }

    /// Takes a node out of its parent, if it has one. It keeps its children.
    pub(super) fn detach(&mut self, id: u32) {
        let node = self.get_mut(id);
        let (parent, previous, next) = (node.parent, node.previous, node.next);
        if parent == NONE {
            return;
        }
        (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
        match previous {
            NONE => self.get_mut(parent).first = next,
            previous => self.get_mut(previous).next = next,
        }
        match next {
            NONE => self.get_mut(parent).last = previous,
            next => self.get_mut(next).previous = previous,
        }
    }

    /// Makes the children of one node the last children of another one.
    pub(super) fn move_children(&mut self, from: u32, to: u32) {
        let node = self.get_mut(from);
        let (first, last) = (node.first, node.last);
        (node.first, node.last) = (NONE, NONE);
        let mut child = first;
        while child != NONE {
            let node = self.get_mut(child);
            node.parent = to;
            child = node.next;
        }
        if first == NONE {
            return;
        }
        let before = std::mem::replace(&mut self.get_mut(to).last, last);
        self.get_mut(first).previous = before;
        match before {
            NONE => self.get_mut(to).first = first,
            before => self.get_mut(before).next = first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lonely;
    use super::*;

    fn nodes(count: u32) -> Links {
        let mut links = Links::with_capacity(0);
        for _ in 0..count {
            links.add(lonely(Kind::Element, Ns::Html, LocalName::default(), Span::EMPTY));
        }
        links
    }

    /// The children of a node, forwards. Checks that they are the same backwards.
    fn children(links: &Links, parent: u32) -> Vec<u32> {
        let walk = |mut at: u32, step: fn(&Node) -> u32| {
            let mut found = Vec::new();
            while at != NONE {
                assert_eq!(links.get(at).parent, parent);
                found.push(at);
                at = step(links.get(at));
            }
            found
        };
        let forwards = walk(links.get(parent).first, |node| node.next);
        let mut backwards = walk(links.get(parent).last, |node| node.previous);
        backwards.reverse();
        assert_eq!(forwards, backwards);
        forwards
    }

    #[test]
    fn nodes_are_added_moved_and_taken_out() {
        let mut links = nodes(8);
        for child in [1, 2, 3] {
            links.append(0, child);
        }
        links.insert_before(1, 4);
        links.insert_before(3, 5);
        assert_eq!(children(&links, 0), [4, 1, 2, 5, 3]);
        for (taken, left) in [(4, vec![1, 2, 5, 3]), (3, vec![1, 2, 5]), (2, vec![1, 5])] {
            links.detach(taken);
            assert_eq!(children(&links, 0), left);
            assert_eq!(links.get(taken).parent, NONE);
        }
        links.detach(2);
        links.append(6, 2);
        links.move_children(0, 6);
        assert_eq!((children(&links, 0), children(&links, 6)), (vec![], vec![2, 1, 5]));
        links.move_children(0, 6);
        links.move_children(6, 7);
        assert_eq!((children(&links, 6), children(&links, 7)), (vec![], vec![2, 1, 5]));
    }
}
