//! What may happen in a life, and how it may end. Both are drawn from a deck, so even a short watch sees all of
//! them.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use crate::torture::Kind;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scene {
    /// The site stalls, and nothing else.
    Stall,
    /// The store cannot be reached when the process starts.
    StoreMissing,
    /// The store takes connections when the process starts, and never answers.
    StoreMute,
    /// The store goes away in mid-crawl, and comes back.
    StoreAway,
    /// Everything that is sent to the store and back vanishes for a while.
    BlackHole,
    /// The store answers late.
    StoreLate,
    /// The process is suspended, and goes on.
    Suspended,
    /// The spider's `parse` does not return.
    ParseHangs,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LifeEnd {
    /// SIGTERM.
    Stop,
    /// SIGTERM twice.
    Force,
    /// SIGKILL.
    Kill,
    /// SIGKILL before it is known to be up.
    KillAtOnce,
}

impl Scene {
    const ON_BOTH: [Self; 3] = [Self::Stall, Self::Suspended, Self::ParseHangs];
    const ON_POSTGRES: [Self; 5] =
        [Self::StoreMissing, Self::StoreMute, Self::StoreAway, Self::BlackHole, Self::StoreLate];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stall => "the site stalls",
            Self::StoreMissing => "no store at the start",
            Self::StoreMute => "a mute store at the start",
            Self::StoreAway => "the store goes away",
            Self::BlackHole => "the network swallows all",
            Self::StoreLate => "the store answers late",
            Self::Suspended => "the process is suspended",
            Self::ParseHangs => "a parse hangs",
        }
    }
}

impl LifeEnd {
    /// Each occurs as often as it is in the list.
    const ALL: [Self; 8] = [
        Self::Stop,
        Self::Stop,
        Self::Stop,
        Self::Kill,
        Self::Kill,
        Self::Kill,
        Self::Force,
        Self::KillAtOnce,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stop => "end: SIGTERM",
            Self::Force => "end: SIGTERM twice",
            Self::Kill => "end: SIGKILL",
            Self::KillAtOnce => "end: SIGKILL while it starts",
        }
    }
}

/// Scenes and ends in a random order, each as often as the others over time.
pub(super) struct Deck {
    scenes: Vec<Scene>,
    ends: Vec<LifeEnd>,
    kind: Kind,
}

impl Deck {
    pub(super) fn new(kind: Kind) -> Self {
        Self { scenes: Vec::new(), ends: Vec::new(), kind }
    }

    pub(super) fn draw(&mut self, random: &mut StdRng) -> (Scene, LifeEnd) {
        if self.scenes.is_empty() {
            self.scenes = Scene::ON_BOTH.to_vec();
            if self.kind == Kind::Postgres {
                self.scenes.extend(Scene::ON_POSTGRES);
            }
            self.scenes.shuffle(random);
        }
        if self.ends.is_empty() {
            self.ends = LifeEnd::ALL.to_vec();
            self.ends.shuffle(random);
        }
        let end = self.ends.pop().unwrap_or(LifeEnd::Stop);
        // A process that is killed while it starts never reaches its scene, so the scene stays in the deck.
        let scene = if end == LifeEnd::KillAtOnce { self.scenes.last().copied() } else { self.scenes.pop() };
        (scene.unwrap_or(Scene::Stall), end)
    }
}
