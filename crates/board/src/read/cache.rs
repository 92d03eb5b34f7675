//! Answers of the store that several readers share. A question is asked once at a time, and a slow one more rarely.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::Answer;
use crate::limits::{COST_FACTOR, FRESH_FOR, MAX_REMEMBERED};

/// Answers by question.
pub(crate) struct Cache<K, V> {
    slots: std::sync::Mutex<HashMap<K, Arc<Slot<V>>>>,
}

/// The place of one answer. A reader holds it until the answer is there.
type Slot<V> = tokio::sync::Mutex<Option<Remembered<V>>>;

struct Remembered<V> {
    value: Arc<V>,
    until: Instant,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { slots: std::sync::Mutex::default() }
    }
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// The answer to `key`: a fresh one, or what `ask` says.
    pub(crate) async fn get<F>(&self, key: K, ask: impl FnOnce() -> F) -> Answer<Arc<V>>
    where
        F: Future<Output = Answer<V>>,
    {
        let slot = self.slot(key);
        let mut slot = slot.lock().await;
        if let Some(remembered) = slot.as_ref().filter(|it| Instant::now() < it.until) {
            return Ok(Arc::clone(&remembered.value));
        }
        let asked = Instant::now();
        let value = Arc::new(ask().await?);
        let fresh_for = fresh_for(asked.elapsed());
        *slot = Some(Remembered { value: Arc::clone(&value), until: Instant::now() + fresh_for });
        Ok(value)
    }

    fn slot(&self, key: K) -> Arc<Slot<V>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_REMEMBERED && !slots.contains_key(&key) {
            // Those that somebody asks now stay.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(key).or_default())
    }
}

fn fresh_for(cost: Duration) -> Duration {
    FRESH_FOR.max(cost * COST_FACTOR)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::answer::Refused;

    #[tokio::test]
    async fn many_readers_ask_once() {
        let cache = Cache::default();
        let asked = AtomicUsize::new(0);
        let ask = || {
            cache.get("a", || async {
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(7)
            })
        };
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        assert_eq!((*one.unwrap(), *two.unwrap(), *three.unwrap()), (7, 7, 7));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_error_is_not_remembered_and_the_number_of_questions_is_bounded() {
        let cache = Cache::default();
        let failed = cache.get(0, || async { Err::<(), _>(Refused::wrong("no")) }).await;
        assert!(failed.is_err());
        for key in 0..3 * MAX_REMEMBERED {
            cache.get(key, || async { Ok(()) }).await.unwrap();
        }
        assert!(cache.slots.lock().unwrap().len() <= MAX_REMEMBERED);
    }

    #[test]
    fn a_slow_question_is_asked_rarely() {
        assert_eq!(fresh_for(Duration::from_millis(1)), FRESH_FOR);
        assert_eq!(fresh_for(Duration::from_secs(4)), Duration::from_secs(40));
    }
}
