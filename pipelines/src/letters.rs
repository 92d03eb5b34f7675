//! Tries dead letters again.
//!
//! A person does this after mending a table or a spider. The crawl does it itself before it ends, for items whose only
//! fault was that their parent was missing.
//!
//! Each page is one transaction. So letters that were applied stay applied, and the others stay where they are, whenever
//! the process ends. When the store refuses a page, a person's retry tries its letters one by one, and the crawl's own
//! retry leaves the page whole. Letters whose parent is missing are tried again after the others, in rounds, until a
//! round applies none of them.

use std::time::Duration;

use dragline_core::back_off::BackOff;
use dragline_core::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter, is_missing_parent};
use dragline_core::stop::Stop;
use dragline_core::store::StoreResult;
use dragline_core::{ItemOrigin, ItemPipeline, ItemRecord, ItemType, Store, StoreError, Verdict};

use crate::pause::pause;

/// How many letters are read at once. A letter may be as large as a page.
const LETTERS_PER_READ: usize = 50;
/// How many rounds one retry has. Each round applies at least one generation of items that wait for their parents.
const MAX_ROUNDS: usize = 10;
/// How many refused letters a report lists. The others are only counted.
const MAX_TOLD: usize = 1_000;
/// How often one transaction is tried while the store is busy or away.
const TRIES: u32 = 5;
/// The limit of the pause after the first try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The limit of every pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a retry needs to know.
pub struct Retry<'a> {
    /// Where the letters are.
    pub store: &'a dyn Store,
    /// Gives the item types of a spider as they are now, or `None` if there is no such spider.
    pub types: &'a (dyn Fn(&str) -> Option<Vec<ItemType>> + Sync),
    /// Gives the steps that every item of a spider passes before it is stored.
    pub steps: &'a (dyn Fn(&str) -> &'a [Box<dyn ItemPipeline>] + Sync),
    /// Whether U+FFFD may be stored where the item had a NUL character.
    pub accept_lost_nul: bool,
    /// Whether to apply the requested letters of a page only together. If one fails, none is applied.
    pub whole_pages: bool,
    /// Ends the wait for a store that is busy or away.
    pub stop: &'a Stop,
    /// The epoch of the run, if the run's own process retries.
    pub epoch: Option<i64>,
    /// How many pages may become `done` at most.
    pub max_pages: Option<u64>,
    /// Item types whose tables were compared with the database.
    pub prepared: Vec<ItemType>,
}

/// What a retry did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryReport {
    /// Letters that are items now.
    pub applied: u64,
    /// Pages that are done now.
    pub pages_done: u64,
    /// Letters that stay dead letters.
    pub refused: u64,
    /// The first of these.
    pub told: Vec<RefusedLetter>,
}

/// A letter that stays a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLetter {
    /// The letter's number.
    pub letter_id: i64,
    /// The item type.
    pub item_type: String,
    /// The URL of its page.
    pub url: String,
    /// Why it was refused.
    pub error: String,
    /// The database's error code, if the database refused it.
    pub sqlstate: Option<String>,
}

impl Retry<'_> {
    /// Tries all letters of `ask` and adds the results to `report`.
    ///
    /// # Errors
    /// If the store is away or must be set up. The report then holds what was applied until then, which stays applied.
    pub async fn run(&mut self, mut ask: LetterAsk, report: &mut RetryReport) -> StoreResult<()> {
        let mut rounds_left = MAX_ROUNDS;
        loop {
            rounds_left -= 1;
            let (before, mut orphans) = (report.applied, RetryReport::default());
            let orphan_ids = self.round(&ask, report, &mut orphans).await?;
            if orphan_ids.is_empty() || report.applied == before || rounds_left == 0 {
                report.refuse_all(orphans);
                return Ok(());
            }
            ask = LetterAsk { letter_ids: Some(orphan_ids), ..ask };
        }
    }

    /// Tries all letters of `ask` once. Returns the letters whose parent is missing.
    async fn round(
        &mut self,
        ask: &LetterAsk,
        report: &mut RetryReport,
        orphans: &mut RetryReport,
    ) -> StoreResult<Vec<i64>> {
        let mut ask = LetterAsk { limit: LETTERS_PER_READ, ..ask.clone() };
        let mut orphan_ids = Vec::new();
        loop {
            let letters = self.patiently(|| self.store.read_letters(&ask)).await?;
            let Some(last) = letters.last() else { return Ok(orphan_ids) };
            ask.after = last.letter_id;
            for page in by_page(letters) {
                let page = if self.whole_pages { self.all_of(&ask, page).await? } else { page };
                if self.max_pages.is_some_and(|max| report.pages_done >= max) {
                    return Ok(Vec::new());
                }
                for refused in self.page(page, report).await? {
                    if is_missing_parent(refused.sqlstate.as_deref()) {
                        orphan_ids.push(refused.letter_id);
                        orphans.refuse(refused);
                    } else {
                        report.refuse(refused);
                    }
                }
            }
        }
    }

    /// All letters of a page, given those that were read now. Empty if others of the page were read earlier.
    async fn all_of(&self, ask: &LetterAsk, read: Vec<StoredLetter>) -> StoreResult<Vec<StoredLetter>> {
        let Some(first) = read.first() else { return Ok(read) };
        let ask = LetterAsk {
            run_id: Some(first.run_id),
            fingerprint: Some(first.fingerprint),
            after: 0,
            limit: usize::MAX,
            ..ask.clone()
        };
        let letters = self.patiently(|| self.store.read_letters(&ask)).await?;
        let is_first = letters.first().is_some_and(|it| it.letter_id == first.letter_id);
        Ok(if is_first { letters } else { Vec::new() })
    }

    /// Tries the letters of one page together. If that is refused, it tries them one by one, unless pages stay whole.
    async fn page(
        &mut self,
        letters: Vec<StoredLetter>,
        report: &mut RetryReport,
    ) -> StoreResult<Vec<RefusedLetter>> {
        let (mut refused, mut fitting) = (Vec::new(), Vec::new());
        for letter in letters {
            match self.record(&letter) {
                Ok(record) => {
                    self.prepare(&letter.spider, &record.item_type).await?;
                    fitting.push((letter, record));
                }
                Err(reason) => refused.push(RefusedLetter::of(&letter, reason, None)),
            }
        }
        if self.whole_pages && !refused.is_empty() {
            let reason = "another item of its page does not fit";
            refused.extend(fitting.iter().map(|(it, _)| RefusedLetter::of(it, reason.to_owned(), None)));
            return Ok(refused);
        }
        match self.apply(&fitting).await {
            Ok(receipt) => report.count(&receipt),
            Err(StoreError::Refused { .. }) if fitting.len() > 1 && !self.whole_pages => {
                for one in fitting.chunks(1) {
                    match self.apply(one).await {
                        Ok(receipt) => report.count(&receipt),
                        Err(error) => refused.extend(RefusedLetter::of_all(one, error)?),
                    }
                }
            }
            Err(error) => refused.extend(RefusedLetter::of_all(&fitting, error)?),
        }
        Ok(refused)
    }

    /// Prepares the table of an item type, and those that it refers to.
    async fn prepare(&mut self, spider: &str, item: &ItemType) -> StoreResult<()> {
        if !self.prepared.contains(item) {
            let items = with_parents(item, &(self.types)(spider).unwrap_or_default());
            self.patiently(|| self.store.prepare_items(&items)).await?;
            self.prepared.extend(items);
        }
        Ok(())
    }

    async fn apply(&self, letters: &[(StoredLetter, ItemRecord)]) -> StoreResult<LetterReceipt> {
        let Some((first, _)) = letters.first() else { return Ok(LetterReceipt::default()) };
        let retry = LetterRetry {
            run_id: first.run_id,
            epoch: self.epoch,
            spider: first.spider.as_str().into(),
            fingerprint: first.fingerprint,
            url: first.url.clone(),
            letters: letters.iter().map(|(letter, record)| (letter.letter_id, record.clone())).collect(),
        };
        self.patiently(|| self.store.retry_letters(&retry)).await
    }

    /// Tries a few times until the store answers: a crawl may be writing at this moment.
    async fn patiently<T, F: Future<Output = StoreResult<T>>>(
        &self,
        operation: impl Fn() -> F,
    ) -> StoreResult<T> {
        let mut back_off = BackOff::new(FIRST_PAUSE, LONGEST_PAUSE);
        for _ in 1..TRIES {
            match operation().await {
                Err(error) if error.is_retryable() => {
                    if !pause(&mut back_off, self.stop).await {
                        return Err(error);
                    }
                }
                answer => return answer,
            }
        }
        operation().await
    }

    /// The item of a letter after all steps, or the reason why the letter cannot become an item.
    fn record(&self, letter: &StoredLetter) -> Result<ItemRecord, String> {
        if letter.spider.is_empty() {
            return Err(format!("its run {} no longer exists", letter.run_id));
        }
        let types = (self.types)(&letter.spider)
            .ok_or_else(|| format!("this program has no spider {:?}", letter.spider))?;
        let mut record = letter.record(&types)?;
        if letter.has_lost_nul() && !self.accept_lost_nul {
            return Err("it had NUL characters, which the payload shows as U+FFFD; \
                        use --replace-nul to store it like that"
                .to_owned());
        }
        let origin = ItemOrigin::new(&letter.url)
            .with_tag(&letter.tag)
            .with_depth(letter.depth)
            .with_spider(&letter.spider)
            .with_run(letter.run_id, &letter.run_name);
        for step in (self.steps)(&letter.spider) {
            record = match step.process(record, &origin) {
                Verdict::Keep(record) => record,
                Verdict::Drop { reason } | Verdict::Quarantine { reason, .. } => {
                    return Err(format!("{}: {reason}", step.name()));
                }
            };
        }
        record.compute_id();
        record.refusal().map_or(Ok(record), Err)
    }
}

/// An item type, and those of the spider's types that it refers to, directly or not.
fn with_parents(item: &ItemType, types: &[ItemType]) -> Vec<ItemType> {
    let mut found = vec![item.clone()];
    let mut at = 0;
    while let Some(child) = found.get(at) {
        let is_parent = |other: &&ItemType| {
            child.references().iter().any(|reference| Some(&*reference.table) == other.table())
        };
        let parents: Vec<ItemType> =
            types.iter().filter(is_parent).filter(|parent| !found.contains(parent)).cloned().collect();
        found.extend(parents);
        at += 1;
    }
    found
}

impl RetryReport {
    fn count(&mut self, receipt: &LetterReceipt) {
        self.applied += receipt.applied.len() as u64;
        self.pages_done += u64::from(receipt.page_done);
    }

    fn refuse(&mut self, letter: RefusedLetter) {
        self.refused += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push(letter);
        }
    }

    fn refuse_all(&mut self, other: Self) {
        self.refused += other.refused;
        self.told.extend(other.told);
        self.told.truncate(MAX_TOLD);
    }
}

impl RefusedLetter {
    /// The letters that the store refused together. Any other error is returned.
    fn of_all(letters: &[(StoredLetter, ItemRecord)], error: StoreError) -> StoreResult<Vec<Self>> {
        let StoreError::Refused { message, sqlstate } = error else { return Err(error) };
        let all = letters.iter().map(|(it, _)| Self::of(it, message.clone(), sqlstate.clone()));
        Ok(all.collect())
    }

    fn of(letter: &StoredLetter, error: String, sqlstate: Option<String>) -> Self {
        Self {
            letter_id: letter.letter_id,
            item_type: letter.letter.item_type.clone(),
            url: letter.url.clone(),
            error,
            sqlstate,
        }
    }
}

/// The letters grouped by page. The pages are in the order of their first letters.
fn by_page(letters: Vec<StoredLetter>) -> Vec<Vec<StoredLetter>> {
    let mut pages: Vec<Vec<StoredLetter>> = Vec::new();
    for letter in letters {
        let of_same_page = |page: &&mut Vec<StoredLetter>| {
            page.iter().any(|it| (it.run_id, it.fingerprint) == (letter.run_id, letter.fingerprint))
        };
        match pages.iter_mut().find(of_same_page) {
            Some(page) => page.push(letter),
            None => pages.push(vec![letter]),
        }
    }
    pages
}
