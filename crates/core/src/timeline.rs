//! How a run went over time: its pages and items at some moments. The process keeps this in `crawl_runs.stats`, so a killed and
//! resumed run has one line from its first start on, and nobody has to read the frontier to draw it.

use serde_json::{Value as Json, json};

/// What a run had at some moments, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    points: Vec<TimelinePoint>,
}

/// What a run had at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimelinePoint {
    /// The moment, in milliseconds since 1970, by the clock of the process.
    pub unix_ms: i64,
    /// Pages that had left the state `queued`.
    pub pages: u64,
    /// Item rows that all starts of the run had written.
    pub items: u64,
    /// How many of the pages had failed or were dead.
    pub failed: u64,
}

impl Timeline {
    /// The key in `crawl_runs.stats`.
    pub const STATS: &str = "timeline";
    /// How many moments are kept. When there are more, about half of them go.
    pub const MAX_POINTS: usize = 240;
    /// The shortest time between two moments.
    const MIN_STEP_MS: i64 = 250;

    /// The moments, oldest first.
    pub fn points(&self) -> &[TimelinePoint] {
        &self.points
    }

    /// Adds a moment. The last one is replaced if it is too close to the one before it. A clock that was set back counts as
    /// standing still.
    pub fn push(&mut self, mut point: TimelinePoint) {
        let span = self.points.first().map_or(0, |first| point.unix_ms - first.unix_ms);
        let most = i64::try_from(Self::MAX_POINTS).unwrap_or(i64::MAX);
        let step = (span / most).max(Self::MIN_STEP_MS);
        if let Some(last) = self.points.last() {
            point.unix_ms = point.unix_ms.max(last.unix_ms);
        }
        // The first moment stays, whatever follows.
        if let [.., before, last] = self.points.as_mut_slice()
            && last.unix_ms - before.unix_ms < step
        {
            *last = point;
            return;
        }
        self.points.push(point);
        if self.points.len() > Self::MAX_POINTS {
            let ends = (self.points.first().copied(), self.points.last().copied());
            let (Some(first), Some(last)) = ends else { return };
            // By time and not by number: otherwise the gaps of an early hour would grow faster than the run.
            let apart = 2 * (last.unix_ms - first.unix_ms) / most;
            let mut kept = None;
            self.points.retain(|point| {
                let stays = kept.is_none_or(|kept| point.unix_ms - kept >= apart) || *point == last;
                if stays {
                    kept = Some(point.unix_ms);
                }
                stays
            });
        }
    }

    /// What a run recorded in its figures.
    pub fn of_stats(stats: &Json) -> Self {
        let points = stats[Self::STATS].as_array().into_iter().flatten().filter_map(|point| {
            Some(TimelinePoint {
                unix_ms: point[0].as_i64()?,
                pages: point[1].as_u64()?,
                items: point[2].as_u64()?,
                failed: point[3].as_u64()?,
            })
        });
        Self { points: points.take(Self::MAX_POINTS).collect() }
    }

    /// The stored form: a list of `[unix_ms, pages, items, failed]`.
    pub fn to_json(&self) -> Json {
        let points = self.points.iter();
        points.map(|point| json!([point.unix_ms, point.pages, point.items, point.failed])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(unix_ms: i64, pages: u64) -> TimelinePoint {
        TimelinePoint { unix_ms, pages, items: 2 * pages, failed: 0 }
    }

    #[test]
    fn it_stays_bounded_and_keeps_its_ends() {
        let mut timeline = Timeline::default();
        for second in 0..100_000 {
            timeline.push(point(second * 1_000, second.unsigned_abs()));
            assert!(timeline.points().len() <= Timeline::MAX_POINTS);
        }
        let points = timeline.points();
        assert_eq!((points[0].pages, points[points.len() - 1].pages), (0, 99_999));
        assert!(points.len() > Timeline::MAX_POINTS / 4, "{}", points.len());
        assert!(points.windows(2).all(|pair| pair[0].unix_ms < pair[1].unix_ms));
        let largest = points.windows(2).map(|pair| pair[1].unix_ms - pair[0].unix_ms).max().unwrap();
        assert!(largest < 100_000_000 / 50, "no gap is a fiftieth of the run: {largest}");
    }

    #[test]
    fn moments_close_together_are_one_and_a_clock_set_back_stands_still() {
        let mut timeline = Timeline::default();
        for (ms, pages) in [(1_000, 0), (1_010, 1), (1_020, 2), (5_000, 3), (2_000, 4)] {
            timeline.push(point(ms, pages));
        }
        let told: Vec<_> = timeline.points().iter().map(|point| (point.unix_ms, point.pages)).collect();
        assert_eq!(told, [(1_000, 0), (5_000, 3), (5_000, 4)]);
    }

    #[test]
    fn the_stored_form_is_read_again() {
        let mut timeline = Timeline::default();
        timeline.push(point(1_000, 1));
        timeline.push(point(9_000, 7));
        let stats = json!({ Timeline::STATS: timeline.to_json() });
        assert_eq!(Timeline::of_stats(&stats), timeline);
        assert_eq!(Timeline::of_stats(&json!({ "timeline": [[1], "x", null] })), Timeline::default());
        assert_eq!(Timeline::of_stats(&Json::Null), Timeline::default());
    }
}
