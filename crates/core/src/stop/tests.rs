//! A stop reaches everybody, whenever they begin to listen.

use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;

const SIGNAL: StopReason = StopReason::Signal("SIGTERM");

/// Counts how often it is called or woken.
#[derive(Default)]
struct Heard(AtomicUsize);

impl Heard {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn again(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

impl Wake for Heard {
    fn wake(self: Arc<Self>) {
        self.again();
    }
}

fn listen(stop: &Stop) -> Arc<Heard> {
    let heard = Arc::new(Heard::default());
    let listener = Arc::clone(&heard);
    stop.on_change(move || {
        listener.again();
    });
    heard
}

#[test]
fn the_first_reason_counts_and_every_level_is_heard_once() {
    let stop = Stop::new();
    let early = listen(&stop);
    assert!(stop.sleep(Duration::from_millis(1)));
    assert!(stop.request(SIGNAL));
    assert!(!stop.request(StopReason::MaxItems));
    assert!(!stop.sleep(Duration::from_secs(60)));
    assert_eq!(stop.reason(), Some(&SIGNAL));
    assert!(stop.is_requested() && !stop.is_abandoned());
    let late = listen(&stop);
    assert_eq!((early.times(), late.times()), (1, 1));
    stop.abandon(StopReason::Signal("SIGINT"));
    assert!(stop.is_abandoned());
    assert_eq!((early.times(), late.times()), (2, 2));
}

/// The listener is called while it is being registered, and raises the next level at exactly that moment.
#[test]
fn a_level_that_is_raised_during_the_registration_is_heard() {
    let (stop, heard) = (Stop::new(), Arc::new(Heard::default()));
    stop.request(SIGNAL);
    let (inner_stop, listener) = (stop.clone(), Arc::clone(&heard));
    stop.on_change(move || {
        if listener.again() == 1 {
            inner_stop.abandon(SIGNAL);
        }
    });
    assert_eq!(heard.times(), 2, "once for the stop that came before it, and once for abandon");
}

/// One thread registers listeners until it sees the stop, so that one registration is under way when the stop comes.
#[test]
fn a_stop_at_the_moment_of_a_registration_is_heard_exactly_once() {
    const ROUNDS: usize = 2_000;
    for round in 0..ROUNDS {
        let (stop, begun) = (Stop::new(), Barrier::new(2));
        let heard = std::thread::scope(|scope| {
            scope.spawn(|| {
                begun.wait();
                stop.request(SIGNAL);
            });
            begun.wait();
            let mut heard = Vec::new();
            while !stop.is_requested() {
                heard.push(listen(&stop));
            }
            heard
        });
        let missed = heard.iter().filter(|heard| heard.times() != 1).count();
        assert_eq!(missed, 0, "of {} listeners in round {round}", heard.len());
    }
}

#[test]
fn a_task_is_woken_and_forgotten_when_its_future_is_dropped() {
    let (stop, woken) = (Stop::new(), Arc::new(Heard::default()));
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut abandoned = pin!(stop.until_abandoned());
    {
        let mut requested = pin!(stop.until_requested());
        assert_eq!(requested.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(
            requested.as_mut().poll(&mut context),
            Poll::Pending,
            "polling again registers nothing new"
        );
        let dropped = &mut pin!(stop.until_requested());
        assert_eq!(dropped.as_mut().poll(&mut context), Poll::Pending);
        stop.request(SIGNAL);
        assert_eq!(woken.times(), 2);
        assert_eq!(requested.poll(&mut context), Poll::Ready(()));
    }
    assert_eq!(abandoned.as_mut().poll(&mut context), Poll::Pending, "a stop is not abandon");
    let mut short = Box::pin(stop.until_abandoned());
    assert_eq!(short.as_mut().poll(&mut context), Poll::Pending);
    drop(short);
    stop.abandon(SIGNAL);
    assert_eq!(woken.times(), 3);
    assert_eq!(abandoned.poll(&mut context), Poll::Ready(()));
}
