//! Words of the tables' lists: emitted in lower case, taken in any.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use turbocat_storage::platform as tables;
use utoipa::__dev::ComposeSchema;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// A list of words.
pub(crate) trait Words: Copy + Sized + 'static {
    const NAME: &'static str;
    const ALL: &'static [Self];

    fn word(self) -> &'static str;
    fn of_word(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($($name:ident),+ $(,)?) => {$(
        impl Words for tables::$name {
            const NAME: &'static str = stringify!($name);
            const ALL: &'static [Self] = Self::ALL;

            fn word(self) -> &'static str {
                Self::word(self)
            }

            fn of_word(word: &str) -> Option<Self> {
                Self::of_word(word)
            }
        }
    )+};
}

/// The words of fields: the document names types without parameters.
pub(crate) mod words {
    use super::{Word, tables};

    macro_rules! fields {
        ($($name:ident),+ $(,)?) => {$(pub(crate) type $name = Word<tables::$name>;)+};
    }

    fields!(
        UserRole,
        AgentType,
        AgentStatus,
        WorkflowStatus,
        StepType,
        ErrorHandling,
        ExecutionState,
        TriggerType,
        LogLevel,
        StepState,
        TemplateType,
        Environment,
        DeploymentStatus,
        HealthStatus,
        TeamStatus,
        MissedPolicy,
        DeliveryStatus,
    );
}

words!(
    UserRole,
    AgentType,
    AgentStatus,
    WorkflowStatus,
    StepType,
    ErrorHandling,
    ExecutionState,
    TriggerType,
    LogLevel,
    StepState,
    TemplateType,
    Environment,
    DeploymentStatus,
    HealthStatus,
    TeamStatus,
    TriggerKind,
    MissedPolicy,
    DeliveryStatus,
);

/// A word on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word<W>(pub(crate) W);

impl<W: Words> Serialize for Word<W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.word())
    }
}

impl<'de, W: Words> Deserialize<'de> for Word<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        W::of_word(&text).map(Self).ok_or_else(|| {
            let all: Vec<&str> = W::ALL.iter().map(|word| word.word()).collect();
            D::Error::custom(format!("expected one of {}", all.join(", ")))
        })
    }
}

impl<W: Words> ComposeSchema for Word<W> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(W::ALL.iter().map(|word| word.word())))
            .into()
    }
}

impl<W: Words> ToSchema for Word<W> {
    fn name() -> std::borrow::Cow<'static, str> {
        W::NAME.into()
    }
}
