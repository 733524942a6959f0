-- The journal: what executions recorded, who drives them, and the letters on their way to them.

alter table executions add column input_digest {bytes};
alter table executions add column output_digest {bytes};
alter table executions add column lineage {json};

-- Definitions by the SHA-256 of their text: one row for all executions of one version.
create table definitions (
    digest {bytes} primary key,
    body text not null,
    created_at {time} not null default {now}
) {strict};

-- Large values by the SHA-256 of their text, and which executions refer to them.
create table blobs (
    digest {bytes} primary key,
    body text not null
) {strict};

create table execution_blobs (
    execution_id {uuid} not null,
    digest {bytes} not null,
    primary key (execution_id, digest)
) {strict};

create index execution_blobs_digest on execution_blobs (digest);

-- One row a turn (or part of a large one): the number of its first event, and the events as a JSON
-- array. Rows are appended; on SQLite in the order of the table, which is three times faster than
-- in the order of the key when executions interleave.
create table execution_events (
    execution_id {uuid} not null,
    seq {bigint} not null,
    events text not null
) {strict};

create unique index execution_events_seq on execution_events (execution_id, seq);

-- One row for each execution that has not ended. Moments are milliseconds since 1970.
create table jobs (
    execution_id {uuid} primary key,
    workflow_name text,
    priority integer not null default 0,
    -- 0 ready, 1 held, 2 parked, 3 dead, 4 delayed
    state integer not null check (state between 0 and 4),
    -- ready, dead: since when; held: until when, if there are leases; parked: until when, if that is
    -- known; delayed: until when
    due_ms {bigint},
    worker {uuid},
    failures integer not null default 0,
    stalls integer not null default 0,
    -- the number of the execution's last event when it was claimed
    seen {bigint} not null default 0,
    error {json},
    created_ms {bigint} not null
) {strict};

create index jobs_ready on jobs (priority, due_ms) where state = 0;
create index jobs_due on jobs (due_ms) where state in (1, 2, 4) and due_ms is not null;
create index jobs_held on jobs (workflow_name) where state = 1;
create index jobs_dead on jobs (due_ms) where state = 3;

create table letters (
    arrival {serial},
    id {uuid} not null unique,
    execution_id {uuid} not null,
    message text not null
) {strict};

create index letters_execution on letters (execution_id, arrival);

-- How claims are held back: one row, and a row for each limit.
create table queue_controls (
    id integer primary key check (id = 1),
    paused {bool} not null default false,
    rate_limit integer check (rate_limit > 0),
    rate_window_ms {bigint} check (rate_window_ms > 0),
    window_began_ms {bigint} not null default 0,
    window_claims integer not null default 0
) {strict};

insert into queue_controls (id) values (1);

create table concurrency_limits (
    kind text not null check (kind in ('workflow', 'agent')),
    name text not null check (length(name) between 1 and 255),
    places integer not null check (places >= 0),
    primary key (kind, name)
) {strict};

create table agent_places (
    agent text not null,
    execution_id {uuid} not null,
    attempt text not null,
    worker {uuid} not null,
    primary key (execution_id, attempt, agent)
) {strict};

create index agent_places_agent on agent_places (agent);

-- Who claims executions, and when that was last heard.
create table workers (
    id {uuid} primary key,
    works {bool} not null,
    began_ms {bigint} not null,
    seen_ms {bigint} not null
) {strict};

-- An execution takes all that is its own with it, also when it goes with its workflow or its user.
-- Not by foreign keys: each event would have to look for its execution.
-- sqlite:
create trigger executions_gone after delete on executions begin
    delete from execution_events where execution_id = old.id;
    delete from execution_blobs where execution_id = old.id;
    delete from letters where execution_id = old.id;
    delete from agent_places where execution_id = old.id;
    delete from jobs where execution_id = old.id;
end;

-- postgres:
create function forget_execution() returns trigger language plpgsql as $$
begin
    delete from execution_events where execution_id = old.id;
    delete from execution_blobs where execution_id = old.id;
    delete from letters where execution_id = old.id;
    delete from agent_places where execution_id = old.id;
    delete from jobs where execution_id = old.id;
    return null;
end
$$;

create trigger executions_gone after delete on executions for each row execute function forget_execution();

alter table jobs set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table letters set (autovacuum_vacuum_scale_factor = 0.02);
