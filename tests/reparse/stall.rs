//! A spider that somebody mends: with `-a mended=yes` it reads the same pages as they are meant.

use dragline::prelude::*;

/// In a table of its own, with a key.
#[derive(Item)]
#[item(table = "stall_goods", key = "sku")]
struct Good {
    sku: String,
    name: String,
    price: Option<i64>,
}

/// In `crawl_items`, with a key.
#[derive(Item)]
#[item(key = "sku")]
struct Label {
    sku: String,
    text: String,
}

/// In `crawl_items`, without a key.
#[derive(Item)]
struct Remark {
    text: String,
}

/// In a table of its own, without a key.
#[derive(Item)]
#[item(table = "stall_marks")]
struct Mark {
    text: String,
}

/// See the module.
pub(crate) struct Stall;

impl Spider for Stall {
    fn name(&self) -> &str {
        "stall"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Good::item_type(), Label::item_type(), Remark::item_type(), Mark::item_type()]
    }

    fn arguments(&self) -> Arguments {
        Arguments::new().with_optional("mended", "whether the mistakes are mended")
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    /// The old spider reads only the first digits of a price, takes the last mark for a remark, and fails if there is no price.
    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        let is_mended = page.args().get("mended") == Some("yes");
        out.follow_all(page, "a.page");
        if is_mended {
            out.follow_all(page, "a.hidden");
        }
        let first = |selector: &str| page.texts(selector).into_iter().next();
        let Some(sku) = first("h1") else { return Ok(()) };
        let price = match first("b") {
            Some(price) if is_mended => Some(price.replace('.', "").parse()?),
            Some(price) => Some(price.split('.').next().unwrap_or_default().parse()?),
            None if is_mended => None,
            None => bail!("no price"),
        };
        out.item(Good { sku: sku.clone(), name: page.text("h2")?, price });
        out.item(Label { sku, text: page.texts("i").join(", ") });
        let marks = page.texts("u");
        for text in page.texts("i") {
            out.item(Remark { text });
        }
        for text in marks.iter().filter(|_| !is_mended) {
            out.item(Remark { text: text.clone() });
        }
        for text in marks.into_iter().filter(|_| is_mended) {
            out.item(Mark { text });
        }
        Ok(())
    }
}
