//! Pages and items that are too large.

use super::*;

#[test]
fn a_page_that_becomes_too_large_fails_for_that_reason() {
    let cases: [Parse; 4] = [
        |page, _| {
            page.select("p");
            Ok(())
        },
        |_, out| {
            (0..1_000).for_each(|_| out.record(note("x".repeat(100_000))));
            Ok(())
        },
        |page, out| {
            for number in 0..100_000 {
                out.request(page.request(&format!("/{number}"))?);
            }
            Ok(())
        },
        // Its consequences do not hide the reason.
        |page, _| Err(Error::new(page.select("p").len())),
    ];
    for parse in cases {
        let html = "<p>".repeat(500_000);
        let packer = packer(parse);
        let response = Response::stored(Request::get("http://a.example/").unwrap(), html);
        let outcome = pack(&packer, response);
        assert_eq!((outcome.state, outcome.reason), (PageState::Failed, Some(Reason::PageTooLarge)));
        assert!(outcome.error.unwrap().contains("more than 16 MiB of memory"));
        assert!(outcome.items.is_empty() && outcome.requests.is_empty());
    }
}

#[test]
fn what_does_not_fit_now_is_given_back_whole() {
    let packer = packer(|page, out| {
        page.select("p");
        out.item(Note("keep"));
        Ok(())
    });
    let body = "<p>".repeat(60_000);
    let response = Response::stored(Request::get("http://a.example/").unwrap(), body.clone());
    let memory = PageMemory::new(PAGE_MEMORY, 1 << 20, |_| false);
    let Err(NotNow { needed_bytes, response: again }) =
        packer.page(response, Arrival::default(), &scope_of(&["a.example:80"]), &memory)
    else {
        panic!("there was no memory for it");
    };
    assert_eq!(again.body, body);
    assert!(needed_bytes > 1 << 20 && needed_bytes <= PAGE_MEMORY);
    let outcome = pack(&packer, *again);
    assert_eq!((outcome.state, outcome.items.len()), (PageState::Done, 1));
}

#[test]
fn an_item_that_is_too_large_leaves_its_beginning_in_a_letter() {
    let limits = ItemLimits { max_item_bytes: 100_000, max_field_bytes: 50_000 };
    let of = |text: fn() -> String| {
        let items = vec![note("small".to_owned()), note(text())];
        let queued = QueuedRequest::start(Request::get("http://a.example/").unwrap(), 0);
        Produced { items, ..Produced::default() }.put_into(PageOutcome::done(&queued), &limits)
    };
    assert_eq!(of(|| "x".repeat(40_000)).state, PageState::Done);
    for large in
        [|| "x".repeat(60_000), || "\u{1}".repeat(9_000), || "\\".repeat(25_000), || "\0".repeat(60_000)]
    {
        let outcome = of(large);
        assert_eq!((outcome.state, outcome.reason), (PageState::Dead, Some(Reason::ItemRefused)));
        assert_eq!(outcome.items, [note("small".to_owned())]);
        let [short] = outcome.dead_letters.as_slice() else { panic!("one letter") };
        assert!(short.is_shortened());
        assert!(
            short.error.contains("note.text has") && short.error.contains("(max_field)"),
            "{}",
            short.error
        );
        assert!(short.payload.to_string().len() < 30_000);
        assert_eq!(short.payload["#bytes"]["text"], large().len());
    }
}
