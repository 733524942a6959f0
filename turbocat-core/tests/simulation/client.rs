//! Whoever asks the engines for something: asks again, perhaps another engine, until it is done.

use std::sync::{Arc, Mutex};

use serde_json::json;
use turbocat_core::{
    Approval, Engine, Enqueue, ErrorKind, ExecutionId, Journal, Letter, Message, Sent, Timestamp,
};
use uuid::Uuid;

use crate::chance::Chance;
use crate::flows::{FLOWS, Flow};
use crate::seen::{Life, Seen};
use crate::wire::Wire;

/// An execution that is asked for.
pub(crate) struct Order {
    pub(crate) id: ExecutionId,
    pub(crate) flow: &'static Flow,
    pub(crate) n: u64,
    /// Whether it is cancelled at some moment.
    pub(crate) cancelled: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    Enqueue,
    Signal(u64),
    /// A letter with a name, sent twice.
    Letter(u64),
    Approve,
    Cancel,
    Pause,
    Unpause,
}

/// Something that is asked for.
pub(crate) struct Errand {
    pub(crate) at: Timestamp,
    pub(crate) order: usize,
    pub(crate) wish: Wish,
    /// Whom it was given to, and what came of it: true if it is done.
    pub(crate) given: Option<(Life, Arc<Mutex<Option<bool>>>)>,
}

fn errand(at: Timestamp, order: usize, wish: Wish) -> Errand {
    Errand { at, order, wish, given: None }
}

/// What is asked for in a simulation.
pub(crate) fn errands(chance: &mut Chance, seen: &Seen) -> (Vec<Order>, Vec<Errand>) {
    let (mut orders, mut errands) = (Vec::new(), Vec::new());
    let start = seen.clock.now();
    let later =
        |chance: &mut Chance, millis| start.after(std::time::Duration::from_millis(chance.below(millis)));
    for number in 0..usize::try_from(chance.between(2, 5)).unwrap() {
        let flow = chance.pick(&FLOWS);
        let mut bytes = [0; 16];
        bytes[6] = 0x70;
        bytes[8..].copy_from_slice(&chance.next().to_be_bytes());
        let id = ExecutionId::from_uuid(Uuid::from_bytes(bytes));
        seen.names(id, format!("{}{number}", flow.name));
        let at = later(chance, 20_000);
        errands.push(errand(at, number, Wish::Enqueue));
        let extra = chance.below(2);
        for signal in 0..flow.signals + extra {
            let at = later(chance, 40_000);
            let wish = if chance.hits(500) { Wish::Signal } else { Wish::Letter };
            errands.push(errand(at, number, wish(100 * number as u64 + signal)));
        }
        if flow.asks.is_some() {
            let at = later(chance, 40_000);
            errands.push(errand(at, number, Wish::Approve));
        }
        let cancelled = chance.hits(150);
        if cancelled {
            let at = later(chance, 30_000);
            errands.push(errand(at, number, Wish::Cancel));
        }
        if chance.hits(200) {
            let at = later(chance, 30_000);
            errands.push(errand(at, number, Wish::Pause));
        }
        orders.push(Order { id, flow, n: chance.below(4), cancelled });
    }
    (orders, errands)
}

/// Asks an engine. True if it is done, false if it has to be asked again.
pub(crate) async fn ask(
    engine: Engine,
    wire: Wire,
    order: (ExecutionId, &'static Flow, u64),
    wish: Wish,
) -> bool {
    let (id, flow, n) = order;
    let done = match wish {
        Wish::Enqueue => {
            let asked = engine.enqueue(flow.name, json!({ "n": n }), Enqueue::new().id(id)).await;
            return match asked {
                Ok(_) => true,
                Err(error) => error.kind() == ErrorKind::Conflict,
            };
        }
        Wish::Signal(number) => engine.signal(id, "go", number).await,
        Wish::Approve => {
            let step = flow.asks.unwrap_or_default();
            return match engine.approve(id, step, Approval::yes()).await {
                Ok(()) => true,
                Err(_) => false,
            };
        }
        Wish::Cancel => engine.cancel(id, "not wanted").await,
        Wish::Pause => engine.pause(id, "wait").await,
        Wish::Unpause => engine.unpause(id).await,
        Wish::Letter(number) => {
            // The same name at every attempt: twice is once.
            let mut name = *id.as_uuid().as_bytes();
            name[0] = u8::try_from(number % 100 + 1).unwrap();
            let message = Message::Signal { name: "go".into(), payload: Arc::new(json!(number)) };
            let letter = Letter { id: Uuid::from_bytes(name), to: id, message };
            let first = wire.send(&letter).await;
            let again = wire.send(&letter).await;
            return matches!((first, again), (Ok(sent), Ok(_)) if sent != Sent::Unknown);
        }
    };
    match done {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotWaiting,
    }
}
