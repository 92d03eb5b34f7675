//! The fields of a form: which ones belong to it, their values, and what they send.
//!
//! This follows the HTML standard: form owner (4.10.17.3), disabled (4.10.18.5), the state of a `select` (4.10.7), the entry
//! list (4.10.22.4).

use super::Target;
use crate::node::Node;
use crate::page::Page;

/// One field that may be sent. Buttons are separate.
#[derive(Clone, Debug)]
pub(super) struct Control {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// Its kind and value.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Text of any kind, including a `textarea`.
    Text {
        value: String,
    },
    Hidden {
        value: String,
    },
    Checkbox {
        value: String,
        ticked: bool,
    },
    Radio {
        value: String,
        ticked: bool,
    },
    Select {
        is_multiple: bool,
        choices: Vec<Choice>,
    },
    /// No file is ever chosen.
    File,
}

/// An option of a `select`.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    value: String,
    is_selected: bool,
}

/// A submit button.
#[derive(Clone, Debug)]
pub(super) struct Button {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) text: String,
    is_image: bool,
    /// The field that comes after it.
    pub(super) before: usize,
    /// Where it sends the form.
    pub(super) target: Target,
}

impl Control {
    /// What it sends.
    pub(super) fn sent<'a>(&'a self) -> Vec<(&'a str, &'a str)> {
        let one = |value: &'a str| vec![(self.name.as_str(), value)];
        match &self.kind {
            _ if self.name.is_empty() => Vec::new(),
            Kind::Text { value }
            | Kind::Hidden { value }
            | Kind::Checkbox { value, ticked: true }
            | Kind::Radio { value, ticked: true } => one(value),
            Kind::Checkbox { .. } | Kind::Radio { .. } => Vec::new(),
            Kind::Select { choices, .. } => choices
                .iter()
                .filter(|choice| choice.is_selected)
                .map(|choice| (&*self.name, &*choice.value))
                .collect(),
            Kind::File => one(""),
        }
    }

    /// Fills in a value. Returns whether the field could take it.
    pub(super) fn take(&mut self, new: &str) -> bool {
        match &mut self.kind {
            Kind::Text { value } | Kind::Hidden { value } => {
                new.clone_into(value);
                true
            }
            Kind::Checkbox { value, ticked } | Kind::Radio { value, ticked } => {
                *ticked |= value == new;
                value == new
            }
            Kind::Select { is_multiple, choices } => {
                let Some(chosen) = choices.iter().position(|choice| choice.value == new) else {
                    return false;
                };
                for (at, choice) in choices.iter_mut().enumerate() {
                    choice.is_selected = at == chosen || (*is_multiple && choice.is_selected);
                }
                true
            }
            Kind::File => false,
        }
    }

    /// Clears the field.
    pub(super) fn clear(&mut self) {
        match &mut self.kind {
            Kind::Text { value } | Kind::Hidden { value } => value.clear(),
            Kind::Checkbox { ticked, .. } | Kind::Radio { ticked, .. } => *ticked = false,
            Kind::Select { choices, .. } => choices.iter_mut().for_each(|choice| choice.is_selected = false),
            Kind::File => {}
        }
    }

    /// The possible values, if not every value is possible.
    pub(super) fn choices(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Checkbox { value, .. } | Kind::Radio { value, .. } => vec![value],
            Kind::Select { choices, .. } => choices.iter().map(|choice| choice.value.as_str()).collect(),
            Kind::File => vec!["only no file"],
            Kind::Text { .. } | Kind::Hidden { .. } => Vec::new(),
        }
    }
}

impl Button {
    /// What a click on it sends. An image sends the position of the click, which is its corner.
    pub(super) fn sent(&self) -> Vec<(String, String)> {
        let zero = || "0".to_owned();
        match (self.is_image, self.name.as_str()) {
            (true, "") => vec![("x".to_owned(), zero()), ("y".to_owned(), zero())],
            (true, name) => vec![(format!("{name}.x"), zero()), (format!("{name}.y"), zero())],
            (false, "") => Vec::new(),
            (false, name) => vec![(name.to_owned(), self.value.clone())],
        }
    }

    /// For errors.
    pub(super) fn shown(&self) -> &str {
        [&self.name, &self.text, &self.value]
            .into_iter()
            .find(|text| !text.is_empty())
            .map_or("one without a name", |it| it)
    }
}

/// The fields and the submit buttons of `form`, in the order of the page.
pub(super) fn of(page: &Page, form: Node<'_>, target: &Target) -> (Vec<Control>, Vec<Button>) {
    let (mut controls, mut buttons) = (Vec::new(), Vec::new());
    let mut pointer = None;
    for node in page.select("form, button, input, select, textarea") {
        if node.name() == "form" {
            // The parser moves the form out of the table. The fields that follow in the table still belong to it.
            let table = node.parent().filter(|parent| is_in_table_structure(*parent)).and_then(table_around);
            pointer = table.map(|table| (node, table));
            continue;
        }
        if !is_same(owner(page, node, pointer), form) || is_out_of_use(node) {
            continue;
        }
        let name = node.own_attr("name").unwrap_or_default().to_owned();
        let kind = input_type(node);
        match kind.as_str() {
            "submit" | "image" => {
                let text = if node.name() == "button" { node.full_text() } else { String::new() };
                let value = node.own_attr("value").unwrap_or_default().to_owned();
                let is_image = kind == "image";
                let target = target.by_button(page, node);
                buttons.push(Button { name, value, text, is_image, before: controls.len(), target });
            }
            "reset" | "button" => {}
            _ => controls.push(Control { name, kind: Kind::of(node, &kind) }),
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut surplus = Vec::new();
    // If several radio buttons of one name are ticked, the last one counts.
    for (at, control) in controls.iter().enumerate().rev() {
        if matches!(control.kind, Kind::Radio { ticked: true, .. }) {
            if seen.contains(&control.name.as_str()) {
                surplus.push(at);
            } else {
                seen.push(&control.name);
            }
        }
    }
    for at in surplus {
        controls[at].clear();
    }
    (controls, buttons)
}

impl Kind {
    fn of(node: Node<'_>, kind: &str) -> Self {
        let value = |default: &str| node.own_attr("value").unwrap_or(default).to_owned();
        let ticked = node.own_attr("checked").is_some();
        match kind {
            "select" => select(node),
            "textarea" => Self::Text { value: node.raw_text() },
            "checkbox" => Self::Checkbox { value: value("on"), ticked },
            "radio" => Self::Radio { value: value("on"), ticked },
            "file" => Self::File,
            "hidden" => Self::Hidden { value: value("") },
            // These always have a value in a browser (4.10.5.1.13 and 14).
            "range" => Self::Text { value: value("50") },
            "color" => Self::Text { value: value("#000000") },
            _ => Self::Text { value: value("").replace(['\n', '\r'], "") },
        }
    }
}

/// A `select` and its chosen options.
fn select(node: Node<'_>) -> Kind {
    let is_multiple = node.own_attr("multiple").is_some();
    let mut choices = Vec::new();
    let mut first_usable = None;
    let mut chosen = None;
    for option in node.select("option") {
        let of_group = option.parent().filter(|parent| parent.name() == "optgroup");
        let is_disabled = option.own_attr("disabled").is_some()
            || of_group.is_some_and(|group| group.own_attr("disabled").is_some());
        let is_selected = option.own_attr("selected").is_some();
        if is_selected {
            chosen = Some((choices.len(), is_disabled));
        }
        if is_disabled {
            // It can be neither chosen nor sent.
            continue;
        }
        first_usable.get_or_insert(choices.len());
        let value = option.own_attr("value").map_or_else(|| option.full_text(), str::to_owned);
        choices.push(Choice { value, is_selected });
    }
    if !is_multiple {
        // If several are selected, the last one counts. If none is, a single line shows the first.
        let lines = node.own_attr("size").and_then(|size| size.trim().parse::<u32>().ok()).unwrap_or(1);
        let kept = match chosen {
            Some((_, true)) => None,
            Some((at, false)) => Some(at),
            None => first_usable.filter(|_| lines <= 1),
        };
        for (at, choice) in choices.iter_mut().enumerate() {
            choice.is_selected = Some(at) == kept;
        }
    }
    Kind::Select { is_multiple, choices }
}

/// The type of a field: the type of an `input` or `button`, or otherwise the element's name.
fn input_type(node: Node<'_>) -> String {
    let kind = node.own_attr("type").unwrap_or_default().to_ascii_lowercase();
    match node.name() {
        "input" => kind,
        "button" if kind == "reset" || kind == "button" => kind,
        "button" => "submit".to_owned(),
        name => name.to_owned(),
    }
}

/// The form of a field: the form that it names, or otherwise the form around it, or otherwise a form that the parser found
/// inside the table around it.
fn owner<'a>(page: &'a Page, node: Node<'a>, pointer: Option<(Node<'a>, Node<'a>)>) -> Option<Node<'a>> {
    if let Some(id) = node.own_attr("form") {
        let named = page.select("[id]").into_iter().find(|it| it.own_attr("id") == Some(id));
        return named.filter(|it| it.name() == "form");
    }
    ancestors(node).find(|it| it.name() == "form").or_else(|| {
        let (form, table) = pointer?;
        ancestors(node).any(|it| is_same(Some(it), table)).then_some(form)
    })
}

/// Whether the field is disabled or only a suggestion. Neither is sent.
fn is_out_of_use(node: Node<'_>) -> bool {
    if node.own_attr("disabled").is_some() {
        return true;
    }
    let mut below = node;
    for it in ancestors(node) {
        if it.name() == "datalist" {
            return true;
        }
        if it.name() == "fieldset" && it.own_attr("disabled").is_some() {
            // Fields in its first legend stay enabled.
            let legend = it.children().into_iter().find(|child| child.name() == "legend");
            if !is_same(legend, below) {
                return true;
            }
        }
        below = it;
    }
    false
}

fn ancestors(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    std::iter::successors(node.parent(), Node::parent)
}

fn is_in_table_structure(node: Node<'_>) -> bool {
    matches!(node.name(), "table" | "tbody" | "thead" | "tfoot" | "tr")
}

fn table_around(node: Node<'_>) -> Option<Node<'_>> {
    std::iter::once(node).chain(ancestors(node)).find(|it| it.name() == "table")
}

fn is_same(one: Option<Node<'_>>, other: Node<'_>) -> bool {
    one == Some(other)
}
