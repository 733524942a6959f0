-- The platform's tables: users, agents, workflows, executions and what belongs to them.
-- JSON is kept as text, so that it is read back as it was written, with the order
-- of its keys, on both databases. Lengths are checked instead of declared: both databases then agree.

create table users (
    id {uuid} primary key {uuid_default},
    email text not null unique check (length(email) between 3 and 255),
    password_hash text check (length(password_hash) <= 255),
    full_name text check (length(full_name) <= 255),
    avatar_url text,
    role text not null default 'user' check (role in ('user', 'admin', 'agent')),
    is_active {bool} not null default true,
    email_verified {bool} not null default false,
    email_verified_at {time},
    last_login_at {time},
    preferences {json} not null default '{}',
    verification_token text unique check (length(verification_token) <= 64),
    verification_token_expiry {time},
    oauth_provider text check (length(oauth_provider) <= 50),
    oauth_id text check (length(oauth_id) <= 255),
    oauth_access_token text,
    oauth_refresh_token text,
    google_id text unique check (length(google_id) <= 255),
    tutorial_completed {bool} not null default false,
    tutorial_progress {json} not null default '{"lastStep":0,"completedSteps":[],"dismissedPages":[]}',
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    deleted_at {time}
) {strict};

create index users_role on users (role) where deleted_at is null;
create index users_created on users (created_at desc);
create unique index users_oauth on users (oauth_provider, oauth_id) where oauth_id is not null;
create index users_deleted on users (deleted_at) where deleted_at is not null;

create table agents (
    id {uuid} primary key {uuid_default},
    name text not null check (length(name) between 1 and 255),
    description text,
    type text not null check (type in ('code', 'api', 'llm', 'data', 'workflow')),
    status text not null default 'draft' check (status in ('draft', 'active', 'inactive', 'archived')),
    version integer not null default 1,
    parent_id {uuid} references agents (id) on delete set null,
    user_id {uuid} not null references users (id) on delete cascade,
    config {json} not null default '{}',
    capabilities {json} not null default '[]',
    parameters {json} not null default '{}',
    max_execution_time integer default 300 check (max_execution_time > 0),
    max_memory_mb integer default 512 check (max_memory_mb > 0),
    max_concurrent_executions integer default 1 check (max_concurrent_executions > 0),
    total_executions {bigint} not null default 0,
    successful_executions {bigint} not null default 0,
    failed_executions {bigint} not null default 0,
    avg_execution_time_ms {bigint} not null default 0,
    tags {texts} not null default {no_texts},
    is_public {bool} not null default false,
    is_template {bool} not null default false,
    system_prompt text,
    tools {json} not null default '[]',
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    deleted_at {time}
) {strict};

create index agents_user on agents (user_id, created_at desc);
create index agents_parent on agents (parent_id) where parent_id is not null;
create index agents_type on agents (type) where deleted_at is null;
create index agents_status on agents (status) where deleted_at is null;
create index agents_public on agents (created_at desc) where is_public and deleted_at is null;
create index agents_created on agents (created_at desc) where deleted_at is null;
create index agents_deleted on agents (deleted_at) where deleted_at is not null;

create table workflows (
    id {uuid} primary key {uuid_default},
    name text not null check (length(name) between 1 and 255),
    description text,
    user_id {uuid} not null references users (id) on delete cascade,
    status text not null default 'draft' check (status in ('draft', 'active', 'inactive', 'archived')),
    version integer not null default 1,
    parent_id {uuid} references workflows (id) on delete set null,
    definition {json} not null default '{}',
    trigger_config {json} not null default '{}',
    schedule_enabled {bool} not null default false,
    schedule_cron text check (length(schedule_cron) <= 100),
    schedule_timezone text not null default 'UTC' check (length(schedule_timezone) <= 50),
    total_executions {bigint} not null default 0,
    successful_executions {bigint} not null default 0,
    failed_executions {bigint} not null default 0,
    avg_execution_time_ms {bigint} not null default 0,
    last_execution_at {time},
    tags {texts} not null default {no_texts},
    is_public {bool} not null default false,
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    deleted_at {time}
) {strict};

create index workflows_user on workflows (user_id, created_at desc);
create index workflows_parent on workflows (parent_id) where parent_id is not null;
create index workflows_status on workflows (status) where deleted_at is null;
create index workflows_scheduled on workflows (id) where schedule_enabled and deleted_at is null;
create index workflows_created on workflows (created_at desc) where deleted_at is null;
create index workflows_deleted on workflows (deleted_at) where deleted_at is not null;

create table workflow_steps (
    id {uuid} primary key {uuid_default},
    workflow_id {uuid} not null references workflows (id) on delete cascade,
    agent_id {uuid} references agents (id) on delete set null,
    step_key text not null check (length(step_key) between 1 and 100),
    step_name text not null check (length(step_name) between 1 and 255),
    step_type text not null check (step_type in ('agent', 'condition', 'loop', 'parallel', 'wait')),
    position integer not null check (position >= 0),
    config {json} not null default '{}',
    inputs {json} not null default '{}',
    outputs {json} not null default '{}',
    depends_on {texts} not null default {no_texts},
    retry_count integer not null default 0 check (retry_count >= 0),
    retry_delay_ms integer not null default 1000 check (retry_delay_ms >= 0),
    timeout_ms integer not null default 30000 check (timeout_ms >= 0),
    on_error text not null default 'fail' check (on_error in ('fail', 'continue', 'retry')),
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    unique (workflow_id, step_key)
) {strict};

create index workflow_steps_agent on workflow_steps (agent_id) where agent_id is not null;
create index workflow_steps_position on workflow_steps (workflow_id, position);

-- Written by the journal; an embedded program has neither workflows nor users in tables.
create table executions (
    id {uuid} primary key,
    workflow_id {uuid} references workflows (id) on delete cascade,
    user_id {uuid} references users (id) on delete cascade,
    workflow_name text,
    definition {bytes},
    status text not null default 'pending'
        check (status in ('pending', 'running', 'completed', 'failed', 'cancelled', 'timeout')),
    trigger_type text not null default 'manual'
        check (trigger_type in ('manual', 'scheduled', 'api', 'webhook', 'event')),
    trigger_data {json} not null default '{}',
    priority integer not null default 0,
    seq {bigint} not null default 0,
    parent_id {uuid},
    awaited {bool} not null default false,
    wake_at {time},
    started_at {time},
    completed_at {time},
    duration_ms {bigint},
    input_data {json} not null default '{}',
    output_data {json} not null default '{}',
    steps_total integer not null default 0,
    steps_completed integer not null default 0,
    steps_failed integer not null default 0,
    steps_skipped integer not null default 0,
    error_message {json},
    error_stack {json},
    -- whether its workflow has counted it
    counted {bool} not null default false,
    created_at {time} not null default {now},
    updated_at {time} not null default {now}
) {strict};

create index executions_workflow on executions (workflow_id, created_at desc) where workflow_id is not null;
create index executions_user on executions (user_id, created_at desc) where user_id is not null;
create index executions_parent on executions (parent_id) where parent_id is not null;
create index executions_unfinished on executions (created_at) where status in ('pending', 'running');
create index executions_created on executions (created_at desc);
create index executions_completed on executions (completed_at desc, status) where completed_at is not null;
create index executions_failed on executions (completed_at desc, status) where status in ('failed', 'timeout');
create index executions_definition on executions (definition) where definition is not null;
create index executions_uncounted on executions (completed_at)
    where completed_at is not null and workflow_id is not null and not counted;

create table execution_logs (
    id {uuid} primary key {uuid_default},
    execution_id {uuid} not null references executions (id) on delete cascade,
    workflow_step_id {uuid} references workflow_steps (id) on delete set null,
    level text not null default 'info' check (level in ('info', 'debug', 'warn', 'error', 'fatal')),
    message text not null,
    metadata {json} not null default '{}',
    step_key text,
    step_status text check (step_status in ('pending', 'running', 'completed', 'failed', 'skipped')),
    step_started_at {time},
    step_completed_at {time},
    step_duration_ms {bigint},
    created_at {time} not null default {now}
) {strict};

create index execution_logs_execution on execution_logs (execution_id, created_at);
create index execution_logs_step on execution_logs (workflow_step_id) where workflow_step_id is not null;
create index execution_logs_level on execution_logs (created_at desc) where level in ('error', 'fatal');
create index execution_logs_created on execution_logs (created_at desc);

create table templates (
    id {uuid} primary key {uuid_default},
    name text not null check (length(name) between 1 and 255),
    description text,
    category text not null check (length(category) between 1 and 100),
    type text not null check (type in ('agent', 'workflow', 'step')),
    user_id {uuid} references users (id) on delete set null,
    template_data {json} not null,
    tags {texts} not null default {no_texts},
    is_official {bool} not null default false,
    is_public {bool} not null default false,
    usage_count {bigint} not null default 0,
    rating_average {float} not null default 0 check (rating_average between 0 and 5),
    rating_count {bigint} not null default 0,
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    deleted_at {time}
) {strict};

create index templates_user on templates (user_id) where user_id is not null;
create index templates_category on templates (category) where deleted_at is null;
create index templates_type on templates (type) where deleted_at is null;
create index templates_official on templates (id) where is_official and deleted_at is null;
create index templates_public on templates (usage_count desc) where is_public and deleted_at is null;
create index templates_usage on templates (usage_count desc) where deleted_at is null;
create index templates_deleted on templates (deleted_at) where deleted_at is not null;

-- That exactly one of workflow_id and agent_id is set is asked for when a deployment is written: a
-- check would keep a workflow or an agent from being deleted for good.
create table deployments (
    id {uuid} primary key {uuid_default},
    name text not null check (length(name) between 1 and 255),
    description text,
    user_id {uuid} not null references users (id) on delete cascade,
    workflow_id {uuid} references workflows (id) on delete set null,
    agent_id {uuid} references agents (id) on delete set null,
    environment text not null default 'production'
        check (environment in ('production', 'development', 'staging')),
    status text not null default 'stopped'
        check (status in ('stopped', 'starting', 'running', 'stopping', 'failed', 'maintenance')),
    config {json} not null default '{}',
    environment_vars {json} not null default '{}',
    endpoint_url text,
    api_key_hash text check (length(api_key_hash) <= 255),
    allocated_memory_mb integer not null default 512 check (allocated_memory_mb > 0),
    allocated_cpu_shares integer not null default 1024 check (allocated_cpu_shares > 0),
    deployed_at {time},
    last_health_check_at {time},
    health_status text not null default 'unknown'
        check (health_status in ('unknown', 'healthy', 'unhealthy', 'degraded')),
    total_requests {bigint} not null default 0,
    total_errors {bigint} not null default 0,
    avg_response_time_ms {bigint} not null default 0,
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    deleted_at {time},
    check (workflow_id is null or agent_id is null)
) {strict};

create index deployments_user on deployments (user_id) where deleted_at is null;
create index deployments_workflow on deployments (workflow_id) where deleted_at is null;
create index deployments_agent on deployments (agent_id) where deleted_at is null;
create index deployments_status on deployments (status) where deleted_at is null;
create index deployments_environment on deployments (environment) where deleted_at is null;
create index deployments_deleted on deployments (deleted_at) where deleted_at is not null;

create table api_keys (
    id {uuid} primary key {uuid_default},
    user_id {uuid} not null references users (id) on delete cascade,
    name text not null check (length(name) between 1 and 255),
    key_hash text not null unique check (length(key_hash) <= 255),
    key_prefix text not null check (length(key_prefix) <= 20),
    scopes {texts} not null default {no_texts},
    is_active {bool} not null default true,
    expires_at {time},
    last_used_at {time},
    usage_count {bigint} not null default 0,
    rate_limit_per_minute integer not null default 60 check (rate_limit_per_minute > 0),
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    deleted_at {time}
) {strict};

create index api_keys_user on api_keys (user_id);
create index api_keys_prefix on api_keys (key_prefix);
create index api_keys_expires on api_keys (expires_at) where expires_at is not null;
create index api_keys_deleted on api_keys (deleted_at) where deleted_at is not null;

create table audit_logs (
    id {uuid} primary key {uuid_default},
    user_id {uuid} references users (id) on delete set null,
    action text not null check (length(action) between 1 and 100),
    resource_type text not null check (length(resource_type) between 1 and 50),
    resource_id {uuid},
    changes {json} not null default '{}',
    metadata {json} not null default '{}',
    ip_address text,
    user_agent text,
    created_at {time} not null default {now}
) {strict};

create index audit_logs_user on audit_logs (user_id, created_at desc) where user_id is not null;
create index audit_logs_resource on audit_logs (resource_type, resource_id);
create index audit_logs_action on audit_logs (action);
create index audit_logs_created on audit_logs (created_at desc);

create table teams (
    id {uuid} primary key {uuid_default},
    name text not null check (length(name) between 1 and 100),
    description text,
    owner_id {uuid} not null references users (id) on delete cascade,
    status text not null default 'active' check (status in ('active', 'inactive')),
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    deleted_at {time}
) {strict};

create index teams_owner on teams (owner_id);
create index teams_deleted on teams (deleted_at) where deleted_at is not null;

create table team_members (
    team_id {uuid} not null references teams (id) on delete cascade,
    user_id {uuid} not null references users (id) on delete cascade,
    role text not null default 'member' check (length(role) between 1 and 50),
    joined_at {time} not null default {now},
    primary key (team_id, user_id)
) {strict};

create index team_members_user on team_members (user_id);

create table team_agents (
    team_id {uuid} not null references teams (id) on delete cascade,
    agent_id {uuid} not null references agents (id) on delete cascade,
    added_at {time} not null default {now},
    primary key (team_id, agent_id)
) {strict};

create index team_agents_agent on team_agents (agent_id);

-- What starts executions. A workflow is named by its row, or by its name in a program that has none.
create table triggers (
    id {uuid} primary key {uuid_default},
    workflow_id {uuid} references workflows (id) on delete cascade,
    workflow_name text,
    kind text not null check (kind in ('cron', 'webhook', 'event')),
    name text not null check (length(name) between 1 and 255),
    config {json} not null default '{}',
    cron text check (length(cron) <= 100),
    timezone text not null default 'UTC' check (length(timezone) <= 50),
    enabled {bool} not null default true,
    missed text not null default 'skip' check (missed in ('skip', 'once', 'all')),
    priority integer not null default 0,
    inputs {json} not null default '{}',
    secret_hash text,
    event_name text,
    next_at {time},
    last_at {time},
    last_execution_id {uuid},
    created_at {time} not null default {now},
    updated_at {time} not null default {now},
    deleted_at {time},
    check (workflow_id is not null or workflow_name is not null)
) {strict};

create index triggers_workflow on triggers (workflow_id) where workflow_id is not null;
create index triggers_due on triggers (next_at) where next_at is not null and enabled and deleted_at is null;
create index triggers_event on triggers (event_name) where event_name is not null and enabled and deleted_at is null;
create index triggers_deleted on triggers (deleted_at) where deleted_at is not null;

-- Secrets by name: everybody's where no owner is set, else one user's.
create table secrets (
    id {uuid} primary key {uuid_default},
    owner_id {uuid} references users (id) on delete cascade,
    name text not null check (length(name) between 1 and 255),
    ciphertext text not null,
    key_id text not null,
    created_at {time} not null default {now},
    updated_at {time} not null default {now}
) {strict};

create unique index secrets_shared on secrets (name) where owner_id is null;
create unique index secrets_owned on secrets (owner_id, name) where owner_id is not null;
create index secrets_key on secrets (key_id, id);

-- postgres:
create index agents_tags on agents using gin (tags);
create index workflows_tags on workflows using gin (tags);
create index templates_tags on templates using gin (tags);
alter table executions set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
