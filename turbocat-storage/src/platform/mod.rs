//! The platform's tables: who uses it, what they made, what was done. One file a noun.
//!
//! Everything here is plain reading and writing of rows. Nothing knows what an agent does, how an
//! execution decides, or who may see what: those who call do.

mod words;
mod page;
mod filter;
#[macro_use]
mod record;
mod table;
mod users;
mod agents;
mod versions;
mod steps;
mod schedule;
mod workflows;
mod compose;
mod executions;
mod logs;
mod templates;
mod deployments;
mod api_keys;
mod audit;
mod teams;
mod triggers;
mod sessions;
mod one_time;
mod rate;
mod requests;
mod webhooks;
mod deliveries;
mod feed;
mod idempotency;
mod figures;
mod progress;
mod repositories;
mod retention;
mod seed;

pub use agents::{Agent, AgentFilter, AgentPatch, AgentSort, Agents, NewAgent};
pub use api_keys::{ApiKey, ApiKeys, NewApiKey};
pub use audit::{AuditEntry, AuditFilter, AuditLog, AuditSort, NewAuditEntry};
pub use deployments::{
    Deployment, DeploymentFilter, DeploymentPatch, DeploymentSort, DeploymentTarget, Deployments,
    NewDeployment, Transition,
};
pub use executions::{ExecutionFilter, ExecutionRow, ExecutionSort, Executions};
pub use feed::{Feed, Happening, NewHappening};
pub use logs::{
    ExecutionLog, ExecutionLogs, LogFilter, LogSort, MAX_LOG_BATCH, MAX_METADATA, NewExecutionLog,
};
pub use one_time::{NewToken, OneTimeTokens, Token};
pub use page::{Direction, MAX_PAGE_SIZE, Page, PageRequest};
pub use progress::{Behind, Done, Progress};
pub use rate::{RateWindows, Rated};
pub use record::Hidden;
pub use repositories::Platform;
pub use retention::{Ages, Pruned};
pub use seed::Seeded;
pub use sessions::{NewSession, Rotation, Session, Sessions};
pub use steps::{NewStep, WorkflowStep};
pub use teams::{NewTeam, Team, TeamAgent, TeamMember, TeamPatch, TeamSort, Teams};
pub use templates::{
    NewTemplate, Template, TemplateFilter, TemplatePatch, TemplateSort, Templates, Visibility,
};
pub use triggers::{NewTrigger, Trigger, TriggerFilter, TriggerPatch, TriggerSort, Triggers};
pub use users::{NewUser, User, UserFilter, UserPatch, UserSort, Users};
pub use versions::AgentVersion;
pub use words::*;
pub use workflows::{NewWorkflow, Workflow, WorkflowFilter, WorkflowPatch, WorkflowSort, Workflows};

pub use deliveries::{Attempted, Deliveries, Delivery, DeliveryFilter, DeliverySort, Outcome};
pub use figures::{Bucket, Figures, Group, Owned, Period, Spread, StepFigures, Subject, Totals};
pub use idempotency::{Claim, Held, IdempotencyKeys};
pub use webhooks::{NewWebhook, Webhook, WebhookFilter, WebhookPatch, WebhookSort, Webhooks};
