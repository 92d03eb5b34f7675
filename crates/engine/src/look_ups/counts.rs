//! Counts look-ups, for people.

/// What became of the look-ups of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookUpCounts {
    /// Items that had something to ask.
    pub asked: u64,
    /// Items that got their answer.
    pub answered: u64,
    /// Those of them, and of the missing ones, whose answer was in memory, so that nobody was asked.
    pub from_memory: u64,
    /// Items of which nothing is known: the answer was 404 or 410.
    pub missing: u64,
    /// Items that got no usable answer. They are stored as they are.
    pub failed: u64,
}

/// What happened to a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookUpEvent {
    Asked,
    Answered { from_memory: bool },
    Missing { from_memory: bool },
    Failed,
}

impl LookUpCounts {
    pub(crate) fn note(&mut self, event: LookUpEvent) {
        match event {
            LookUpEvent::Asked => self.asked += 1,
            LookUpEvent::Answered { from_memory } => {
                self.answered += 1;
                self.from_memory += u64::from(from_memory);
            }
            LookUpEvent::Missing { from_memory } => {
                self.missing += 1;
                self.from_memory += u64::from(from_memory);
            }
            LookUpEvent::Failed => self.failed += 1,
        }
    }

    /// Each count with its name, as metrics have it.
    pub fn named(&self) -> [(&'static str, u64); 5] {
        let Self { asked, answered, from_memory, missing, failed } = *self;
        [
            ("asked", asked),
            ("answered", answered),
            ("from_memory", from_memory),
            ("missing", missing),
            ("failed", failed),
        ]
    }
}
