-- What the platform needs to be served: who is signed in, what was asked before, who is told what.

create table sessions (
    id {uuid} primary key,
    user_id {uuid} not null references users (id) on delete cascade,
    -- SHA-256 of the refresh token that is good now, and of the one before it, which is good for a
    -- moment more: two requests may have been under way.
    refresh_hash text not null,
    previous_hash text,
    previous_until {time},
    ip_address text,
    user_agent text,
    last_used_at {time} not null,
    expires_at {time} not null,
    created_at {time} not null default {now}
) {strict};

create index sessions_user on sessions (user_id);
create index sessions_expires on sessions (expires_at);

-- Tokens that are good once, by their SHA-256: for a new password, a sign-in elsewhere.
create table one_time_tokens (
    hash text primary key,
    purpose text not null check (purpose in ('password_reset', 'oauth_state', 'sign_in')),
    user_id {uuid} references users (id) on delete cascade,
    data {json} not null default '{}',
    expires_at {time} not null,
    created_at {time} not null default {now}
) {strict};

create index one_time_tokens_user on one_time_tokens (user_id) where user_id is not null;
create index one_time_tokens_expires on one_time_tokens (expires_at);

-- How often something was done since a window of time began.
create table rate_windows (
    name text primary key,
    count {bigint} not null,
    ends_at {time} not null
) {strict};

create index rate_windows_ends on rate_windows (ends_at);

-- Requests that may be sent again: what was asked under a key of the client's, and what was
-- answered. The answer is sealed: there may be tokens in it.
create table idempotency_keys (
    name text primary key,
    request text not null,
    status integer,
    answer text,
    expires_at {time} not null,
    created_at {time} not null default {now}
) {strict};

create index idempotency_keys_expires on idempotency_keys (expires_at);

-- What happened, in one order for all nodes.
create table feed (
    seq {serial},
    id {uuid} not null unique,
    name text not null,
    resource_type text not null,
    resource_id {uuid} not null,
    user_id {uuid} references users (id) on delete cascade,
    data {json} not null default '{}',
    at {time} not null
) {strict};

create index feed_user on feed (user_id, seq);
create index feed_at on feed (at);

-- Who is told, and where.
create table webhooks (
    id {uuid} primary key {uuid_default},
    user_id {uuid} not null references users (id) on delete cascade,
    url text not null,
    description text,
    events {texts} not null default {no_texts},
    -- sealed
    secret text not null,
    is_active {bool} not null default true,
    -- how many deliveries in a row were given up
    failures integer not null default 0,
    disabled_reason text,
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    deleted_at {time}
) {strict};

create index webhooks_user on webhooks (user_id) where deleted_at is null;

create table webhook_deliveries (
    id {uuid} primary key {uuid_default},
    webhook_id {uuid} not null references webhooks (id) on delete cascade,
    event_id {uuid} not null,
    event_name text not null,
    payload {json} not null,
    status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
    attempts integer not null default 0,
    next_at {time},
    last_status integer,
    last_error text,
    last_duration_ms {bigint},
    delivered_at {time},
    created_at {time} not null default {now},
    updated_at {time} not null default {now}
) {strict};

create index webhook_deliveries_webhook on webhook_deliveries (webhook_id, created_at desc);
create index webhook_deliveries_due on webhook_deliveries (next_at) where status = 'pending';
create index webhook_deliveries_created on webhook_deliveries (created_at);

-- What was asked of deployments, a row a minute.
create table deployment_minutes (
    deployment_id {uuid} not null references deployments (id) on delete cascade,
    minute {time} not null,
    requests {bigint} not null default 0,
    errors {bigint} not null default 0,
    duration_ms {bigint} not null default 0,
    primary key (deployment_id, minute)
) {strict};

create index deployments_key on deployments (api_key_hash) where api_key_hash is not null;

-- How far executions of the platform's workflows were announced: 0 not at all, 1 as begun, 2 as
-- ended; and up to which event their lines were written into the log.
alter table executions add column announced integer not null default 0;
alter table executions add column logged_seq {bigint} not null default 0;

update executions set announced = 2 where completed_at is not null;

create index executions_unannounced on executions (created_at) where workflow_id is not null
    and ((announced = 0 and status <> 'pending') or (announced < 2 and completed_at is not null));
