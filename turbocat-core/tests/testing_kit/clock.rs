//! A clock that is turned by hand.

use super::*;

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicU32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Bell {
    fn rung(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

fn poll<F: Future + ?Sized>(future: &mut std::pin::Pin<Box<F>>, bell: &Arc<Bell>) -> Poll<F::Output> {
    let waker = Waker::from(bell.clone());
    future.as_mut().poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_manual_clock_wakes_those_whose_moment_has_come_and_nobody_else() {
    let clock = ManualClock::new();
    let start = clock.now();
    let in_seconds = |seconds| clock.sleep_until(start.after(Duration::from_secs(seconds)));
    let (mut one, mut two, mut dropped) = (in_seconds(1), in_seconds(2), in_seconds(1));
    let (first, second, third) =
        (Arc::new(Bell::default()), Arc::new(Bell::default()), Arc::new(Bell::default()));
    assert!(poll(&mut one, &first).is_pending());
    assert!(poll(&mut two, &second).is_pending());
    assert!(poll(&mut dropped, &third).is_pending());
    assert_eq!(clock.sleeping(), 3);
    drop(dropped);
    assert_eq!(clock.sleeping(), 2);

    clock.advance(Duration::from_millis(999));
    assert_eq!((first.rung(), second.rung()), (0, 0));
    clock.advance(Duration::from_millis(1));
    assert_eq!((first.rung(), second.rung(), third.rung()), (1, 0, 0));
    assert!(poll(&mut one, &first).is_ready());
    assert!(poll(&mut two, &second).is_pending());

    assert_eq!(clock.advance_to_next(), Some(start.after(Duration::from_secs(2))));
    assert_eq!(second.rung(), 1);
    assert!(poll(&mut two, &second).is_ready());
    assert_eq!(clock.advance_to_next(), None);
    assert!(poll(&mut in_seconds(1), &third).is_ready());
    assert_eq!(clock.elapsed(), Duration::from_secs(2));
}

#[test]
fn a_manual_clock_never_goes_back() {
    let clock = ManualClock::starting_at(Timestamp::from_millis(1_000));
    clock.advance_to(Timestamp::from_millis(500));
    assert_eq!(clock.now(), Timestamp::from_millis(1_000));
    assert_eq!(Clock::now(&clock), clock.clone().now());
}

#[test]
fn a_clock_that_turns_itself_stops_at_every_moment_in_order() {
    let clock = ManualClock::new();
    let seen = clock.block_on(async {
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for seconds in [30_u64, 10, 20] {
            let (clock, sender) = (clock.clone(), sender.clone());
            tokio::spawn(async move {
                clock.sleep_until(clock.now().after(Duration::from_secs(seconds))).await;
                sender.send((seconds, clock.elapsed().as_secs())).unwrap();
            });
        }
        drop(sender);
        let mut seen = Vec::new();
        while let Some(one) = receiver.recv().await {
            seen.push(one);
        }
        seen
    });
    assert_eq!(seen, [(10, 10), (20, 20), (30, 30)]);
}

#[test]
fn a_clock_that_turns_itself_waits_for_work_to_be_done() {
    let clock = ManualClock::new();
    let elapsed = clock.block_on(async {
        let nap = clock.sleep_until(clock.now().after(Duration::from_hours(1)));
        let work = async {
            for _ in 0..10_000 {
                tokio::task::yield_now().await;
            }
            clock.elapsed()
        };
        let work = std::pin::pin!(work);
        let ((), elapsed) = tokio::join!(nap, work);
        elapsed
    });
    assert_eq!(elapsed, Duration::ZERO);
}

#[test]
fn days_of_a_workflow_pass_in_no_time() {
    let clock = ManualClock::new();
    let agent = ScriptedAgent::new().then_fail("busy").then_fail("busy").then(json!("done"));
    let engine = Engine::builder().agent("a", agent.clone()).clock(clock.clone()).build();
    let workflow = Workflow::from_yaml(
        "
steps:
  sleep: { wait: 24h }
  call: { agent: a, dependsOn: sleep, retry: { max: 2, delay: 1h, factor: 2, maxDelay: 1d, jitter: 0 } }
",
    )
    .unwrap();
    let execution = clock.block_on(engine.run(&workflow, json!({}))).unwrap();
    assert_eq!(execution.output()["call"], "done");
    assert_eq!(clock.elapsed(), Duration::from_hours(24 + 1 + 2));
}
