//! Look-ups: what becomes of an item that a step wants to ask about, and of the answer.
//!
//! The item is stored as it is, together with a request that carries it. When the answer comes, the item goes on behind the step, and
//! is stored again if it has changed. Without an answer, it goes on as it is. So at most one look-up of an item is under way, and
//! the next step asks about the filled item.

use dragline_core::{
    CarriedItem, Enrich, Fingerprint, ItemOrigin, ItemPipeline, ItemRecord, LookUpTicket, Page, PageOutcome,
    QueuedRequest, Reason, Request, RuleTally, page_memory::PageMemory,
};

use super::links::{unstorable, without_extras};
use super::passing::Passing;
use super::produced::Produced;
use super::{Packer, ParseFault, guarded, too_large};
use crate::downloads::MISSING;
use crate::look_ups::LookUpEvent;
use crate::refusals::Refusals;
use crate::scope::{RequestOrigin, Scope};

/// What a step makes of an item.
pub(super) enum LookedUp {
    /// There is nothing to ask, or it cannot be asked.
    Nothing,
    /// The answer is in memory. The request for it is not needed now.
    Known { filled: ItemRecord, request: Request },
    /// The request that asks.
    Asks(Request),
}

/// Where an item goes on after its look-up.
pub(super) struct GoingOn<'a> {
    pub(super) queued: &'a QueuedRequest,
    pub(super) scope: &'a Scope,
    pub(super) memory: &'a PageMemory,
    /// Whether the look-up has changed it.
    pub(super) is_changed: bool,
}

impl Packer {
    /// Lets a step ask about an item that comes from `origin`. Nothing that goes wrong here loses the item.
    pub(super) fn look_up(
        &self,
        step: &Enrich,
        record: &mut ItemRecord,
        page: Fingerprint,
        origin: &ItemOrigin<'_>,
    ) -> LookedUp {
        if record.item_type != *step.item() {
            return LookedUp::Nothing;
        }
        record.compute_id();
        match asks(step, record, page, origin) {
            Ok(None) => LookedUp::Nothing,
            Ok(Some(request)) => {
                self.stats.look_up(step.name(), LookUpEvent::Asked);
                self.known_answer(step, record, request, origin)
            }
            Err((_, problem)) => self.cannot_look_up(step, origin, &problem),
        }
    }

    /// Fills the item at once, if the answer is in memory.
    fn known_answer(
        &self,
        step: &Enrich,
        record: &ItemRecord,
        request: Request,
        origin: &ItemOrigin<'_>,
    ) -> LookedUp {
        let Some(answers) = self.look_ups.answers() else { return LookedUp::Asks(request) };
        let question = Fingerprint::of_question(&self.same_request, &request);
        let Some(answer) = answers.get(&question) else { return LookedUp::Asks(request) };
        let queued = QueuedRequest::start(request.clone(), 0);
        let page = Page::new(answer.response(queued)).with_args(self.args.clone());
        match filled(step, record, &page, true) {
            Ok((filled, event)) => {
                self.stats.look_up(step.name(), event);
                LookedUp::Known { filled, request }
            }
            Err((_, problem)) => self.cannot_look_up(step, origin, &problem),
        }
    }

    fn cannot_look_up(&self, step: &Enrich, origin: &ItemOrigin<'_>, problem: &str) -> LookedUp {
        self.stats.look_up(step.name(), LookUpEvent::Failed);
        tracing::warn!(
            look_up = step.name(),
            url = origin.url(),
            error = problem,
            "this item was not looked up, and is stored as it is"
        );
        LookedUp::Nothing
    }

    /// What the answer to a look-up makes of its item.
    pub(super) fn answer(
        &self,
        page: &Page,
        from_memory: bool,
        scope: &Scope,
        memory: &PageMemory,
        all_links: Option<&mut Vec<Request>>,
        refusals: &mut impl Refusals,
    ) -> Result<Produced, ParseFault> {
        let queued = &page.response().queued;
        let (at, step, carried) = self.asker(&queued.request)?;
        let (filled, event) = filled(step, &carried.record, page, from_memory)?;
        let is_changed = filled != carried.record;
        let on = GoingOn { queued, scope, memory, is_changed };
        let produced = self.go_on(at, &carried, filled, &on, all_links, refusals)?;
        self.stats.look_up(step.name(), event);
        Ok(produced)
    }

    /// The outcome of a look-up without an answer. The item is stored already, and goes on as it is, because a later step may ask
    /// somebody else.
    pub(super) fn unanswered(
        &self,
        queued: &QueuedRequest,
        reason: Reason,
        detail: &str,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> PageOutcome {
        let outcome = if reason.fails() {
            PageOutcome::failed(queued, reason, detail)
        } else {
            PageOutcome::skipped(queued, reason, detail)
        };
        if let Some(ticket) = queued.request.look_up() {
            self.stats.look_up(&ticket.step, LookUpEvent::Failed);
        }
        let memory = PageMemory::up_to(self.max_page_memory);
        let on = GoingOn { queued, scope, memory: &memory, is_changed: false };
        let went_on = self.asker(&queued.request).and_then(|(at, _, carried)| {
            let record = carried.record.clone();
            self.go_on(at, &carried, record, &on, None, refusals)
        });
        match went_on {
            Ok(produced) => produced.put_into(outcome, &self.item_limits),
            Err((_, problem)) => {
                let url = outcome.url.as_str();
                tracing::warn!(
                    url,
                    error = problem,
                    "the item of this look-up stays as it was stored, and no other step looks it up"
                );
                outcome
            }
        }
    }

    /// The step that has asked, its place, and the item that it has asked about.
    fn asker(&self, request: &Request) -> Result<(usize, &Enrich, CarriedItem), ParseFault> {
        let unusable = |problem: String| (Reason::LookUpUnusable, problem);
        let name = request.look_up().map_or("", |ticket| &ticket.step);
        let mut steps = self.pipelines.iter().enumerate();
        let found =
            steps.find_map(|(at, step)| Some((at, step.look_up().filter(|step| step.name() == name)?)));
        let (at, step) =
            found.ok_or_else(|| unusable(format!("the items pass no look-up {name:?} any more")))?;
        let carried = CarriedItem::of(request, &self.items).map_err(unusable)?;
        if carried.record.item_type != *step.item() {
            let item = step.item().name();
            return Err(unusable(format!("the look-up {name:?} is for items of the type {item} now")));
        }
        Ok((at, step, carried))
    }

    /// Sends an item on, behind the step that has asked.
    fn go_on(
        &self,
        at: usize,
        carried: &CarriedItem,
        record: ItemRecord,
        on: &GoingOn<'_>,
        all_links: Option<&mut Vec<Request>>,
        refusals: &mut impl Refusals,
    ) -> Result<Produced, ParseFault> {
        let mut produced = Produced { items_url: Some(carried.url.clone()), ..Produced::default() };
        let tally = RuleTally::default();
        let origin = ItemOrigin::new(&carried.url).with_tag(&carried.tag).with_depth(carried.depth);
        let origin = self.of_run(origin.with_spider(self.spider.name())).with_tally(&tally);
        guarded(Reason::PipelinePanic, "item pipelines", || {
            let passing = Passing {
                record,
                from: at + 1,
                page: on.queued.fingerprint,
                is_new: false,
                is_changed: on.is_changed,
            };
            self.pass(passing, &origin, &mut produced, refusals);
            Ok(())
        })?;
        self.ask_all(on.queued, &mut produced, on.scope, on.memory, all_links, refusals)?;
        self.count_rules(tally, &mut produced);
        Ok(produced)
    }

    /// Turns the look-ups of a page into requests of its outcome. `all_links` also gets those that need no request now.
    pub(super) fn ask_all(
        &self,
        parent: &QueuedRequest,
        produced: &mut Produced,
        scope: &Scope,
        memory: &PageMemory,
        all_links: Option<&mut Vec<Request>>,
        refusals: &mut impl Refusals,
    ) -> Result<(), ParseFault> {
        let asked: Vec<Request> = std::mem::take(&mut produced.look_ups).into_values().collect();
        let known = std::mem::take(&mut produced.known_look_ups);
        let sizes = |requests: &[Request]| requests.iter().map(Request::size).sum::<usize>();
        memory.take(sizes(&asked)).map_err(too_large)?;
        if let Some(all_links) = all_links {
            memory.take(sizes(&asked) + sizes(&known)).map_err(too_large)?;
            all_links.extend(asked.iter().cloned().chain(known));
        }
        produced.requests.extend(self.look_up_requests(parent, asked, scope, refusals));
        Ok(())
    }

    /// Look-ups as requests in the frontier. They lead nowhere, so neither the depth nor the number of links limits them.
    pub(super) fn look_up_requests(
        &self,
        parent: &QueuedRequest,
        requests: Vec<Request>,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> Vec<QueuedRequest> {
        let mut queued = Vec::new();
        for request in requests {
            let fingerprint = parent.child_fingerprint(&self.same_request, &request, 0);
            if self.known.now().has(&fingerprint) {
                continue;
            }
            if let Some(reason) = scope.refusal(request.url(), request.host(), RequestOrigin::LookUp) {
                refusals.link(reason, request.url());
                let step = request.look_up().map_or("", |ticket| &ticket.step);
                self.stats.look_up(step, LookUpEvent::Failed);
                continue;
            }
            queued.push(parent.child_named(fingerprint, request));
        }
        queued
    }
}

/// The request of a look-up, which carries the item.
fn asks(
    step: &Enrich,
    record: &ItemRecord,
    page: Fingerprint,
    origin: &ItemOrigin<'_>,
) -> Result<Option<Request>, ParseFault> {
    let unusable = |problem: String| (Reason::LookUpUnusable, problem);
    let mut asked = None;
    guarded(Reason::PipelinePanic, "request", || {
        asked = step.request(record).map_err(|error| unusable(error.to_string()))?;
        Ok(())
    })?;
    let (Some(request), Some(key)) = (asked, record.key_text()) else { return Ok(None) };
    let (bytes, limit) = (record.json_bytes(), CarriedItem::MAX_BYTES);
    if bytes > limit {
        return Err(unusable(format!("the item has {bytes} bytes as JSON, and a look-up carries {limit}")));
    }
    let carried = CarriedItem {
        record: record.clone(),
        url: origin.url().to_owned(),
        tag: origin.tag().to_owned(),
        depth: origin.depth(),
    };
    let ticket = LookUpTicket::new(step.name(), page, record.item_type.name(), &key);
    let request = carried.put_into(without_extras(request)).with_look_up(ticket);
    let request = request.with_tag(LookUpTicket::tag(step.name()));
    match unstorable(&request) {
        None => Ok(Some(request)),
        Some(problem) => Err(unusable(format!("the request for {} {problem}", request.url()))),
    }
}

/// The item after an answer.
fn filled(
    step: &Enrich,
    record: &ItemRecord,
    answer: &Page,
    from_memory: bool,
) -> Result<(ItemRecord, LookUpEvent), ParseFault> {
    let is_missing = MISSING.contains(&answer.status());
    let mut filled = None;
    guarded(Reason::PipelinePanic, if is_missing { "missing" } else { "fill" }, || {
        let changed = if is_missing { step.missing(record) } else { step.filled(record, answer) };
        let unusable = |error| (Reason::LookUpUnusable, format!("look-up {}: {error}", step.name()));
        filled = Some(changed.map_err(unusable)?);
        Ok(())
    })?;
    let event =
        if is_missing { LookUpEvent::Missing { from_memory } } else { LookUpEvent::Answered { from_memory } };
    filled
        .map(|filled| (filled, event))
        .ok_or_else(|| (Reason::LookUpUnusable, "nothing was filled".to_owned()))
}
