//! What the threads of a crawl share about look-ups: the answers that are in memory. [`pack`](crate::pack) makes look-ups and fills
//! items with their answers, and the scheduler sends them like other requests.

mod answers;
mod counts;

use dragline_core::ItemPipeline;

pub(crate) use self::answers::KnownAnswer;
use self::answers::KnownAnswers;
pub use self::counts::LookUpCounts;
pub(crate) use self::counts::LookUpEvent;

/// See the module. A crawl whose item pipelines look nothing up keeps no answers.
#[derive(Debug, Default)]
pub struct LookUps(Option<KnownAnswers>);

impl LookUps {
    /// Those of a crawl with these item pipelines.
    pub fn of(pipelines: &[Box<dyn ItemPipeline>]) -> Self {
        let has_some = pipelines.iter().any(|step| step.look_up().is_some());
        Self(has_some.then(KnownAnswers::new))
    }

    /// The answers that are in memory.
    pub(crate) fn answers(&self) -> Option<&KnownAnswers> {
        self.0.as_ref()
    }
}
