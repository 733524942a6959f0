//! The statements that write a group of turns on SQLite, and their arguments.
//!
//! Rows are bound one by one, as `values`. A statement is made for 1, 2, 4, … rows and filled up with
//! empty ones, so that groups of all sizes need few statements, which are parsed once and kept.
//! Places are not numbered: the driver looks names of places up one by one, for each of them among
//! all of them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use uuid::Uuid;

use super::super::turn::{New, Turn};
use super::super::value::hex;
use crate::db::{Arg, Args};

/// How many rows one statement is given at most. SQLite takes 32,766 arguments.
const MOST: usize = 256;
/// How many sizes there are: 1, 2, 4, … rows.
const SIZES: usize = MOST.ilog2() as usize + 1;

/// One statement of those that write a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Definitions,
    Executions,
    Jobs,
    /// Fails if a turn does not fit its execution any more: the table has a check that no such row
    /// passes.
    Check,
    Events,
    Standing,
    Letters,
    Wake,
    Read,
    /// Of executions that have ended.
    LettersOf,
    PlacesOf,
    JobsOf,
}

use Piece::{
    Check, Definitions, Events, Executions, Jobs, JobsOf, Letters, LettersOf, PlacesOf, Read, Standing, Wake,
};

const ALL: [Piece; 12] = [
    Definitions,
    Executions,
    Jobs,
    Check,
    Events,
    Standing,
    Letters,
    Wake,
    Read,
    LettersOf,
    PlacesOf,
    JobsOf,
];

/// Which statements a group needs.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    /// Only events, of executions that go on.
    Events,
    /// Executions that begin, go on and end.
    Executions,
    /// Letters as well.
    All,
}

impl Script {
    pub(super) fn of(turns: &[&Turn]) -> Self {
        let letters = turns.iter().any(|turn| turn.read.is_some() || !turn.letters.is_empty());
        if letters {
            Self::All
        } else if turns.iter().any(|turn| turn.is_more_than_events()) {
            Self::Executions
        } else {
            Self::Events
        }
    }

    pub(super) const fn pieces(self) -> &'static [Piece] {
        match self {
            Self::Events => &[Check, Events, Standing],
            Self::Executions => {
                &[Definitions, Executions, Jobs, Check, Events, Standing, LettersOf, PlacesOf, JobsOf]
            }
            Self::All => &ALL,
        }
    }

    /// All of its statements for that many rows.
    pub(super) fn text(self, rows: usize) -> &'static str {
        static TEXTS: LazyLock<[[String; SIZES]; 3]> = LazyLock::new(|| {
            [Script::Events, Script::Executions, Script::All].map(|script| {
                std::array::from_fn(|size| {
                    let pieces: Vec<String> =
                        script.pieces().iter().map(|piece| piece.write(1 << size)).collect();
                    pieces.join(";\n")
                })
            })
        });
        &TEXTS[self as usize][size_of_rows(rows)]
    }
}

/// The number of the smallest size that has room for so many rows.
const fn size_of_rows(rows: usize) -> usize {
    rows.next_power_of_two().ilog2() as usize
}

impl Piece {
    /// What stands before and after the rows, and how many columns they have; none: they come as
    /// one JSON text, because mostly there are none.
    const fn parts(self) -> (&'static str, usize, &'static str) {
        match self {
            Definitions => (
                "insert into definitions (digest, body, created_at)
select unhex(j.value ->> 0), j.value ->> 1, ? from json_each(?) as j where true on conflict do nothing",
                0,
                "",
            ),
            Executions => (
                "insert into executions (
    id, workflow_id, user_id, workflow_name, definition, trigger_type, trigger_data, priority, parent_id,
    awaited, input_data, input_digest, lineage, steps_total, created_at, updated_at)
select column1, column2, column3, column4, unhex(column5), column6, column7, column8, column9, column10,
    coalesce(column11, 'null'), unhex(column12), column13, column14, column15, column15 from (",
                15,
                ") where column1 is not null",
            ),
            Jobs => (
                "insert into jobs (execution_id, workflow_name, priority, state, due_ms, worker, created_ms)
select column1, column2, column3,
    case when column4 is not null then 1 when column5 > ? then 4 else 0 end, column5, column4, column6 from (",
                6,
                ") where column1 is not null",
            ),
            Check => (
                "insert into queue_controls (id) select 2 from (",
                3,
                ") as j where j.column1 is not null and not exists (
    select 1 from executions as x
    where x.id = j.column1 and x.seq = j.column2 and x.status in ('pending', 'running')
        and (j.column3 is null or exists (
            select 1 from jobs as h
            where h.execution_id = x.id and h.state = 1 and h.worker = j.column3)))",
            ),
            Events => (
                "insert into execution_events (execution_id, seq, events)
select column1, column2, column3 from (",
                3,
                ") where column1 is not null",
            ),
            Standing => (
                "update executions as e set
    seq = j.column2, status = j.column3, steps_completed = j.column4, steps_failed = j.column5,
    steps_skipped = j.column6, started_at = j.column7, completed_at = j.column8,
    duration_ms = j.column8 - j.column7, output_data = coalesce(j.column9, e.output_data),
    output_digest = unhex(j.column10), error_message = j.column11, updated_at = ?
from (",
                11,
                ") as j where e.id = j.column1",
            ),
            Letters => (
                "insert into letters (id, execution_id, message)
select unhex(j.value ->> 0), unhex(j.value ->> 1), j.value ->> 2 from json_each(?) as j
where exists (select 1 from jobs where execution_id = unhex(j.value ->> 1)) on conflict do nothing",
                0,
                "",
            ),
            Wake => (
                "update jobs set state = 0, due_ms = ?
where state = 2 and execution_id in (select unhex(j.value ->> 1) from json_each(?) as j)
    or state = 4 and execution_id in (select unhex(j.value ->> 1) from json_each(?) as j where j.value ->> 3)",
                0,
                "",
            ),
            Read => ("delete from letters where id in (select unhex(j.value) from json_each(?) as j)", 0, ""),
            LettersOf => ("delete from letters where execution_id in (", 1, ")"),
            PlacesOf => ("delete from agent_places where execution_id in (", 1, ")"),
            JobsOf => ("delete from jobs where execution_id in (", 1, ")"),
        }
    }

    fn write(self, rows: usize) -> String {
        let (head, columns, tail) = self.parts();
        let mut text = head.to_owned();
        if columns > 0 {
            let row = format!("({})", vec!["?"; columns].join(","));
            text.push_str("values ");
            text.push_str(&vec![&*row; rows].join(","));
        }
        text.push_str(tail);
        text
    }

    /// The statement for that many rows.
    pub(super) fn text(self, rows: usize) -> &'static str {
        static TEXTS: LazyLock<[[String; SIZES]; 12]> =
            LazyLock::new(|| ALL.map(|piece| std::array::from_fn(|size| piece.write(1 << size))));
        &TEXTS[self as usize][size_of_rows(rows)]
    }
}

/// What a group writes, as rows.
pub(super) struct Group<'a> {
    turns: Vec<&'a Turn>,
    events: Vec<(Uuid, i64, &'a str)>,
    new: Vec<&'a New>,
    ended: Vec<Uuid>,
    all: &'a [&'a Turn],
    now: i64,
}

impl<'a> Group<'a> {
    pub(super) fn of(turns: &'a [&'a Turn], now: i64) -> Self {
        let rows = |turn: &&'a Turn| {
            let execution = turn.execution;
            turn.rows.iter().map(move |(first, text)| (execution, *first, &**text))
        };
        Self {
            turns: turns.iter().copied().filter(|turn| turn.moves() || turn.read.is_some()).collect(),
            events: turns.iter().flat_map(rows).collect(),
            new: turns.iter().flat_map(|turn| &turn.new).collect(),
            ended: turns.iter().filter(|turn| turn.ended).map(|turn| turn.execution).collect(),
            all: turns,
            now,
        }
    }

    /// Executions that are taken in, and nothing else.
    pub(super) fn taking_in(new: &[&'a New], now: i64) -> Self {
        let (turns, events, ended) = (Vec::new(), Vec::new(), Vec::new());
        Self { turns, events, new: new.to_vec(), ended, all: &[], now }
    }

    /// The most rows of any statement; `None` if they do not fit into one.
    pub(super) fn rows(&self) -> Option<usize> {
        let most = self.turns.len().max(self.events.len()).max(self.new.len()).max(self.ended.len()).max(1);
        (most <= MOST).then_some(most)
    }

    /// The arguments of a script.
    pub(super) fn args(&self, script: Script, rows: usize) -> Args {
        let mut args = Args::new();
        for piece in script.pieces() {
            self.push(&mut args, *piece, 0..rows);
        }
        args
    }

    /// The arguments of a statement, as often as it takes to write all of its rows.
    pub(super) fn portions(&self, piece: Piece) -> Vec<(&'static str, Args)> {
        let count = match piece {
            Executions | Jobs => self.new.len(),
            Check | Standing => self.turns.len(),
            Events => self.events.len(),
            LettersOf | PlacesOf | JobsOf => self.ended.len(),
            Definitions | Letters | Wake | Read => 1,
        };
        let mut portions = Vec::new();
        for from in (0..count).step_by(MOST) {
            let rows = from..(from + MOST).min(count);
            let mut args = Args::new();
            self.push(&mut args, piece, rows.clone());
            portions.push((piece.text(rows.len()), args));
        }
        portions
    }

    /// The arguments of a statement for these rows, and for the empty ones behind them.
    fn push(&self, args: &mut Args, piece: Piece, rows: std::ops::Range<usize>) {
        let (_, columns, _) = piece.parts();
        let places = rows.len().next_power_of_two();
        let mut filled = 0;
        let mut row = |args: &mut Args, values: &mut dyn FnMut(&mut Args)| {
            values(args);
            filled += 1;
        };
        match piece {
            Definitions => {
                let bodies = self.new.iter().map(|new| (&*new.digest, &*new.definition));
                args.push(self.now);
                args.push(json(bodies.collect::<BTreeMap<_, _>>().into_iter()));
            }
            Executions => {
                for new in within(&self.new, &rows) {
                    row(args, &mut |args| {
                        args.push(new.execution);
                        args.push(new.workflow_id);
                        args.push(new.user_id);
                        args.push(new.name.clone());
                        args.push(&*new.digest);
                        args.push(new.trigger);
                        args.push(&*new.trigger_data);
                        args.push(new.priority);
                        args.push(new.parent);
                        args.push(i64::from(new.awaited));
                        args.push(new.inputs.clone());
                        args.push(new.input_digest.clone());
                        args.push(new.lineage.clone());
                        args.push(new.steps);
                        args.push(new.created);
                    });
                }
            }
            Jobs => {
                args.push(self.now);
                for new in within(&self.new, &rows) {
                    row(args, &mut |args| {
                        args.push(new.execution);
                        args.push(new.name.clone());
                        args.push(new.priority);
                        args.push(new.worker);
                        args.push(new.due);
                        args.push(new.created);
                    });
                }
            }
            Check => {
                for turn in within(&self.turns, &rows) {
                    row(args, &mut |args| {
                        args.push(turn.execution);
                        args.push(turn.expected);
                        args.push(turn.worker);
                    });
                }
            }
            Events => {
                for (execution, first, text) in within(&self.events, &rows) {
                    row(args, &mut |args| {
                        args.push(execution);
                        args.push(*first);
                        args.push(*text);
                    });
                }
            }
            Standing => {
                args.push(self.now);
                for turn in within(&self.turns, &rows) {
                    row(args, &mut |args| {
                        args.push(turn.execution);
                        args.push(turn.seq);
                        args.push(turn.status);
                        args.push(turn.completed);
                        args.push(turn.failed);
                        args.push(turn.skipped);
                        args.push(turn.started_at);
                        args.push(turn.ended_at);
                        args.push(turn.output.clone());
                        args.push(turn.output_digest.clone());
                        args.push(turn.error.clone());
                    });
                }
            }
            Letters => {
                args.push(self.letters());
            }
            Wake => {
                args.push(self.now);
                args.push(self.letters());
                args.push(self.letters());
            }
            Read => {
                args.push(json(self.all.iter().filter_map(|turn| turn.read).map(id)));
            }
            LettersOf | PlacesOf | JobsOf => {
                for ended in within(&self.ended, &rows) {
                    row(args, &mut |args| {
                        args.push(ended);
                    });
                }
            }
        }
        for _ in 0..places.saturating_sub(filled) * columns {
            args.push(Arg::Int(None));
        }
    }

    fn letters(&self) -> String {
        let letters = self.all.iter().flat_map(|turn| &turn.letters);
        json(letters.map(|letter| (id(letter.id), id(letter.to), &*letter.message, letter.cancels)))
    }
}

/// Those rows that there are.
fn within<'r, T>(all: &'r [T], rows: &std::ops::Range<usize>) -> &'r [T] {
    &all[rows.start.min(all.len())..rows.end.min(all.len())]
}

fn id(uuid: Uuid) -> String {
    hex(uuid.as_bytes())
}

/// Rows as JSON. They are texts and numbers, which cannot fail to be written.
fn json<T: serde::Serialize>(rows: impl Iterator<Item = T>) -> String {
    serde_json::to_string(&rows.collect::<Vec<T>>()).unwrap_or_default()
}
