//! Which elements a CSS selector matches: how the `selectors` crate sees a tree.

use std::iter::FusedIterator;

use dragline_css::{Css, Name, NoPseudoClass, NoPseudoElement, Value};
use html5ever::{Namespace, local_name};
use selectors::attr::{AttrSelectorOperation, CaseSensitivity, NamespaceConstraint};
use selectors::bloom::BloomFilter;
use selectors::context::QuirksMode;
use selectors::matching::{
    ElementSelectorFlags, MatchingContext, MatchingForInvalidation, MatchingMode, NeedsSelectorFlags,
    SelectorCaches, matches_selector,
};
use selectors::parser::SelectorList;
use selectors::{Element as _, OpaqueElement};

use super::node_ref::Descendants;
use super::{Element, NodeRef};

impl<'t> Element<'t> {
    /// Whether one of the selectors matches it. `:scope` is `scope`.
    pub fn matches(self, selectors: &SelectorList<Css>, scope: Self) -> bool {
        self.matches_with(selectors, scope, &mut SelectorCaches::default())
    }

    /// The elements below it that one of the selectors matches, in document order. `:scope` is this element.
    pub fn select<'s>(self, selectors: &'s SelectorList<Css>) -> Select<'t, 's> {
        let mut below = self.descendants();
        below.next();
        Select { scope: self, below, selectors, caches: SelectorCaches::default() }
    }

    fn matches_with(self, selectors: &SelectorList<Css>, scope: Self, caches: &mut SelectorCaches) -> bool {
        let mut context = MatchingContext::new(
            MatchingMode::Normal,
            None,
            caches,
            QuirksMode::NoQuirks,
            NeedsSelectorFlags::No,
            MatchingForInvalidation::No,
        );
        context.scope_element = Some(scope.opaque());
        selectors.slice().iter().any(|selector| matches_selector(selector, 0, None, &self, &mut context))
    }
}

/// The elements that a selector matches. See [`Element::select`].
pub struct Select<'t, 's> {
    scope: Element<'t>,
    below: Descendants<'t>,
    selectors: &'s SelectorList<Css>,
    /// What was found out about earlier elements. It is only right for these selectors.
    caches: SelectorCaches,
}

impl<'t> Iterator for Select<'t, '_> {
    type Item = Element<'t>;

    fn next(&mut self) -> Option<Element<'t>> {
        let Self { scope, below, selectors, caches } = self;
        below.filter_map(NodeRef::element).find(|element| element.matches_with(selectors, *scope, caches))
    }
}

impl FusedIterator for Select<'_, '_> {}

/// A page has neither shadow trees nor parts, slots, custom states and pseudo-elements.
impl selectors::Element for Element<'_> {
    type Impl = Css;

    fn opaque(&self) -> OpaqueElement {
        OpaqueElement::new(self.stored())
    }

    fn parent_element(&self) -> Option<Self> {
        self.parent().and_then(NodeRef::element)
    }

    fn parent_node_is_shadow_root(&self) -> bool {
        false
    }

    fn containing_shadow_host(&self) -> Option<Self> {
        None
    }

    fn is_pseudo_element(&self) -> bool {
        false
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        let mut node = self.previous_sibling();
        while let Some(sibling) = node {
            match sibling.element() {
                Some(element) => return Some(element),
                None => node = sibling.previous_sibling(),
            }
        }
        None
    }

    fn next_sibling_element(&self) -> Option<Self> {
        let mut node = self.next_sibling();
        while let Some(sibling) = node {
            match sibling.element() {
                Some(element) => return Some(element),
                None => node = sibling.next_sibling(),
            }
        }
        None
    }

    fn first_element_child(&self) -> Option<Self> {
        self.child_elements().next()
    }

    fn is_html_element_in_html_document(&self) -> bool {
        self.is_html()
    }

    fn has_local_name(&self, name: &Name) -> bool {
        *self.name() == name.0
    }

    fn has_namespace(&self, namespace: &Namespace) -> bool {
        self.namespace() == namespace
    }

    fn is_same_type(&self, other: &Self) -> bool {
        self.name() == other.name() && self.ns() == other.ns()
    }

    fn attr_matches(
        &self,
        namespace: &NamespaceConstraint<&Namespace>,
        name: &Name,
        operation: &AttrSelectorOperation<&Value>,
    ) -> bool {
        self.stored_attributes().iter().any(|attribute| {
            let is_in = match namespace {
                NamespaceConstraint::Any => true,
                NamespaceConstraint::Specific(namespace) => attribute.ns.namespace() == *namespace,
            };
            is_in && attribute.name == name.0 && operation.eval_str(self.value_of(attribute))
        })
    }

    fn match_non_ts_pseudo_class(&self, class: &NoPseudoClass, _: &mut MatchingContext<'_, Css>) -> bool {
        match *class {}
    }

    fn match_pseudo_element(&self, element: &NoPseudoElement, _: &mut MatchingContext<'_, Css>) -> bool {
        match *element {}
    }

    fn apply_selector_flags(&self, _: ElementSelectorFlags) {}

    fn is_link(&self) -> bool {
        *self.name() == local_name!("link")
    }

    fn is_html_slot_element(&self) -> bool {
        false
    }

    fn has_id(&self, id: &Name, case: CaseSensitivity) -> bool {
        self.attr_named(&local_name!("id")).is_some_and(|value| case.eq(id.0.as_bytes(), value.as_bytes()))
    }

    fn has_class(&self, name: &Name, case: CaseSensitivity) -> bool {
        self.attr_named(&local_name!("class")).is_some_and(|value| {
            value.split_ascii_whitespace().any(|class| case.eq(class.as_bytes(), name.0.as_bytes()))
        })
    }

    fn has_custom_state(&self, _: &Name) -> bool {
        false
    }

    fn imported_part(&self, _: &Name) -> Option<Name> {
        None
    }

    fn is_part(&self, _: &Name) -> bool {
        false
    }

    fn is_empty(&self) -> bool {
        !self.children().any(|child| child.element().is_some() || child.text().is_some())
    }

    fn is_root(&self) -> bool {
        self.parent().is_some_and(NodeRef::is_document)
    }

    fn add_element_unique_hashes(&self, _: &mut BloomFilter) -> bool {
        false
    }
}
